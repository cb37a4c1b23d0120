#include "app/server.hpp"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/key_list.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/user_ref.hpp"
#include "adapters/embedded/embedded_store.hpp"
#include "adapters/embedded/journal_event_log.hpp"
#include "adapters/http/api/api.hpp"
#include "adapters/http/auth/jwt_verifier.hpp"
#include "adapters/http/sandbox/sandbox_handler.hpp"
#include "adapters/http/transport/server.hpp"
#include "adapters/journal/journal.hpp"
#include "adapters/partner/curl_points_gateway.hpp"
#include "adapters/sqlite/peek.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/log.hpp"
#include "adapters/system/random.hpp"
#include "adapters/system/time_zone.hpp"
#include "adapters/system/workers.hpp"
#include "app/data_directory.hpp"
#include "app/key_file.hpp"
#include "app/listen_address.hpp"
#include "app/metrics.hpp"
#include "app/server_parts.hpp"
#include "application/on_event/fulfil_reward.hpp"
#include "application/on_time/drop_old.hpp"
#include "application/on_time/jobs.hpp"
#include "application/on_time/turn_status.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// Threads that wait for ledger reads; SQLite reads do not block each other.
constexpr std::size_t kReaders = 2;
/// What is left to do after the last answer (accruals in flight, the ledger) is given this long; the rest is done after
/// the next start.
constexpr std::int64_t kSettleMs = 5000;
/// Pause before the fulfilment tries to start again, while the ledger cannot be used.
constexpr std::int64_t kStartAgainMs = 1000;
/// The fulfilment looks again after this long even if no event came: retries fall due by time.
constexpr std::int64_t kRetrySweepMs = 200;

}  // namespace

struct EmbeddedServer::Impl {
  explicit Impl(Config c) : config(std::move(c)), store(clock, store_log()) {}
  ~Impl();

  Result<bool> open_data();
  Result<bool> open_journal();
  Result<bool> open_ledger();
  Result<bool> open_partner();
  Result<bool> open_sandbox();
  Result<bool> open_api();
  Result<bool> make_first_key();
  void start_work();
  void on_durable(const journal::Durable& durable);
  void on_failed(const journal::Failed& failed);
  void drain();
  Task<void> finish();
  embedded::EmbeddedStore::Log store_log();
  std::vector<http::ReadyCheck> ready();
  std::function<void(std::function<void()>)> poster() {
    return [this](std::function<void()> work) { loop.post(std::move(work)); };
  }

  Config config;
  bool temporary_data = false;
  bool draining = false;
  bool journal_trouble = false;
  std::string made_key;
  std::string url;
  std::string admin_url;

  system::SystemClock clock;
  system::RealClock real_clock;
  http::EventLoop loop;
  LoopTimer timer{loop};
  std::array<std::uint8_t, 16> user_key{};

  embedded::EmbeddedStore store;
  std::unique_ptr<journal::Writer> journal;
  std::set<UserRef> came_back;  ///< named again after their erasure, as recovery saw it
  std::unique_ptr<embedded::JournalEventLog> event_log;
  std::unique_ptr<sqlite::SqliteLedger> ledger;
  std::unique_ptr<system::Workers> ledger_writer;
  std::unique_ptr<system::Workers> ledger_reads;
  std::unique_ptr<ProjectLedger> projection;
  std::unique_ptr<Refusals> refusals;

  std::unique_ptr<http::SandboxPartner> sandbox;
  std::unique_ptr<http::SandboxHandler> sandbox_handler;
  std::unique_ptr<http::Server> sandbox_server;
  std::unique_ptr<partner::CurlPointsGateway> gateway;
  PartnerCounters partner_counters;
  PartnerMeter meter{partner_counters};
  std::unique_ptr<FulfilReward> fulfil;
  bool fulfilling = false;

  std::unique_ptr<SyncLedger> sync;
  std::unique_ptr<TurnStatus> turn_status;
  std::unique_ptr<DropOld> drop_old;
  std::unique_ptr<Jobs> jobs;

  std::unique_ptr<Participate> participate;
  std::unique_ptr<Browse> browse;
  std::unique_ptr<Manage> manage;
  std::unique_ptr<http::TokenVerifier> tokens;
  std::unique_ptr<http::Callers> callers;
  std::unique_ptr<http::RateLimit> rate_limit;
  std::unique_ptr<http::Api> api;
  std::unique_ptr<SurfaceHandler> everything;
  std::unique_ptr<SurfaceHandler> for_participants;
  std::unique_ptr<SurfaceHandler> for_operators;
  std::unique_ptr<http::Server> server;
};

EmbeddedServer::Impl::~Impl() {
  // Threads first: nothing may call into what is about to go.
  gateway.reset();
  ledger_writer.reset();
  ledger_reads.reset();
  server.reset();
  sandbox_server.reset();
  fulfil.reset();
  journal.reset();
  ledger.reset();
  if (temporary_data) {
    std::error_code ignored;
    std::filesystem::remove_all(config.data, ignored);
  }
}

embedded::EmbeddedStore::Log EmbeddedServer::Impl::store_log() {
  return {.submit = [this](const embedded::TurnBatch& batch) -> Result<std::uint64_t> {
            thread_local std::vector<journal::Identity> identities;
            identities.clear();
            for (const embedded::NamedUser& named : batch.identities) {
              identities.push_back({.ref = named.user, .id = named.id});
            }
            const Result<journal::Ticket> ticket = journal->submit(batch.body, identities);
            if (!ticket) return tl::unexpected(ticket.error());
            return ticket->value;
          },
          .at_turn_end = [this] { loop.on_turn_end([this] { store.end_of_turn(); }); }};
}

Result<bool> EmbeddedServer::Impl::open_data() {
  const Result<bool> prepared = prepare_data_directory(config.data, config.dev);
  if (!prepared) return tl::unexpected(prepared.error());
  temporary_data = *prepared;
  const auto key = load_or_make_key(config.data + "/user-hash.key");
  if (!key) return tl::unexpected(key.error());
  user_key = *key;
  return true;
}

Result<bool> EmbeddedServer::Impl::open_journal() {
  if (config.dev) store.let_definitions_move_back();
  const codec::UserHasher hasher(user_key);
  journal::KeyFingerprint fingerprint;
  const auto print = hasher.key_fingerprint();
  std::ranges::copy(print, fingerprint.bytes.begin());

  journal::WriterOptions options{.directory = config.data, .fingerprint = fingerprint};
  options.covered = sqlite::peek_position(config.data + "/ledger.db");
  journal::WriterHooks hooks;
  hooks.visit = [this](const journal::Frame& frame) -> Result<void> {
    for (const journal::StoredIdentity& identity : frame.view.identities) {
      if (store.erased(identity.ref)) came_back.insert(identity.ref);
    }
    const Result<bool> replayed = store.replay(frame.view.body, frame.view.sequence);
    if (replayed) return {};
    return fail(replayed.error().code,
                "frame " + std::to_string(frame.view.sequence) + ": " + replayed.error().message);
  };
  hooks.is_erased = [this](UserRef user) { return store.erased(user); };
  hooks.on_durable = [this](const journal::Durable& durable) { loop.post([this, durable] { on_durable(durable); }); };
  hooks.on_failed = [this](const journal::Failed& failed) { loop.post([this, failed] { on_failed(failed); }); };
  Result<std::unique_ptr<journal::Writer>> opened = journal::Writer::open(std::move(options), std::move(hooks));
  if (!opened) return tl::unexpected(opened.error());
  journal = std::move(*opened);
  embedded::Lineage lineage{};
  std::ranges::copy(journal->lineage().bytes, lineage.begin());
  store.set_lineage(lineage);
  if (journal->recovered().torn_tail) {
    log(LogLevel::warning, "journal_tail_cut", {{"where", journal::to_text(*journal->recovered().torn_tail)}});
  }
  event_log = std::make_unique<embedded::JournalEventLog>(config.data, journal->lineage(),
                                                          [this] { return journal->durable(); });
  return true;
}

void EmbeddedServer::Impl::on_durable(const journal::Durable& durable) {
  journal_trouble = false;
  store.on_durable(durable.up_to.value, durable.frame_sequence);
  if (projection) projection->poke(durable.frame_sequence);
}

void EmbeddedServer::Impl::on_failed(const journal::Failed& failed) {
  if (!journal_trouble) log(LogLevel::error, "journal_failed", {{"why", failed.failure.message}});
  journal_trouble = true;
  store.on_failed(failed.from.value, failed.failure);
  journal->resume();
}

Result<bool> EmbeddedServer::Impl::open_ledger() {
  const std::string path = config.data + "/ledger.db";
  // A ledger that has seen nothing is a lost one, or one whose making was cut short: a file may be there already.
  const bool is_new = sqlite::peek_position(path) == 0;
  sqlite::Options options{
      .path = path,
      .lineage = store.lineage(),
      .event_ids = [lineage = store.lineage()](std::string_view promotion, Epoch epoch, Sequence sequence) {
        const codec::EventIds ids =
            codec::event_ids({.lineage = lineage, .promotion = promotion, .epoch = epoch, .sequence = sequence});
        return sqlite::EventIds{.event = ids.event, .effect = ids.effect};
      }};
  options.rebuild_until_position = is_new ? journal->recovered().last_sequence : 0;
  options.alarm = [](std::string_view line) { log(LogLevel::error, "ledger_finding", {{"what", line}}); };
  Result<std::unique_ptr<sqlite::SqliteLedger>> opened = sqlite::SqliteLedger::open(std::move(options));
  if (!opened) return tl::unexpected(opened.error());
  ledger = std::move(*opened);
  ledger_writer = std::make_unique<system::Workers>(1, poster());
  ledger_reads = std::make_unique<system::Workers>(kReaders, poster());
  projection = std::make_unique<ProjectLedger>(
      *event_log, *ledger, *ledger_writer, timer,
      ProjectLedger::Hooks{
          .applied =
              [this] {
                if (fulfil) fulfil->poke();
              },
          .trouble = [](const std::string& why) { log(LogLevel::error, "projection_waits", {{"why", why}}); }});
  const Result<std::uint64_t> position = ledger->position();
  if (!position) return tl::unexpected(position.error());
  projection->start_at(*position);
  refusals = std::make_unique<Refusals>(*ledger, *ledger_writer, timer);
  return true;
}

Result<bool> EmbeddedServer::Impl::open_sandbox() {
  Result<http::SandboxBook> book = http::SandboxBook::open(config.data + "/sandbox-book.ndjson");
  if (!book) return tl::unexpected(book.error());
  sandbox = std::make_unique<http::SandboxPartner>(std::move(*book), http::SandboxSettings{});
  sandbox_handler = std::make_unique<http::SandboxHandler>(loop, *sandbox);
  sandbox_server = std::make_unique<http::Server>(loop, *sandbox_handler);
  const Result<std::uint16_t> port = sandbox_server->listen("127.0.0.1", 0);
  if (!port) return tl::unexpected(port.error());
  config.partner_url = "http://127.0.0.1:" + std::to_string(*port);
  return true;
}

Result<bool> EmbeddedServer::Impl::open_partner() {
  if (config.partner_url.empty() && config.dev) {
    if (const Result<bool> opened = open_sandbox(); !opened) return opened;
  }
  if (config.partner_url.empty()) {
    log(LogLevel::warning, "no_partner", {{"what", "accruals wait until --partner-url is given"}});
    return true;
  }
  const FulfilReward::Settings settings = config.dev ? FulfilReward::dev() : FulfilReward::live();
  partner::ClientSettings client{.url = config.partner_url, .secret = {}, .allow_unsigned = config.dev};
  client.timeout_ms = settings.call_timeout_ms;
  if (!config.partner_secret.empty()) {
    const Result<partner::WebhookSecret> secret = partner::WebhookSecret::parse(config.partner_secret);
    if (!secret) return fail(FailureCode::invalid, "env WINDFALL_PARTNER_SECRET: " + secret.error().message);
    client.secret = *secret;
  }
  Result<std::unique_ptr<partner::PartnerClient>> opened = partner::PartnerClient::open(std::move(client), real_clock);
  if (!opened) return fail(opened.error().code, "partner.url: " + opened.error().message);
  gateway = std::make_unique<partner::CurlPointsGateway>(std::move(*opened), poster());

  fulfil = std::make_unique<FulfilReward>(
      FulfilReward::Ports{
          .effects = *ledger,
          .blocking = *ledger_writer,
          .gateway = *gateway,
          .clock = real_clock,
          .meter = meter,
          .settle = [this](std::vector<EffectSettled> settled) -> Task<Result<bool>> {
            std::vector<Event> events;
            events.reserve(settled.size());
            for (EffectSettled& one : settled) events.emplace_back(std::move(one));
            co_return co_await manage->record(std::move(events), std::nullopt, Identity{});
          },
          .after = [this](std::int64_t ms, std::function<void()> call) { timer.after(ms, std::move(call)); },
          .random = [dice = std::make_shared<std::mt19937_64>(std::random_device{}())] { return (*dice)(); },
          .log =
              [](const FulfilReward::LogLine& line) {
                const LogLevel level = line.level == FulfilReward::LogLine::Level::note      ? LogLevel::info
                                       : line.level == FulfilReward::LogLine::Level::warning ? LogLevel::warning
                                                                                             : LogLevel::error;
                log(level, line.event, {{"effect", line.effect}, {"detail", line.detail}});
              }},
      settings);
  return true;
}

Result<bool> EmbeddedServer::Impl::open_api() {
  participate = std::make_unique<Participate>(store);
  browse = std::make_unique<Browse>(store);
  manage = std::make_unique<Manage>(
      store, Manage::Tools{.encode = codec::encode_definition,
                           .load_zone = [](const std::string& name) { return system::load_zone(name); },
                           .make_id = [this] { return system::make_promotion_id(clock.now()); }});
  if (!config.jwt_jwks.empty()) {
    Result<std::unique_ptr<http::TokenVerifier>> opened = http::open_jwt_verifier(
        {.jwks = config.jwt_jwks, .issuer = config.jwt_issuer, .audience = config.jwt_audience});
    if (!opened) return fail(opened.error().code, "auth.jwt: " + opened.error().message);
    tokens = std::move(*opened);
  }
  callers = std::make_unique<http::Callers>(
      store, clock, codec::UserHasher(user_key), tokens.get(),
      http::Callers::Options{.dev = config.dev, .admin_key = config.admin_key, .gateway_key = config.gateway_key});
  std::int64_t per_second = config.user_per_second;
  if (per_second < 0) per_second = config.dev ? 0 : 20;
  rate_limit = std::make_unique<http::RateLimit>(
      http::RateLimit::Settings{.per_second = per_second, .burst = config.user_burst});

  sync = std::make_unique<SyncLedger>(store, *ledger, *ledger_writer);
  turn_status = std::make_unique<TurnStatus>(store, *sync, [](const Definition& d, Status before, Status after) {
    log(LogLevel::info, "promotion_turned",
        {{"promotion", d.promotion.id}, {"before", name_of(before)}, {"after", name_of(after)}});
  });
  drop_old = std::make_unique<DropOld>(clock, *ledger, *ledger_writer);
  jobs = std::make_unique<Jobs>(clock, timer);

  http::ApiParts parts{.clock = clock,
                       .store = store,
                       .participate = *participate,
                       .browse = *browse,
                       .manage = *manage,
                       .callers = *callers,
                       .rate_limit = *rate_limit,
                       .refusals = *refusals,
                       .jobs = *jobs,
                       .ledger = *ledger,
                       .effects = *ledger,
                       .ledger_reads = *ledger_reads,
                       .ledger_writer = *ledger_writer,
                       .projection = *projection,
                       .timer = timer,
                       .hooks = {},
                       .settings = {}};
  parts.hooks.set_clock = [this](std::optional<Instant> now) { clock.set(now); };
  if (sandbox) {
    parts.hooks.partner_book = [this]() -> Task<std::string> {
      std::string book;
      sandbox->book().append_json(book);
      co_return book;
    };
  }
  parts.hooks.ready = [this] { return ready(); };
  parts.hooks.can_admit = [this] { return journal->can_admit(); };
  parts.hooks.metrics = [this] {
    return metrics_text({.api = *api,
                         .store = store,
                         .refusals = *refusals,
                         .projection = *projection,
                         .jobs = *jobs,
                         .partner = partner_counters,
                         .in_flight = fulfil ? fulfil->in_flight() : 0,
                         .connections = server ? server->connections() : 0});
  };
  parts.hooks.erase_identity = [this](UserRef user) -> Task<Result<bool>> {
    co_return co_await ledger_writer->run([this, user]() -> Result<bool> {
      const std::array refs{user};
      const Result<std::size_t> erased = journal->erase(refs);
      if (!erased) return tl::unexpected(erased.error());
      return true;
    });
  };
  parts.hooks.effects_changed = [this] {
    if (fulfil) fulfil->poke();
  };
  parts.hooks.sync_ledger = [this] { return (*sync)(); };
  parts.hooks.make_secret = [] {
    std::array<std::uint8_t, 24> bytes{};
    system::random_bytes(bytes);
    return "wf_" + codec::to_base64url(bytes);
  };
  parts.settings.dev = config.dev;
  parts.settings.reads_ledger = has_role(config.roles, "listener");
  parts.settings.version = WINDFALL_VERSION;
  api = std::make_unique<http::Api>(std::move(parts));
  return true;
}

Result<bool> EmbeddedServer::Impl::make_first_key() {
  if (!config.admin_key.empty()) return true;
  const Result<std::vector<Key>> keys = codec::decode_keys(store.system_definition());
  if (!keys) return tl::unexpected(keys.error());
  if (std::ranges::any_of(*keys, [](const Key& key) { return key.role == Role::admin; })) return true;
  std::array<std::uint8_t, 24> bytes{};
  system::random_bytes(bytes);
  made_key = "wf_" + codec::to_base64url(bytes);
  const auto digest = http::Callers::digest_of(made_key);
  std::vector<Key> all = *keys;
  all.push_back({.id = "k-" + codec::to_hex(codec::Bytes(digest).first(6)),
                 .name = "first start",
                 .role = Role::admin,
                 .digest = digest,
                 .created = clock.now()});
  KeyChanged event{
      .key_id = all.back().id,
      .keys = codec::encode_keys(all),
      .audit = {.actor = "system", .action = "createKey", .reason = "first start without WINDFALL_ADMIN_KEY"}};
  // Runs when the loop does; the key is valid as soon as it is decided, and durable before anyone could have used it.
  loop.post([this, event = std::move(event)]() mutable {
    detach([](Manage& m, Revision revision, KeyChanged change) -> Task<void> {
      const Result<bool> changed = co_await m.change_keys(revision, std::move(change));
      if (!changed || !*changed) log(LogLevel::error, "first_key_not_kept");
    }(*manage, store.system_revision(), std::move(event)));
  });
  return true;
}

void EmbeddedServer::Impl::start_work() {
  // An erasure that the last process recorded but did not carry out is carried out now. Not for those who came back
  // later: their new identity is wanted, and the old one was zeroed before they could.
  auto users = std::make_shared<std::vector<UserRef>>();
  std::ranges::set_difference(store.erased_users(), came_back, std::back_inserter(*users));
  if (!users->empty()) {
    ledger_writer->submit(
        [this, users] {
          const Result<std::size_t> erased = journal->erase(*users);
          if (!erased) log(LogLevel::error, "erasure_not_done", {{"why", erased.error().message}});
        },
        [] {});
  }
  const bool listens = has_role(config.roles, "listener");
  const bool batches = has_role(config.roles, "batch");
  if (listens) {
    projection->poke(journal->durable());
    if (fulfil) {
      detach([](Impl* self) -> Task<void> {
        // Rows are UNKNOWN or PENDING only when the ledger has seen all that was settled.
        while (!co_await self->projection->reached(self->journal->recovered().last_sequence)) {
          if (self->draining) co_return;
        }
        Result<std::int64_t> unknown = co_await self->fulfil->start();
        while (!unknown && !self->draining) {
          log(LogLevel::error, "fulfilment_waits", {{"why", unknown.error().message}});
          co_await sleep_for(self->timer, kStartAgainMs);
          unknown = co_await self->fulfil->start();
        }
        if (!unknown) co_return;
        if (*unknown > 0) log(LogLevel::info, "effects_unknown", {{"count", *unknown}});
        self->fulfilling = true;
      }(this));
    }
  } else {
    projection->stop();
  }
  if (batches && listens) {
    jobs->add({.name = "sync-ledger", .interval_ms = SyncLedger::kIntervalMs, .on_clock_change = false, .run = [this] {
                 return (*sync)();
               }});
    jobs->add(
        {.name = "turn-status", .interval_ms = TurnStatus::kIntervalMs, .run = [this] { return (*turn_status)(); }});
    jobs->add({.name = "drop-old", .interval_ms = DropOld::kIntervalMs, .on_clock_change = false, .run = [this] {
                 return (*drop_old)();
               }});
  }
  if (listens && fulfil) {
    jobs->add({.name = "retry-effects",
               .interval_ms = kRetrySweepMs,
               .on_clock_change = false,
               .run = [this]() -> Task<Result<std::string>> {
                 fulfil->poke();
                 co_return std::to_string(fulfil->in_flight()) + " calls in flight";
               }});
  }
  jobs->start();
}

std::vector<http::ReadyCheck> EmbeddedServer::Impl::ready() {
  std::vector<http::ReadyCheck> checks;
  checks.push_back({.name = "serving", .ready = !draining, .detail = draining ? "draining" : "accepting requests"});
  checks.push_back({.name = "journal",
                    .ready = journal->can_admit(),
                    .detail = journal->can_admit() ? "writable" : "no room on the disk or in the queue"});
  const std::uint64_t behind =
      store.acknowledged_position() - std::min(store.acknowledged_position(), projection->position());
  checks.push_back({.name = "ledger", .ready = true, .detail = std::to_string(behind) + " frames behind"});
  return checks;
}

void EmbeddedServer::Impl::drain() {
  if (draining) {
    // A second signal: at once. All state is safe, as under SIGKILL.
    std::_Exit(EXIT_FAILURE);
  }
  draining = true;
  log(LogLevel::info, "draining");
  api->stop_streams();
  if (sandbox_handler) sandbox_handler->release();
  server->drain(std::chrono::seconds(config.drain_seconds), [this] { detach(finish()); });
}

Task<void> EmbeddedServer::Impl::finish() {
  jobs->stop();
  if (fulfil && fulfilling) {
    const bool settled = co_await fulfil->drain(kSettleMs);
    if (!settled) log(LogLevel::info, "effects_left", {{"what", "asked after the next start"}});
  }
  if (has_role(config.roles, "listener")) {
    co_await refusals->flush();
    co_await projection->reached(store.acknowledged_position());
  }
  projection->stop();
  loop.stop();
}

EmbeddedServer::EmbeddedServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedServer::~EmbeddedServer() = default;

Result<std::unique_ptr<EmbeddedServer>> EmbeddedServer::start(Config config) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium does not start");
  raise_descriptor_limit();
  if (config.mode != "embedded") {
    return fail(FailureCode::invalid, "server.mode: distributed is not available in this version; see docs/next.md");
  }
  const Result<ListenAddress> address = parse_listen_address(config.listen);
  if (!address) return fail(FailureCode::invalid, "server.listen: " + address.error().message);
  if (config.dev && !address->loopback) {
    return fail(FailureCode::invalid, "server.listen: --dev believes any X-User-Id, so it serves loopback only");
  }
  const bool split = !config.admin_listen.empty() || !address->loopback;
  const Result<ListenAddress> admin_address =
      parse_listen_address(config.admin_listen.empty() ? "127.0.0.1:8081" : config.admin_listen);
  if (!admin_address) return fail(FailureCode::invalid, "server.admin_listen: " + admin_address.error().message);

  auto impl = std::make_unique<Impl>(std::move(config));
  for (const auto step : {&Impl::open_data, &Impl::open_journal, &Impl::open_ledger, &Impl::open_partner,
                          &Impl::open_api, &Impl::make_first_key}) {
    if (const Result<bool> done = ((*impl).*step)(); !done) return tl::unexpected(done.error());
  }

  impl->everything = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::both);
  impl->for_participants = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::participants);
  impl->for_operators = std::make_unique<SurfaceHandler>(*impl->api, http::Surface::operators);
  http::Limits limits;
  limits.connections = static_cast<std::size_t>(impl->config.max_connections);
  http::Handler& on_main = split ? *impl->for_participants : *impl->everything;
  impl->server = std::make_unique<http::Server>(impl->loop, on_main, limits);
  const Result<std::uint16_t> port = impl->server->listen(address->host, address->port);
  if (!port) return fail(port.error().code, "server.listen: " + port.error().message);
  impl->url = "http://" + address->shown_host() + ":" + std::to_string(*port);
  impl->admin_url = impl->url;
  if (split) {
    const Result<std::uint16_t> admin =
        impl->server->listen(admin_address->host, admin_address->port, *impl->for_operators);
    if (!admin) return fail(admin.error().code, "server.admin_listen: " + admin.error().message);
    impl->admin_url = "http://" + admin_address->shown_host() + ":" + std::to_string(*admin);
  }
  // Before anyone is told that it is ready: whoever stops it then gets an orderly stop.
  impl->loop.on_signal([stopped = impl.get()](int) { stopped->drain(); });
  impl->start_work();
  return std::unique_ptr<EmbeddedServer>(new EmbeddedServer(std::move(impl)));
}

const std::string& EmbeddedServer::url() const { return impl_->url; }
const std::string& EmbeddedServer::admin_url() const { return impl_->admin_url; }
const std::string& EmbeddedServer::made_admin_key() const { return impl_->made_key; }

int EmbeddedServer::run() {
  impl_->loop.run();
  const Result<void> closed = impl_->journal->close();
  if (!closed) log(LogLevel::warning, "no_clean_stop", {{"why", closed.error().message}});
  log(LogLevel::info, "stopped");
  return EXIT_SUCCESS;
}

}  // namespace windfall::app
