// The distributed mode's data: Redis decides, Kafka carries what was decided, PostgreSQL keeps it. Several processes of
// each role share all three; what only one of them may do is done under a lease.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/user_ref.hpp"
#include "adapters/kafka/event_publisher.hpp"
#include "adapters/kafka/kafka_event_log.hpp"
#include "adapters/kafka/kafka_inbox.hpp"
#include "adapters/kafka/lag.hpp"
#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/topics.hpp"
#include "adapters/postgres/code_vault.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "adapters/redis/client/checks.hpp"
#include "adapters/redis/client/client.hpp"
#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/client/lease.hpp"
#include "adapters/redis/library.hpp"
#include "adapters/redis/store/claims.hpp"
#include "adapters/redis/store/redis_outbox.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "adapters/system/log.hpp"
#include "adapters/system/random.hpp"
#include "adapters/system/workers.hpp"
#include "app/server_parts.hpp"
#include "app/wiring/backend.hpp"
#include "application/on_event/project_ledger.hpp"
#include "application/on_event/relay_outbox.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// Threads that write to the database: effects, projections and documents do not wait for each other there.
constexpr std::size_t kWriters = 2;
constexpr std::size_t kReaders = 4;
/// The ledger's patience of the contract, and between two looks.
constexpr std::int64_t kCatchUpMs = 1000;
constexpr std::int64_t kCatchUpLookMs = 15;
/// What is under way at the end is waited for this long; the rest is found where it was left.
constexpr std::int64_t kSettleMs = 5000;
/// A producer that has not sent stalls for a second at its first message.
constexpr int kWarmUpMs = 10'000;
/// A leader that is gone is followed by another after this long.
constexpr std::int64_t kLeaseMs = 6'000;
/// Between two looks whether a partition has to be rebuilt, and whether the log has arrived.
constexpr std::int64_t kLookMs = 250;
/// What outboxes and Kafka hold has to reach the ledger before a rebuild within this time; then it is tried again.
constexpr std::int64_t kArrivalMs = 30'000;
/// Kafka's group.min.session.timeout.ms where nobody has set it.
constexpr int kDevSessionMs = 6'000;
constexpr std::string_view kUserKeyName = "{windfall}:user-key";

std::vector<redis::Endpoint> endpoints_in(const std::string& list) {
  std::vector<redis::Endpoint> all;
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (const auto one = redis::endpoint_of(rest.substr(0, comma))) all.push_back(*one);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return all;
}

class DistributedBackend final : public Backend {
 public:
  explicit DistributedBackend(Given given)
      : given_(std::move(given)),
        hasher_(given_.user_key),
        topics_(kafka::topic_names(given_.config.kafka_prefix)),
        listens_(has_role(given_.config.roles, "listener")) {}
  ~DistributedBackend() override { DistributedBackend::stop_threads(); }

  Result<bool> open_store() override;
  Result<bool> open_ledger(Seeds& seeds) override;
  Result<bool> open_codes(Seals& seals) override;

  PromotionStore& store() override { return *store_; }
  Inbox& inbox() override { return *inbox_; }
  Ledger& ledger() override { return *ledger_; }
  LotteryLedger& lotteries() override { return *ledger_; }
  Effects& effects() override { return *ledger_; }
  CodeVault& codes() override { return *codes_; }
  Blocking& ledger_writer() override { return *writers_; }
  Blocking& ledger_reads() override { return *readers_; }

  Task<bool> caught_up() override;
  [[nodiscard]] bool can_admit() const override { return store_->can_admit(); }
  Task<Result<bool>> settle(std::vector<EffectSettled> settled) override;
  /// The ledger empties its identity when it applies the erasure; stream and topic forget within their retention.
  Task<Result<bool>> erase_identity(UserRef) override { co_return true; }
  [[nodiscard]] std::vector<http::ReadyCheck> checks() override;
  [[nodiscard]] Figures figures() override;
  [[nodiscard]] bool has_ledger(bool) const override { return true; }
  [[nodiscard]] bool restored_from_log() const override { return true; }
  [[nodiscard]] bool leads() const override { return lease_->held().has_value(); }

  void start(bool listens) override;
  Task<bool> settled_history() override { co_return true; }
  Task<void> finish(bool listens) override;
  void stop_threads() override;
  Result<void> close() override { return {}; }

 private:
  template <class T>
  Result<T> run(Task<Result<T>> task);
  template <class T>
  static Task<void> finish_run(Task<Result<T>> task, std::optional<Result<T>>* result, http::EventLoop* loop);
  Task<Result<bool>> prepare_redis();
  Task<Result<bool>> agree_on_user_key();
  Result<bool> open_kafka();
  Result<bool> open_event_log();
  Task<void> keep_lease();
  Result<bool> look_for_ledger();
  Task<void> keep_whole();
  Task<Result<bool>> rebuild_missing();
  Task<Result<bool>> log_has_arrived(std::vector<PartitionNo> of);
  [[nodiscard]] std::function<void(std::function<void()>)> poster() const {
    return [&loop = given_.loop](std::function<void()> work) { loop.post(std::move(work)); };
  }
  /// A development server that was killed is missed as soon as Kafka's default allows.
  [[nodiscard]] int session_ms() const { return given_.config.dev ? kDevSessionMs : kafka::Consumer::kSessionMs; }
  [[nodiscard]] std::string ledger_group() const { return given_.config.kafka_prefix + "windfall-ledger"; }
  static void trouble(const char* event, const std::string& why) { log(LogLevel::error, event, {{"why", why}}); }
  [[nodiscard]] codec::EventIds ids(std::string_view promotion, Epoch epoch, Sequence sequence,
                                    std::uint32_t effect) const {
    return codec::event_ids(
        {.lineage = store_->lineage(), .promotion = promotion, .epoch = epoch, .sequence = sequence, .index = effect});
  }

  const Given given_;
  const codec::UserHasher hasher_;
  const kafka::TopicNames topics_;
  const bool listens_;
  bool stopped_ = false;
  std::optional<redis::RedisStore::Lost> lost_;  ///< what the ledger knew at the start

  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<redis::FunctionLibrary> script_;
  std::unique_ptr<redis::FunctionLibrary> claims_;
  std::unique_ptr<redis::Lease> lease_;
  std::unique_ptr<redis::RedisStore> store_;
  std::unique_ptr<redis::RedisOutbox> outbox_;

  std::unique_ptr<postgres::PostgresLedger> ledger_;
  std::unique_ptr<CodeVault> codes_;
  std::unique_ptr<system::Workers> writers_;
  std::unique_ptr<system::Workers> readers_;

  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<kafka::KafkaEventPublisher> publisher_;
  std::unique_ptr<RelayOutbox> relay_;
  std::unique_ptr<kafka::KafkaEventLog> event_log_;
  std::unique_ptr<system::Workers> projecting_;
  std::unique_ptr<ProjectLedger> projection_;
  std::unique_ptr<kafka::Consumer> inbound_;
  std::unique_ptr<kafka::KafkaInbox> inbox_;
};

template <class T>
Task<void> DistributedBackend::finish_run(Task<Result<T>> task, std::optional<Result<T>>* result,
                                          http::EventLoop* loop) {
  result->emplace(co_await task);
  loop->stop();
}

/// Runs the loop until the task is over: before the first request, nobody else needs it.
template <class T>
Result<T> DistributedBackend::run(Task<Result<T>> task) {
  std::optional<Result<T>> result;
  detach(finish_run(std::move(task), &result, &given_.loop));
  if (!result) given_.loop.run();
  return std::move(*result);
}

Task<Result<bool>> DistributedBackend::agree_on_user_key() {
  const std::string key(kUserKeyName);
  const std::string print = codec::to_hex(codec::Bytes(hasher_.key_fingerprint()));
  redis::Arguments set{"SET", key, print, "NX"};
  const Result<redis::Reply> made = co_await client_->call_durable(key, std::move(set));
  if (!made) co_return tl::unexpected(made.error());
  redis::Arguments get{"GET", key};
  const Result<redis::Reply> there = co_await client_->call(key, std::move(get));
  if (!there) co_return tl::unexpected(there.error());
  if (there->text == print) co_return true;
  co_return fail(FailureCode::conflict,
                 given_.config.data +
                     "/user-hash.key is not the key of this installation: copy the one that its other "
                     "processes have");
}

Task<Result<bool>> DistributedBackend::prepare_redis() {
  const Result<bool> connected = co_await client_->connect();
  if (!connected) co_return connected;
  const Result<std::vector<redis::Finding>> findings = co_await redis::check_servers(*client_);
  if (!findings) co_return tl::unexpected(findings.error());
  std::string violations;
  for (const redis::Finding& finding : *findings) {
    const std::string text = redis::text_of(finding);
    if (finding.weight == redis::Finding::Weight::violation) {
      violations += (violations.empty() ? "" : "; ") + text;
    } else {
      const bool note = finding.weight == redis::Finding::Weight::note;
      log(note ? LogLevel::info : LogLevel::warning, "redis_setting", {{"what", text}});
    }
  }
  if (!violations.empty()) co_return fail(FailureCode::conflict, "redis.nodes: " + violations);
  for (redis::FunctionLibrary* library : {script_.get(), claims_.get()}) {
    const Result<bool> there = co_await library->ensure();
    if (!there) co_return there;
  }
  Result<bool> agreed = co_await agree_on_user_key();
  if (!agreed) co_return agreed;
  codec::Uuid fresh{};
  system::random_bytes(fresh);
  std::optional<redis::RedisStore::Lost> lost = lost_;
  const Result<bool> opened = co_await store_->open(fresh, std::move(lost));
  if (opened && !*opened) log(LogLevel::warning, "redis_empty", {{"what", "every partition is fenced until rebuilt"}});
  co_return opened;
}

Result<bool> DistributedBackend::open_store() {
  const Config& config = given_.config;
  redis::ClientSettings settings{.seeds = endpoints_in(config.redis_nodes),
                                 .user = config.redis_user,
                                 .password = config.redis_password,
                                 .tls = {},
                                 .commit_connections = static_cast<int>(config.redis_connections),
                                 .replicas = static_cast<int>(config.redis_replicas)};
  if (!config.redis_ca_file.empty())
    settings.tls = redis::TlsSettings{.ca_file = config.redis_ca_file, .server_name = {}};
  Result<std::unique_ptr<redis::Client>> client = redis::Client::open(given_.loop.context(), std::move(settings));
  if (!client) return fail(client.error().code, "redis.nodes: " + client.error().message);
  client_ = std::move(*client);
  for (auto [library, text] : {std::pair(&script_, redis::library_text()), {&claims_, redis::claims_library_text()}}) {
    Result<std::unique_ptr<redis::FunctionLibrary>> made = redis::FunctionLibrary::make(*client_, std::string(text));
    if (!made) return tl::unexpected(made.error());
    *library = std::move(*made);
  }
  lease_ = std::make_unique<redis::Lease>(*client_, given_.clock,
                                          redis::LeaseSettings{.name = "batch", .life_ms = kLeaseMs});
  store_ = std::make_unique<redis::RedisStore>(
      *client_, redis::RedisStore::Scripts{.decide = *script_, .claim = *claims_}, given_.clock, given_.timer,
      redis::RedisStore::Options{
          .own_clock = config.dev,
          .at_turn_end = [this](std::function<void()> work) { given_.loop.on_turn_end(std::move(work)); },
          .committed =
              [this](const std::string& promotion_id) {
                if (relay_) relay_->poke(promotion_id);
              },
          .trouble = [](const std::string& why) { trouble("redis_waits", why); }});
  outbox_ = std::make_unique<redis::RedisOutbox>(*client_, *store_);
  if (const Result<bool> looked = look_for_ledger(); !looked) return looked;
  const Result<bool> prepared = run(prepare_redis());
  if (!prepared) return fail(prepared.error().code, "redis.nodes: " + prepared.error().message);
  return open_kafka();
}

/// Whether Redis is new or has lost everything only the ledger can tell.
Result<bool> DistributedBackend::look_for_ledger() {
  const Config& config = given_.config;
  // libpq's own way to be given a password; no other thread runs yet.
  if (!config.postgres_password.empty()) setenv("PGPASSWORD", config.postgres_password.c_str(), 1);
  const auto lineage = postgres::PostgresLedger::known_lineage(config.postgres_url);
  if (!lineage) return fail(lineage.error().code, "postgres.url: " + lineage.error().message);
  if (!*lineage) return true;
  const auto promotions = postgres::PostgresLedger::known_promotions(config.postgres_url);
  if (!promotions) return fail(promotions.error().code, "postgres.url: " + promotions.error().message);
  lost_ = redis::RedisStore::Lost{.lineage = **lineage, .promotions = *promotions};
  return true;
}

Result<bool> DistributedBackend::open_ledger(Seeds& seeds) {
  const Config& config = given_.config;
  postgres::Options options{
      .connection = config.postgres_url,
      .lineage = store_->lineage(),
      .event_ids = [this](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
        const codec::EventIds of = ids(promotion, epoch, sequence, effect);
        return LedgerEventIds{.event = of.event, .effect = of.effect};
      }};
  options.open_seed = [&seeds](std::string_view promotion, std::string_view sealed) {
    return seeds.open(promotion, sealed);
  };
  options.alarm = [](std::string_view line) { log(LogLevel::error, "ledger_finding", {{"what", line}}); };
  options.owner = config.listen;
  Result<std::unique_ptr<postgres::PostgresLedger>> opened = postgres::PostgresLedger::open(std::move(options));
  if (!opened) return fail(opened.error().code, "postgres.url: " + opened.error().message);
  ledger_ = std::move(*opened);
  writers_ = std::make_unique<system::Workers>(kWriters, poster());
  readers_ = std::make_unique<system::Workers>(kReaders, poster());
  return open_event_log();
}

Result<bool> DistributedBackend::open_kafka() {
  const Config& config = given_.config;
  Result<std::unique_ptr<kafka::Producer>> producer =
      kafka::Producer::make({.brokers = config.kafka_brokers, .post = poster(), .settings = {}});
  if (!producer) return fail(producer.error().code, "kafka.brokers: " + producer.error().message);
  producer_ = std::move(*producer);
  const Result<bool> warm = producer_->warm_up({topics_.events, topics_.inbound}, topics_.warm_up, kWarmUpMs);
  if (!warm) {
    return fail(warm.error().code, "kafka.brokers: " + warm.error().message + " (windfall topics apply makes topics)");
  }
  publisher_ = std::make_unique<kafka::KafkaEventPublisher>(
      *producer_,
      kafka::KafkaEventPublisher::Options{.topic = topics_.events,
                                          .source = "/windfall/" + codec::to_uuid_text(store_->lineage()),
                                          .id_of = [this](std::string_view promotion, Epoch epoch, Sequence sequence) {
                                            return ids(promotion, epoch, sequence, 0).event;
                                          }});
  relay_ = std::make_unique<RelayOutbox>(
      *outbox_, *publisher_, given_.clock, given_.timer,
      RelayOutbox::Hooks{.trouble = [](const std::string& why) { trouble("relay_waits", why); }});

  if (listens_) {
    Result<std::unique_ptr<kafka::Consumer>> inbound =
        kafka::Consumer::make({.brokers = config.kafka_brokers,
                               .group = config.kafka_prefix + "windfall-inbound",
                               .topics = {topics_.inbound},
                               .session_ms = session_ms(),
                               .arrived = [this] { given_.loop.post(given_.arrived); },
                               .trouble = [](const std::string& why) { trouble("inbound_waits", why); }});
    if (!inbound) return fail(inbound.error().code, "kafka.brokers: " + inbound.error().message);
    inbound_ = std::move(*inbound);
  }
  inbox_ = std::make_unique<kafka::KafkaInbox>(
      kafka::KafkaInbox::Options{
          .topic = topics_.inbound,
          .dead_letters = topics_.inbound_dlt,
          .ref_of = [this](std::string_view user_id) { return hasher_.of(user_id); },
          .keep_answer = [this](Command command,
                                AnswerKept answer) { return store_->keep_answer(command, std::move(answer)); },
          .trouble = [](const std::string& why) { trouble("inbound_waits", why); }},
      *producer_, inbound_.get(), given_.clock);
  return true;
}

Result<bool> DistributedBackend::open_event_log() {
  if (!listens_) return true;
  const Config& config = given_.config;
  kafka::KafkaEventLog::Options reading{
      .consumer = {.brokers = config.kafka_brokers,
                   .group = ledger_group(),
                   .topics = {topics_.events},
                   .session_ms = session_ms(),
                   .arrived =
                       [this] {
                         given_.loop.post([this] {
                           if (projection_) projection_->poke(event_log_->available());
                         });
                       },
                   .trouble = [](const std::string& why) { trouble("events_wait", why); }},
      .dead_letters = topics_.events_dlt,
      .last_seen = [this](PartitionNo partition) -> Result<kafka::LastSeen> {
        const auto places = ledger_->places();
        if (!places) return tl::unexpected(places.error());
        for (const postgres::PostgresLedger::Place& place : *places) {
          if (place.partition == partition) return kafka::LastSeen{.epoch = place.epoch, .sequence = place.sequence};
        }
        return kafka::LastSeen{};
      },
      .trouble = [](const std::string& why) { trouble("events_wait", why); }};
  Result<std::unique_ptr<kafka::KafkaEventLog>> log_opened =
      kafka::KafkaEventLog::make(std::move(reading), *producer_, given_.clock);
  if (!log_opened) return fail(log_opened.error().code, "kafka.brokers: " + log_opened.error().message);
  event_log_ = std::move(*log_opened);
  projecting_ = std::make_unique<system::Workers>(1, poster());
  projection_ = std::make_unique<ProjectLedger>(
      *event_log_, *ledger_, *projecting_, given_.timer,
      ProjectLedger::Hooks{.applied =
                               [this] {
                                 event_log_->applied(projection_->position());
                                 given_.applied();
                               },
                           .trouble = [](const std::string& why) { trouble("projection_waits", why); }},
      ProjectLedger::Doubt::apply_again);
  return true;
}

Result<bool> DistributedBackend::open_codes(Seals& seals) {
  Result<std::unique_ptr<postgres::PostgresCodeVault>> opened =
      postgres::PostgresCodeVault::open(given_.config.postgres_url, seals);
  if (!opened) return fail(opened.error().code, "postgres.url: " + opened.error().message);
  codes_ = std::move(*opened);
  return true;
}

Task<bool> DistributedBackend::caught_up() {
  const auto headers = co_await store_->headers();
  if (!headers) co_return false;
  const std::int64_t until = given_.clock.monotonic_ms() + kCatchUpMs;
  while (true) {
    const auto places = co_await readers_->run([this] { return ledger_->places(); });
    if (places) {
      const bool all = std::ranges::all_of(*headers, [&places](const auto& known) {
        const auto& [partition, header] = known;
        if (header.sequence.value == 0) return true;
        return std::ranges::any_of(*places, [&](const postgres::PostgresLedger::Place& place) {
          return place.partition == partition &&
                 (place.epoch > header.epoch || (place.epoch == header.epoch && place.sequence >= header.sequence));
        });
      });
      if (all) co_return true;
    }
    if (given_.clock.monotonic_ms() >= until) co_return false;
    co_await sleep_for(given_.timer, kCatchUpLookMs);
  }
}

Task<Result<bool>> DistributedBackend::settle(std::vector<EffectSettled> settled) {
  // The table of effects is the source of truth here: no event, which a rebuild could lose.
  const Instant at = given_.clock.now();
  co_return co_await writers_->run([this, &settled, at] { return ledger_->settle(settled, at); });
}

Backend::Figures DistributedBackend::figures() {
  const RelayOutbox::Lag lag = relay_->lag();
  std::uint64_t behind = lag.entries;
  if (projection_) behind += event_log_->available() - std::min(event_log_->available(), projection_->position());
  return {.acknowledged = store_->counts().calls,
          .behind = behind,
          .fenced = store_->mirror().fenced(),
          .oldest_ms = lag.oldest_ms,
          .writable = store_->can_admit()};
}

std::vector<http::ReadyCheck> DistributedBackend::checks() {
  const bool fresh = store_->can_admit();
  const std::uint64_t fenced = store_->mirror().fenced();
  return {{.name = "redis",
           .ready = fresh,
           .detail = !fresh       ? "the system partition could not be read for a second"
                     : fenced > 0 ? std::to_string(fenced) + " partitions fenced"
                                  : "deciding"},
          {.name = "kafka", .ready = true, .detail = relay_->pausing() ? "waiting for brokers" : "relaying"},
          {.name = "ledger", .ready = true, .detail = std::to_string(figures().behind) + " entries behind"}};
}

Task<void> DistributedBackend::keep_lease() {
  while (!stopped_) {
    if (lease_->held()) {
      const Result<bool> renewed = co_await lease_->renew();
      if (!renewed) trouble("lease_not_renewed", renewed.error().message);
    } else {
      const auto taken = co_await lease_->acquire();
      if (taken && *taken) log(LogLevel::info, "leads", {{"token", static_cast<std::int64_t>((*taken)->value)}});
    }
    co_await sleep_for(given_.timer, kLeaseMs / 3);
  }
}

/// The ledger has what the outboxes of these partitions still held, and all that Kafka had then. Nobody waits for the
/// others, which go on: there is always something of theirs on its way.
Task<Result<bool>> DistributedBackend::log_has_arrived(std::vector<PartitionNo> of) {
  const std::int64_t until = given_.clock.monotonic_ms() + kArrivalMs;
  std::vector<kafka::Progress> goal;
  while (given_.clock.monotonic_ms() < until && !stopped_) {
    bool relayed = true;
    for (const PartitionNo partition : of) {
      if (!goal.empty()) break;
      const std::string& id = store_->mirror().at(partition).id;
      const auto page = co_await outbox_->read(id, std::nullopt, 1);
      relayed = relayed && page && page->empty();
    }
    const auto now = co_await readers_->run(
        [this] { return kafka::progress(given_.config.kafka_brokers, {}, ledger_group(), topics_.events); });
    if (now && relayed && goal.empty()) goal = *now;
    if (now && !goal.empty() && now->size() == goal.size()) {
      bool all = true;
      for (std::size_t i = 0; i < goal.size(); ++i) all = all && (*now)[i].read >= goal[i].end;
      if (all) co_return true;
    }
    co_await sleep_for(given_.timer, kLookMs);
  }
  co_return fail(FailureCode::unavailable, "the log has not arrived in the ledger; is a listener running?");
}

Task<Result<bool>> DistributedBackend::rebuild_missing() {
  const std::vector<PartitionNo> missing = store_->mirror().missing();
  log(LogLevel::warning, "rebuilding", {{"partitions", static_cast<std::int64_t>(missing.size())}});
  Result<bool> arrived = co_await log_has_arrived(missing);
  if (!arrived) co_return arrived;
  auto promotions = co_await readers_->run([this] { return ledger_->promotions(); });
  if (!promotions) co_return tl::unexpected(promotions.error());
  Result<bool> registered = co_await store_->restore_registry(std::move(*promotions));
  if (!registered) co_return registered;
  Result<bool> agreed = co_await agree_on_user_key();
  if (!agreed) co_return agreed;
  const auto places = co_await readers_->run([this] { return ledger_->places(); });
  if (!places) co_return tl::unexpected(places.error());
  for (const PartitionNo partition : missing) {
    // Another leader may have been faster: an epoch that the ledger begins and that never gets into force would have it
    // drop everything that is decided.
    const auto there = co_await store_->headers();
    if (!there) co_return tl::unexpected(there.error());
    if (!leads()) co_return fail(FailureCode::unavailable, "another process leads now");
    if (std::ranges::any_of(*there, [&](const auto& known) { return known.first == partition; })) continue;
    Epoch last{0};
    for (const postgres::PostgresLedger::Place& place : *places) {
      if (place.partition == partition) last = place.epoch;
    }
    redis::LogSource source{
        .events =
            [this](PartitionNo of, Sequence after, std::size_t most) {
              return readers_->run([this, of, after, most] { return ledger_->events(of, after, most); });
            },
        .begin_epoch =
            [this](PartitionNo of, Epoch next, Sequence at) {
              return writers_->run([this, of, next, at] { return ledger_->begin_epoch(of, next, at); });
            }};
    const auto done = co_await store_->rebuild_partition(partition, last, std::move(source));
    if (!done) co_return tl::unexpected(done.error());
    log(LogLevel::warning, "rebuilt",
        {{"partition", static_cast<std::int64_t>(partition.value)},
         {"epoch", static_cast<std::int64_t>(done->epoch.value)},
         {"events", static_cast<std::int64_t>(done->events)},
         {"lost", static_cast<std::int64_t>(done->lost)}});
  }
  co_return true;
}

Task<void> DistributedBackend::keep_whole() {
  while (!stopped_) {
    co_await sleep_for(given_.timer, kLookMs);
    if (!leads() || store_->mirror().missing().empty()) continue;
    const Result<bool> whole = co_await rebuild_missing();
    if (!whole) trouble("not_rebuilt", whole.error().message);
  }
}

void DistributedBackend::start(bool) {
  store_->start();
  relay_->start();
  if (has_role(given_.config.roles, "batch")) {
    detach(keep_lease());
    detach(keep_whole());
  }
}

Task<void> DistributedBackend::finish(bool listens) {
  stopped_ = true;
  if (lease_->held()) co_await lease_->release();
  if (listens) co_await caught_up();
  relay_->stop();
  if (projection_) projection_->stop();
  const std::int64_t until = given_.clock.monotonic_ms() + kSettleMs;
  while ((relay_->running() || (projection_ && projection_->running())) && given_.clock.monotonic_ms() < until) {
    co_await sleep_for(given_.timer, kCatchUpLookMs);
  }
  if (event_log_) event_log_->applied(projection_->position());
  store_->stop();
}

void DistributedBackend::stop_threads() {
  projecting_.reset();
  writers_.reset();
  readers_.reset();
  if (event_log_) event_log_->stop();
  if (inbound_) inbound_->stop();
  inbox_.reset();
  event_log_.reset();
  inbound_.reset();
  producer_.reset();
}

}  // namespace

std::unique_ptr<Backend> make_distributed_backend(Backend::Given given) {
  return std::make_unique<DistributedBackend>(std::move(given));
}

}  // namespace windfall::app
