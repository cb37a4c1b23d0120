#include "app/server.hpp"

#include <sodium.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "adapters/codec/time_text.hpp"
#include "app/data_directory.hpp"
#include "app/dev_clock.hpp"
#include "app/key_file.hpp"
#include "app/listen_address.hpp"
#include "app/notify.hpp"
#include "app/wiring/server_impl.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// What is left to do after the last answer (accruals in flight, the ledger) is given this long; the rest is done after
/// the next start.
constexpr std::int64_t kSettleMs = 5000;
/// For the ledger's documents; milliseconds, unless what keeps them is away. The next start brings them up to date.
constexpr std::int64_t kLastSyncMs = 2000;

}  // namespace

Server::Impl::~Impl() {
  // Threads first: nothing may call into what is about to go.
  gateway.reset();
  if (kept) kept->stop_threads();
  codes_writer.reset();
  server.reset();
  sandbox_server.reset();
  fulfil.reset();
  if (temporary_data) {
    std::error_code ignored;
    std::filesystem::remove_all(config.data, ignored);
    std::filesystem::remove(master_keys_path(), ignored);
    for (const char* end : {"", ".lock"}) std::filesystem::remove(high_water_path() + end, ignored);
  }
}

Result<bool> Server::Impl::open_data() {
  const Result<bool> prepared = prepare_data_directory(config.data, config.dev);
  if (!prepared) return tl::unexpected(prepared.error());
  temporary_data = *prepared;
  const std::string path = config.data + "/user-hash.key";
  std::error_code ignored;
  if (std::filesystem::exists(config.data + "/lineage", ignored) && !std::filesystem::exists(path, ignored)) {
    // A new one would be refused as well, but it would lie where the right one has to be put.
    return fail(FailureCode::conflict, path + " is missing: put the one there that this data was made with");
  }
  const auto key = load_or_make_key(path);
  if (!key) return tl::unexpected(key.error());
  user_key = *key;
  return config.dev ? set_kept_clock() : true;
}

Result<bool> Server::Impl::set_kept_clock() {
  const Result<std::optional<Instant>> kept_clock = kept_dev_clock(config.data);
  if (!kept_clock) return tl::unexpected(kept_clock.error());
  if (*kept_clock) {
    clock.set(*kept_clock);
    log(LogLevel::info, "dev_clock_stands_still", {{"now", codec::to_text(**kept_clock)}});
  }
  return true;
}

Result<bool> Server::Impl::open_store() {
  Backend::Given given{.config = config,
                       .clock = clock,
                       .turn_clock = turn_clock,
                       .loop = loop,
                       .timer = timer,
                       .user_key = user_key,
                       .applied =
                           [this] {
                             if (fulfil) fulfil->poke();
                             if (assign_codes) assign_codes->poke();
                           },
                       .arrived =
                           [this] {
                             if (judge_inbound) judge_inbound->poke();
                           }};
  kept = config.mode == "distributed" ? make_distributed_backend(std::move(given))
                                      : make_embedded_backend(std::move(given));
  return kept->open_store();
}

Result<bool> Server::Impl::open_ledger() {
  if (const Result<bool> opened = kept->open_ledger(*seeds); !opened) return opened;
  refusals = std::make_unique<Refusals>(kept->ledger(), kept->ledger_writer(), timer, [](const std::string& why) {
    log(LogLevel::error, "rejections_wait", {{"why", why}});
  });
  return true;
}

void Server::Impl::drain() {
  if (draining) {
    // A second signal: at once. All state is safe, as under SIGKILL.
    std::_Exit(EXIT_FAILURE);
  }
  draining = true;
  notify_service_manager("STOPPING=1");
  log(LogLevel::info, "draining");
  api->stop_streams();
  if (sandbox_handler) sandbox_handler->release();
  server->drain(std::chrono::seconds(config.drain_seconds), [this] { detach(finish()); });
}

Task<void> Server::Impl::finish() {
  jobs->stop();
  assign_codes->stop();
  judge_inbound->stop();
  if (fulfil && fulfilling) {
    const bool settled = co_await fulfil->drain(kSettleMs);
    if (!settled) log(LogLevel::info, "effects_left", {{"what", "asked after the next start"}});
  }
  const bool listens = has_role(config.roles, "listener");
  if (listens) co_await refusals->finish();
  co_await last_sync();
  co_await kept->finish(listens);
  loop.stop();
}

/// Those who read the database of a stopped server find what it decided last, not what it knew at the last sync.
Task<void> Server::Impl::last_sync() {
  if (!has_role(config.roles, "batch") || !kept->has_ledger(has_role(config.roles, "listener"))) co_return;
  if (!kept->leads()) co_return;
  // Whichever is first ends the wait; a sync that is late goes on by itself.
  struct Wait {
    Completion<bool> over;
    bool ended = false;
    void end() {
      if (!std::exchange(ended, true)) over.complete(true);
    }
  };
  auto wait = std::make_shared<Wait>();
  detach([](Impl* self, std::shared_ptr<Wait> waiting) -> Task<void> {
    co_await self->kept->caught_up(std::nullopt);  // there may be promotions that the ledger does not know yet
    const Result<std::string> synced = co_await self->sync_ledger();
    if (!synced) log(LogLevel::info, "documents_left", {{"why", synced.error().message}});
    waiting->end();
  }(this, wait));
  timer.after(kLastSyncMs, [wait] { wait->end(); });
  co_await wait->over;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Config config, std::function<Result<Config>()> load) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium does not start");
  const std::size_t room_for_connections = connections_that_fit(raise_descriptor_limit());
  const Result<ListenAddress> address = parse_listen_address(config.listen);
  if (!address) return fail(FailureCode::invalid, "server.listen: " + address.error().message);
  const bool split = !config.admin_listen.empty() || !address->loopback;
  const Result<ListenAddress> admin_address =
      parse_listen_address(config.admin_listen.empty() ? "127.0.0.1:8081" : config.admin_listen);
  if (!admin_address) return fail(FailureCode::invalid, "server.admin_listen: " + admin_address.error().message);

  auto impl = std::make_unique<Impl>(std::move(config));
  for (const auto step : {&Impl::open_data, &Impl::open_store, &Impl::open_lottery, &Impl::open_ledger,
                          &Impl::open_codes, &Impl::open_partner, &Impl::open_api, &Impl::make_first_key}) {
    if (const Result<bool> done = ((*impl).*step)(); !done) return tl::unexpected(done.error());
  }

  impl->everything = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::both);
  impl->for_participants = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::participants);
  impl->for_operators = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::operators);
  http::Limits limits;
  limits.connections = static_cast<std::size_t>(impl->config.max_connections);
  if (room_for_connections < limits.connections) {
    log(LogLevel::warning, "fewer_connections",
        {{"why", "the system gives this process too few descriptors for server.max_connections"},
         {"connections", static_cast<std::int64_t>(room_for_connections)}});
    limits.connections = room_for_connections;
  }
  http::Handler& on_main = split ? *impl->for_participants : *impl->everything;
  impl->server = std::make_unique<http::Server>(impl->loop, on_main, limits);
  const Result<std::uint16_t> port = impl->server->listen(address->host, address->port);
  if (!port) return fail(port.error().code, "server.listen: " + port.error().message);
  impl->url = "http://" + address->shown_host() + ":" + std::to_string(*port);
  impl->admin_url = impl->url;
  if (split) {
    const Result<std::uint16_t> admin =
        impl->server->listen_reserved(admin_address->host, admin_address->port, *impl->for_operators);
    if (!admin) return fail(admin.error().code, "server.admin_listen: " + admin.error().message);
    impl->admin_url = "http://" + admin_address->shown_host() + ":" + std::to_string(*admin);
  }
  // Before anyone is told that it is ready: whoever stops it then gets an orderly stop.
  impl->load = std::move(load);
  impl->loop.on_signal([told = impl.get()](int number) { number == SIGHUP ? told->reload() : told->drain(); });
  impl->start_work();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::string& Server::url() const { return impl_->url; }
const std::string& Server::admin_url() const { return impl_->admin_url; }
const std::string& Server::made_admin_key() const { return impl_->made_key; }

int Server::run() {
  impl_->loop.run();
  const Result<void> closed = impl_->kept->close();
  if (!closed) log(LogLevel::warning, "no_clean_stop", {{"why", closed.error().message}});
  log(LogLevel::info, "stopped");
  return EXIT_SUCCESS;
}

}  // namespace windfall::app
