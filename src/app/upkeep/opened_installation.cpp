#include "app/upkeep/opened_installation.hpp"

#include <filesystem>
#include <system_error>

#include "adapters/codec/event_ids.hpp"
#include "adapters/kafka/topics.hpp"
#include "adapters/redis/library.hpp"
#include "adapters/redis/store/claims.hpp"
#include "app/data_directory.hpp"
#include "app/kafka_config.hpp"
#include "app/key_file.hpp"
#include "app/wiring/apply_tail.hpp"
#include "app/wiring/distributed_ledger.hpp"
#include "app/wiring/installation.hpp"
#include "app/wiring/leading.hpp"

namespace windfall::app {

namespace {

/// Partitions that are rebuilt at once read at once.
constexpr std::size_t kReaders = Rebuilding::kAtOnce + 1;
/// Between two tries to lead.
constexpr std::int64_t kTryLeadMs = 500;

Result<codec::UserHasher::Key> read_user_key(const Config& config) {
  const std::string path = (config.data.empty() ? std::string(kUsualData) : config.data) + "/user-hash.key";
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    return fail(FailureCode::not_found, "server.data: " + path +
                                            " is missing: run this where a process of the installation runs, or copy "
                                            "the key that its processes have");
  }
  Result<codec::UserHasher::Key> key = load_or_make_key(path);
  if (!key) return fail(key.error().code, "server.data: " + key.error().message);
  return key;
}

}  // namespace

OpenedInstallation::~OpenedInstallation() {
  if (store_) store_->stop();
  retired_ = true;
  if (client_) client_->close();
  writes_.reset();
  reads_.reset();
}

Result<std::unique_ptr<OpenedInstallation>> OpenedInstallation::open(const Config& config) {
  if (config.mode != "distributed") {
    return fail(FailureCode::invalid, "server.mode is \"" + config.mode + "\": this is for mode = \"distributed\"");
  }
  std::unique_ptr<OpenedInstallation> opened(new OpenedInstallation(config));
  const Result<bool> prepared = opened->prepare();
  if (!prepared) return tl::unexpected(prepared.error());
  return opened;
}

Result<bool> OpenedInstallation::prepare() {
  const Result<codec::UserHasher::Key> key = read_user_key(config_);
  if (!key) return tl::unexpected(key.error());
  user_key_ = *key;
  set_postgres_password(config_);
  Result<std::optional<redis::RedisStore::Lost>> known = look_for_ledger(config_);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return fail(FailureCode::not_found, "postgres.url: there is no ledger in that database");

  Result<std::unique_ptr<redis::Client>> client = redis::Client::open(loop_.context(), redis_settings(config_));
  if (!client) return fail(client.error().code, "redis.nodes: " + client.error().message);
  client_ = std::move(*client);
  for (auto [library, text] : {std::pair(&script_, redis::library_text()), {&claims_, redis::claims_library_text()}}) {
    Result<std::unique_ptr<redis::FunctionLibrary>> made = redis::FunctionLibrary::make(*client_, std::string(text));
    if (!made) return tl::unexpected(made.error());
    *library = std::move(*made);
  }
  lease_ = std::make_unique<redis::Lease>(*client_, clock_,
                                          redis::LeaseSettings{.name = kLeaseName, .life_ms = Leading::kLeaseMs});
  store_ = std::make_unique<redis::RedisStore>(
      *client_, redis::RedisStore::Scripts{.decide = *script_, .claim = *claims_}, clock_, timer_,
      redis::RedisStore::Options{
          .own_clock = config_.dev,
          .at_turn_end = [this](std::function<void()> work) { loop_.on_turn_end(std::move(work)); },
          .committed = {},
          .trouble = {}});
  outbox_ = std::make_unique<redis::RedisOutbox>(*client_, *store_);
  const Result<bool> prepared = run(prepare_redis(std::move(**known)));
  if (!prepared) return fail(prepared.error().code, "redis.nodes: " + prepared.error().message);

  postgres::Options options{
      .connection = config_.postgres_url,
      .lineage = store_->lineage(),
      .event_ids = [this](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
        const codec::EventIds of = codec::event_ids({.lineage = store_->lineage(),
                                                     .promotion = promotion,
                                                     .epoch = epoch,
                                                     .sequence = sequence,
                                                     .index = effect});
        return LedgerEventIds{.event = of.event, .effect = of.effect};
      }};
  options.term = [this] { return term_.load(); };
  Result<std::unique_ptr<KeptLedger>> ledger = open_distributed_ledger(config_, std::move(options), {});
  if (!ledger) return tl::unexpected(ledger.error());
  ledger_ = std::move(*ledger);
  epochs_ = std::make_unique<postgres::PostgresEpochBook>(config_.postgres_url, "an operator's command");
  const auto poster = [this](std::function<void()> work) { loop_.post(std::move(work)); };
  writes_ = std::make_unique<system::Workers>(1, poster);
  reads_ = std::make_unique<system::Workers>(kReaders, poster);
  return true;
}

Task<Result<bool>> OpenedInstallation::prepare_redis(redis::RedisStore::Lost known) {
  Result<bool> connected = co_await client_->connect();
  if (!connected) co_return connected;
  for (redis::FunctionLibrary* library : {script_.get(), claims_.get()}) {
    Result<bool> there = co_await library->ensure();
    if (!there) co_return there;
  }
  // The lineage is that of the ledger either way: Redis has it, or has lost everything.
  const codec::Uuid lineage = known.lineage;
  std::optional<redis::RedisStore::Lost> lost = std::move(known);
  co_return co_await store_->open(lineage, std::move(lost));
}

Task<void> OpenedInstallation::keep_lease() {
  while (!retired_ && leads()) {
    const Result<bool> renewed = co_await lease_->renew();
    static_cast<void>(renewed);  // what is left of its life still counts, and leads() says when it is over
    co_await sleep_for(timer_, Leading::kLeaseMs / 3);
  }
}

Task<Result<bool>> OpenedInstallation::lead() {
  const std::int64_t until = clock_.monotonic_ms() + Leading::kLeaseMs + kTryLeadMs;
  while (true) {
    const auto taken = co_await lease_->acquire();
    if (!taken) co_return tl::unexpected(taken.error());
    if (*taken) break;
    if (clock_.monotonic_ms() >= until) co_return false;
    co_await sleep_for(timer_, kTryLeadMs);
  }
  detach(keep_lease());
  // The lease bounds time, the term bounds truth: whoever led before writes nothing more.
  const Result<Term> term = co_await writes_->run([this] { return epochs_->begin_term(); });
  if (!term) co_return tl::unexpected(term.error());
  term_ = term->value;
  co_return true;
}

Task<Result<Term>> OpenedInstallation::in_term() {
  const Term term{term_};
  const Result<bool> still = co_await writes_->run([this, term] { return epochs_->still(term); });
  if (!still) co_return tl::unexpected(still.error());
  co_return term;
}

Task<void> OpenedInstallation::retire() {
  retired_ = true;
  if (!leads()) co_return;
  const Result<bool> released = co_await lease_->release();
  static_cast<void>(released);  // else it runs out by itself
}

std::unique_ptr<Rebuilding> OpenedInstallation::rebuilding(Rebuilding::Hooks hooks) {
  return std::make_unique<Rebuilding>(
      Rebuilding::Parts{
          .store = *store_,
          .outbox = *outbox_,
          .ledger = *ledger_,
          .book = *epochs_,
          .reads = *reads_,
          .writes = *writes_,
          .clock = clock_,
          .timer = timer_,
          .apply_tail =
              [this](const std::vector<std::string>& promotion_ids) {
                return apply_tail({.brokers = config_.kafka_brokers,
                                   .group = ledger_group(config_),
                                   .topic = kafka::topic_names(config_.kafka_prefix).events,
                                   .settings = kafka_settings(config_)},
                                  *ledger_, promotion_ids);
              },
          .restore_beside = [this] { return agree_on_user_key(*client_, hasher().key_fingerprint(), config_.data); },
          .leads = [this] { return leads(); },
          .in_term = [this] { return in_term(); },
          .trouble = [](const char*, const std::string&) {}},
      std::move(hooks));
}

}  // namespace windfall::app
