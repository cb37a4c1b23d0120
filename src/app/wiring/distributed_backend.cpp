// The distributed mode's data: Redis decides, Kafka carries what was decided, PostgreSQL (or a MongoDB beside it) keeps
// it. Several processes of each role share all three; what only one of them may do is done under a lease.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/user_ref.hpp"
#include "adapters/kafka/event_publisher.hpp"
#include "adapters/kafka/kafka_event_log.hpp"
#include "adapters/kafka/kafka_inbox.hpp"
#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/topics.hpp"
#include "adapters/postgres/code_vault.hpp"
#include "adapters/postgres/postgres_epoch_book.hpp"
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
#include "app/kafka_config.hpp"
#include "app/server_parts.hpp"
#include "app/wiring/apply_tail.hpp"
#include "app/wiring/backend.hpp"
#include "app/wiring/distributed_ledger.hpp"
#include "app/wiring/distributed_metrics.hpp"
#include "app/wiring/installation.hpp"
#include "app/wiring/leading.hpp"
#include "app/wiring/ledger_lag.hpp"
#include "app/wiring/presence.hpp"
#include "app/wiring/rebuilding.hpp"
#include "app/wiring/waiting_marks.hpp"
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
/// A producer that has not sent stalls for a second at its first message. Kafka may be away: joins go on without it, so
/// the start does not wait for long.
constexpr int kWarmUpMs = 3'000;
constexpr std::int64_t kWarmAgainMs = 1'000;
/// Kafka's group.min.session.timeout.ms where nobody has set it.
constexpr int kDevSessionMs = 6'000;

void say_ledger_away(const std::string& why) { log(LogLevel::warning, "ledger_away", {{"why", why}}); }

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

  Task<bool> caught_up(std::optional<PartitionNo> of) override;
  [[nodiscard]] bool can_admit() const override { return store_->can_admit(); }
  [[nodiscard]] std::function<Task<Result<std::string>>()> ledger_look() override {
    return [this] { return look_at_ledger(); };
  }
  Task<Result<bool>> settle(std::vector<EffectSettled> settled) override;
  /// The ledger empties its identity when it applies the erasure; stream and topic forget within their retention.
  Task<Result<bool>> erase_identity(UserRef) override { co_return true; }
  [[nodiscard]] std::vector<http::ReadyCheck> checks() override;
  [[nodiscard]] Figures figures() override;
  [[nodiscard]] bool has_ledger(bool) const override { return true; }
  [[nodiscard]] bool restored_from_log() const override { return true; }
  [[nodiscard]] bool shares_effects() const override { return true; }
  [[nodiscard]] bool log_keeps_settlements() const override { return false; }
  [[nodiscard]] bool leads() const override { return leading_ && leading_->leads(); }

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
  Task<Result<std::string>> look_at_ledger();
  Task<Result<bool>> prepare_redis();
  Task<Result<bool>> agree_on_user_key();
  Result<bool> open_kafka();
  Result<bool> open_event_log();
  void open_epochs();
  Task<bool> epoch_is_over(std::string promotion_id, Epoch epoch);
  Task<void> keep_warming();
  Task<Result<bool>> redis_is_whole();
  [[nodiscard]] std::function<void(std::function<void()>)> poster() const {
    return [&loop = given_.loop](std::function<void()> work) { loop.post(std::move(work)); };
  }
  /// A development server that was killed is missed as soon as Kafka's default allows.
  [[nodiscard]] int session_ms() const { return given_.config.dev ? kDevSessionMs : kafka::Consumer::kSessionMs; }
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
  std::optional<Failure> ledger_away_;           ///< why it could not be asked then
  bool warm_ = true;                             ///< Kafka has acknowledged a message

  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<redis::FunctionLibrary> script_;
  std::unique_ptr<redis::FunctionLibrary> claims_;
  std::unique_ptr<redis::Lease> lease_;
  std::unique_ptr<redis::RedisStore> store_;
  std::unique_ptr<redis::RedisOutbox> outbox_;
  std::unique_ptr<Rebuilding> rebuilding_;

  std::unique_ptr<KeptLedger> ledger_;
  std::unique_ptr<EpochBook> epochs_;
  std::unique_ptr<CodeVault> codes_;
  std::unique_ptr<system::Workers> writers_;
  std::unique_ptr<system::Workers> readers_;

  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<kafka::KafkaEventPublisher> publisher_;
  std::unique_ptr<RelayOutbox> relay_;
  std::unique_ptr<kafka::KafkaEventLog> event_log_;
  std::unique_ptr<system::Workers> projecting_;
  std::unique_ptr<ProjectLedger> projection_;
  WaitingMarks unapplied_;  ///< events that were read, by when they were published
  LedgerLook ledger_lag_;
  std::unique_ptr<kafka::Consumer> inbound_;
  std::unique_ptr<kafka::KafkaInbox> inbox_;

  std::unique_ptr<system::Workers> confirming_;
  std::unique_ptr<Presence> presence_;
  std::unique_ptr<Leading> leading_;
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
  return app::agree_on_user_key(*client_, hasher_.key_fingerprint(), given_.config.data);
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
  if (ledger_away_) {
    Result<bool> whole = co_await redis_is_whole();
    if (!whole) co_return whole;
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

/// Whoever cannot ask the ledger what there should be must not make anything where there is nothing.
Task<Result<bool>> DistributedBackend::redis_is_whole() {
  const std::string lineage = "{windfall}:lineage";
  redis::Arguments look{"EXISTS", lineage, redis::key_prefix({}) + ":h"};
  const std::size_t asked = look.size() - 1;
  const Result<redis::Reply> there = co_await client_->call(lineage, std::move(look));
  if (!there) co_return tl::unexpected(there.error());
  if (there->number == static_cast<std::int64_t>(asked)) co_return true;
  co_return fail(FailureCode::unavailable,
                 "Redis is empty, and whether it is new or has lost everything only the ledger can tell: " +
                     ledger_away_->message);
}

Result<bool> DistributedBackend::open_store() {
  const Config& config = given_.config;
  Result<std::unique_ptr<redis::Client>> client = redis::Client::open(given_.loop.context(), redis_settings(config));
  if (!client) return fail(client.error().code, "redis.nodes: " + client.error().message);
  client_ = std::move(*client);
  for (auto [library, text] : {std::pair(&script_, redis::library_text()), {&claims_, redis::claims_library_text()}}) {
    Result<std::unique_ptr<redis::FunctionLibrary>> made = redis::FunctionLibrary::make(*client_, std::string(text));
    if (!made) return tl::unexpected(made.error());
    *library = std::move(*made);
  }
  lease_ = std::make_unique<redis::Lease>(*client_, given_.clock,
                                          redis::LeaseSettings{.name = kLeaseName, .life_ms = Leading::kLeaseMs});
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
  set_postgres_password(config);
  // Whether Redis is new or has lost everything only the ledger can tell.
  Result<std::optional<redis::RedisStore::Lost>> known = look_for_ledger(config);
  if (!known && known.error().code != FailureCode::unavailable) return tl::unexpected(known.error());
  if (known) {
    lost_ = std::move(*known);
  } else {
    ledger_away_ = known.error();
    say_ledger_away(known.error().message);
  }
  const Result<bool> prepared = run(prepare_redis());
  if (!prepared) return fail(prepared.error().code, "redis.nodes: " + prepared.error().message);
  return open_kafka();
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
  options.owner = name_of_process(config);
  options.term = [this] { return leading_ ? leading_->term() : std::uint64_t{0}; };
  Result<std::unique_ptr<KeptLedger>> opened = open_distributed_ledger(
      config, std::move(options), {.postgres = ledger_away_.has_value(), .told = say_ledger_away});
  if (!opened) return tl::unexpected(opened.error());
  ledger_ = std::move(*opened);
  writers_ = std::make_unique<system::Workers>(kWriters, poster());
  readers_ = std::make_unique<system::Workers>(kReaders, poster());
  open_epochs();
  return open_event_log();
}

void DistributedBackend::open_epochs() {
  epochs_ = std::make_unique<postgres::PostgresEpochBook>(given_.config.postgres_url, name_of_process(given_.config));
  confirming_ = std::make_unique<system::Workers>(1, poster());
  presence_ = std::make_unique<Presence>(Presence::Parts{.book = *epochs_,
                                                         .worker = *confirming_,
                                                         .store = *store_,
                                                         .relay = *relay_,
                                                         .timer = given_.timer,
                                                         .clock = given_.clock});
  if (!has_role(given_.config.roles, "batch")) return;
  leading_ = std::make_unique<Leading>(Leading::Parts{.lease = *lease_,
                                                      .book = *epochs_,
                                                      .mirror = store_->mirror(),
                                                      .writes = *writers_,
                                                      .timer = given_.timer,
                                                      .trouble = trouble});
  rebuilding_ = std::make_unique<Rebuilding>(
      Rebuilding::Parts{.store = *store_,
                        .outbox = *outbox_,
                        .ledger = *ledger_,
                        .book = *epochs_,
                        .reads = *readers_,
                        .writes = *writers_,
                        .clock = given_.clock,
                        .timer = given_.timer,
                        .apply_tail =
                            [this](const std::vector<std::string>& promotion_ids) {
                              return apply_tail({.brokers = given_.config.kafka_brokers,
                                                 .group = ledger_group(given_.config),
                                                 .topic = topics_.events,
                                                 .settings = kafka_settings(given_.config)},
                                                *ledger_, promotion_ids);
                            },
                        .restore_beside = [this] { return agree_on_user_key(); },
                        .leads = [this] { return !leading_->stopped() && leads(); },
                        .in_term = [this] { return leading_->in_term(); },
                        .trouble = trouble},
      Rebuilding::Hooks{.folded = {}, .rebuilt = [](PartitionNo partition, const Rebuilding::Done& done) {
                          log(LogLevel::warning, "rebuilt",
                              {{"partition", static_cast<std::int64_t>(partition.value)},
                               {"epoch", static_cast<std::int64_t>(done.rebuilt.epoch.value)},
                               {"events", static_cast<std::int64_t>(done.rebuilt.events)},
                               {"lost", static_cast<std::int64_t>(done.ended ? done.ended->lost : 0)},
                               {"at_least", !done.ended || done.ended->at_least}});
                        }});
}

Result<bool> DistributedBackend::open_kafka() {
  const Config& config = given_.config;
  Result<std::unique_ptr<kafka::Producer>> producer =
      kafka::Producer::make({.brokers = config.kafka_brokers, .post = poster(), .settings = kafka_settings(config)});
  if (!producer) return fail(producer.error().code, "kafka.brokers: " + producer.error().message);
  producer_ = std::move(*producer);
  const Result<bool> warm = producer_->warm_up({topics_.events, topics_.inbound}, topics_.warm_up, kWarmUpMs);
  if (!warm && warm.error().code != FailureCode::unavailable) {
    return fail(warm.error().code, "kafka.brokers: " + warm.error().message + " (windfall topics apply makes topics)");
  }
  warm_ = warm.has_value();
  if (!warm_) log(LogLevel::warning, "kafka_away", {{"why", warm.error().message}});
  publisher_ = std::make_unique<kafka::KafkaEventPublisher>(
      *producer_,
      kafka::KafkaEventPublisher::Options{.topic = topics_.events,
                                          .source = "/windfall/" + codec::to_uuid_text(store_->lineage()),
                                          .id_of = [this](std::string_view promotion, Epoch epoch, Sequence sequence) {
                                            return ids(promotion, epoch, sequence, 0).event;
                                          }});
  relay_ = std::make_unique<RelayOutbox>(
      *outbox_, *publisher_, given_.clock, given_.timer,
      RelayOutbox::Hooks{.trouble = [](const std::string& why) { trouble("relay_waits", why); },
                         .over = [this](std::string promotion_id,
                                        Epoch epoch) { return epoch_is_over(std::move(promotion_id), epoch); }});

  if (listens_) {
    Result<std::unique_ptr<kafka::Consumer>> inbound =
        kafka::Consumer::make({.brokers = config.kafka_brokers,
                               .group = config.kafka_prefix + "windfall-inbound",
                               .topics = {topics_.inbound},
                               .session_ms = session_ms(),
                               .arrived = [this] { given_.loop.post(given_.arrived); },
                               .trouble = [](const std::string& why) { trouble("inbound_waits", why); },
                               .settings = kafka_settings(config)});
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
                   .group = ledger_group(given_.config),
                   .topics = {topics_.events},
                   .session_ms = session_ms(),
                   .arrived =
                       [this] {
                         given_.loop.post([this] {
                           if (!projection_) return;
                           const std::uint64_t available = event_log_->available();
                           unapplied_.came(available, given_.clock.monotonic_ms() - event_log_->newest_age_ms());
                           projection_->poke(available);
                         });
                       },
                   .trouble = [](const std::string& why) { trouble("events_wait", why); },
                   .settings = kafka_settings(config)},
      .dead_letters = topics_.events_dlt,
      .last_seen = [this](PartitionNo partition) -> Result<kafka::LastSeen> {
        const auto places = ledger_->places();
        if (!places) return tl::unexpected(places.error());
        for (const KeptLedger::Place& place : *places) {
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
  const std::string& url = given_.config.postgres_url;
  Result<std::unique_ptr<postgres::PostgresCodeVault>> opened =
      ledger_away_ ? postgres::PostgresCodeVault::open_later(url, seals)
                   : postgres::PostgresCodeVault::open(url, seals);
  if (!opened) return fail(opened.error().code, "postgres.url: " + opened.error().message);
  codes_ = std::move(*opened);
  return true;
}

Task<bool> DistributedBackend::caught_up(std::optional<PartitionNo> of) {
  if (of && of->value >= store_->mirror().size()) co_return true;  // of a promotion that there is not
  std::vector<PartitionNo> concerned = of ? std::vector<PartitionNo>{*of} : store_->partitions();
  const auto headers = co_await store_->headers(std::move(concerned));
  if (!headers) co_return false;
  const std::int64_t until = given_.clock.monotonic_ms() + kCatchUpMs;
  while (true) {
    const auto places = co_await readers_->run([this] { return ledger_->places(); });
    if (places && lag_of(*headers, *places).partitions == 0) co_return true;
    if (given_.clock.monotonic_ms() >= until) co_return false;
    co_await sleep_for(given_.timer, kCatchUpLookMs);
  }
}

Task<Result<std::string>> DistributedBackend::look_at_ledger() {
  std::vector<PartitionNo> all = store_->partitions();
  const auto headers = co_await store_->headers(std::move(all));
  if (!headers) co_return tl::unexpected(headers.error());
  const auto places = co_await readers_->run([this] { return ledger_->places(); });
  co_return ledger_lag_.look(*headers, places);
}

Task<Result<bool>> DistributedBackend::settle(std::vector<EffectSettled> settled) {
  // The table of effects is the source of truth here: no event, which a rebuild could lose.
  const Instant at = given_.clock.now();
  co_return co_await writers_->run([this, &settled, at] { return ledger_->settle(settled, at); });
}

Backend::Figures DistributedBackend::figures() {
  const RelayOutbox::Lag lag = relay_->lag();
  std::uint64_t behind = lag.entries;
  std::int64_t oldest_ms = lag.oldest_ms;
  if (projection_) {
    const std::uint64_t read = event_log_->available();
    const std::uint64_t waiting = read - std::min(read, projection_->position());
    behind += waiting;
    // Kafka may have given the last ones to another process before they were applied here.
    const std::uint64_t done = waiting > 0 ? projection_->position() : std::numeric_limits<std::uint64_t>::max();
    oldest_ms = std::max(oldest_ms, unapplied_.age(done, given_.clock.monotonic_ms()));
  }
  return {.acknowledged = store_->counts().calls,
          .behind = behind,
          .fenced = store_->mirror().fenced(),
          .oldest_ms = oldest_ms,
          .writable = store_->can_admit(),
          .more = distributed_metrics({.store = *store_,
                                       .client = *client_,
                                       .relay = *relay_,
                                       .kafka = warm_,
                                       .ledger_behind = ledger_lag_.behind()})};
}

std::vector<http::ReadyCheck> DistributedBackend::checks() {
  const bool fresh = store_->can_admit();
  const std::uint64_t fenced = store_->mirror().fenced();
  return {{.name = "redis",
           .ready = fresh,
           .detail = !fresh       ? "the system partition could not be read for a second"
                     : fenced > 0 ? std::to_string(fenced) + " partitions fenced"
                                  : "deciding"},
          {.name = "kafka", .ready = true, .detail = !warm_ || relay_->pausing() ? "waiting for brokers" : "relaying"},
          {.name = "ledger", .ready = true, .detail = words_of_ledger(presence_->silent_ms(), ledger_lag_.behind())}};
}

/// Whether the promotion has entered a later epoch: asked of the hot state, since what is known here may be old.
Task<bool> DistributedBackend::epoch_is_over(std::string promotion_id, Epoch epoch) {
  for (const PartitionNo partition : store_->partitions()) {
    if (store_->mirror().at(partition).id != promotion_id) continue;
    std::vector<PartitionNo> one{partition};
    const auto header = co_await store_->headers(std::move(one));
    co_return header && !header->empty() && header->front().second.epoch > epoch;
  }
  co_return false;
}

/// Once brokers take a message, those that somebody waits for find everything ready.
Task<void> DistributedBackend::keep_warming() {
  while (!stopped_) {
    Completion<Result<bool>> done;
    {
      kafka::Producer::Batch batch = producer_->begin([&done](Result<bool> sent) { done.complete(std::move(sent)); });
      batch.add({.topic = topics_.warm_up, .key = {}, .value = {}, .headers = {}});
    }
    const Result<bool> sent = co_await done;
    if (sent) {
      warm_ = true;
      log(LogLevel::info, "kafka_back");
      co_return;
    }
    co_await sleep_for(given_.timer, kWarmAgainMs);
  }
}

void DistributedBackend::start(bool) {
  store_->start();
  relay_->start();
  presence_->start();
  if (leading_) leading_->start(*rebuilding_);
  if (!warm_) detach(keep_warming());
}

Task<void> DistributedBackend::finish(bool listens) {
  stopped_ = true;
  if (leading_) co_await leading_->finish();
  if (listens) co_await caught_up(std::nullopt);
  relay_->stop();
  if (projection_) projection_->stop();
  const std::int64_t until = given_.clock.monotonic_ms() + kSettleMs;
  while ((relay_->running() || (projection_ && projection_->running())) && given_.clock.monotonic_ms() < until) {
    co_await sleep_for(given_.timer, kCatchUpLookMs);
  }
  if (event_log_) event_log_->applied(projection_->position());
  co_await presence_->finish();
  store_->stop();
}

void DistributedBackend::stop_threads() {
  // Whoever waits for Redis goes on now, while all that it may touch is there.
  if (client_) client_->close();
  confirming_.reset();
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
