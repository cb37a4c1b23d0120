// SIGHUP: the configuration is read again, and what can change in a running server changes.
#include "app/wiring/reload.hpp"

#include <map>

#include "app/wiring/server_impl.hpp"

namespace windfall::app {

using system::log;
using system::LogLevel;

LogLevel log_level_of(const Config& config) {
  static const std::map<std::string_view, LogLevel> kLevels{
      {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
  return kLevels.at(config.log_level);
}

void Server::Impl::reload() {
  if (draining) return;
  const Result<Config> fresh = load();
  if (!fresh) {
    log(LogLevel::error, "reload_refused", {{"why", fresh.error().message}});
    return;
  }
  const std::vector<ConfigChange> changes = changes_between(loaded, *fresh);
  loaded = with_changes_at_once(std::move(loaded), *fresh);
  config = with_changes_at_once(std::move(config), *fresh);
  system::set_log_level(log_level_of(config));
  rate_limit->change(user_limit());
  address_limit->change(per_address());
  callers->change_keys(config.admin_key, config.gateway_key);
  for (const ConfigChange& change : changes) {
    log(change.at_once ? LogLevel::info : LogLevel::warning,
        change.at_once ? "setting_changed" : "setting_needs_restart", {{"setting", change.name}});
  }
  log(LogLevel::info, "reloaded", {{"changes", static_cast<std::int64_t>(changes.size())}});
}

}  // namespace windfall::app
