#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "adapters/system/log.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/notify.hpp"
#include "app/server.hpp"
#include "app/wiring/reload.hpp"

namespace windfall::app {

namespace {

/// Files that the server makes are readable by its own user.
constexpr mode_t kOwnerOnly = 077;

/// What the flags of serve and config give, by the names of the configuration.
struct Flags {
  std::string file;
  std::map<std::string, std::string> given;
  bool dev = false;
};

void add_flags(CLI::App& command, const std::shared_ptr<Flags>& flags) {
  const auto text = [&command, flags](const char* flag, const char* member, const char* type, const char* help) {
    const auto take = [flags, member](const CLI::results_t& values) {
      flags->given[member] = values.back();
      return true;
    };
    command.add_option(flag, take, help)->type_name(type);
  };
  command.add_option("--config", flags->file, "TOML file")->type_name("FILE");
  text("--listen", "server.listen", "ADDR",
       "Address of participants (and operators, on loopback): HOST:PORT, port 0 = any");
  text("--admin-listen", "server.admin_listen", "ADDR", "Address of operators, where they get one of their own");
  text("--data", "server.data", "DIR", "Data directory; with --dev and without this a temporary one");
  text("--master-keys", "server.master_keys", "FILE",
       "Keys that seeds, codes and tokens are sealed under; by default beside the data directory");
  text("--high-water", "server.high_water", "FILE",
       "How far codes were given out, for a recovery; by default beside the data directory, best on another disk");
  text("--partner-url", "partner.url", "URL",
       "Partner that books points; with --dev and without this a built-in sandbox");
  text("--mode", "server.mode", "MODE", "embedded (default), or distributed: with Redis, Kafka and PostgreSQL");
  text("--roles", "server.roles", "LIST", "Any of api,listener,batch");
  command.add_flag("--dev", flags->dev,
                   "Development: X-User-Id alone is believed, the clock can be set; loopback only");
}

Result<Config> load(const Flags& flags) {
  std::map<std::string, std::string> given = flags.given;
  if (flags.dev) given["server.dev"] = "true";
  return load_config(flags.file, given);
}

/// What serve starts with and config check judges.
Result<Config> load_for_start(const Flags& flags) {
  Result<Config> config = load(flags);
  if (!config) return config;
  if (const Result<bool> sound = check_files(*config); !sound) return tl::unexpected(sound.error());
  return config;
}

int serve(const Flags& flags) {
  Result<Config> config = load_for_start(flags);
  if (!config) {
    std::fprintf(stderr, "windfall: %s\n", config.error().message.c_str());
    return config.error().code == FailureCode::invalid ? kExitUsage : kExitFailed;
  }
  // Whatever folder it is given: the ledger names users, and the journal holds everything.
  umask(kOwnerOnly);
  system::set_log_level(log_level_of(*config));
  Result<std::unique_ptr<Server>> server = Server::start(std::move(*config), [flags] { return load(flags); });
  if (!server) {
    std::fprintf(stderr, "windfall: %s\n", server.error().message.c_str());
    return server.error().code == FailureCode::invalid ? kExitUsage : kExitFailed;
  }
  if (!(*server)->made_admin_key().empty()) {
    std::fprintf(stderr, "windfall: admin key, shown once: %s\n", (*server)->made_admin_key().c_str());
  }
  if ((*server)->admin_url() != (*server)->url()) {
    std::fprintf(stderr, "windfall: operators at %s\n", (*server)->admin_url().c_str());
  }
  std::printf("listening on %s\n", (*server)->url().c_str());
  std::fflush(stdout);
  notify_service_manager("READY=1");
  return (*server)->run();
}

int print_config(const Flags& flags, bool check_only) {
  const Result<Config> config = check_only ? load_for_start(flags) : load(flags);
  if (!config) {
    std::fprintf(stderr, "windfall: %s\n", config.error().message.c_str());
    return kExitUsage;
  }
  if (check_only) {
    std::fprintf(stderr, "windfall: the configuration is valid\n");
    return kExitOk;
  }
  for (const ConfigMember& member : members_of(*config)) {
    std::printf("%-26s %-32s %s\n", member.name.c_str(), member.value.c_str(), member.origin.c_str());
  }
  return kExitOk;
}

}  // namespace

void add_serve(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("serve", "Run the server");
  auto flags = std::make_shared<Flags>();
  add_flags(*command, flags);
  command->callback([flags, &chosen] { chosen = [flags] { return serve(*flags); }; });
}

void add_config(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("config", "Look at the configuration");
  command->require_subcommand(1);
  for (const bool check_only : {true, false}) {
    CLI::App* sub = check_only ? command->add_subcommand("check", "Say whether it is valid")
                               : command->add_subcommand("print", "Print what is in force and where it comes from");
    auto flags = std::make_shared<Flags>();
    add_flags(*sub, flags);
    sub->callback(
        [flags, check_only, &chosen] { chosen = [flags, check_only] { return print_config(*flags, check_only); }; });
  }
}

}  // namespace windfall::app
