#include "app/upkeep/recover_installation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/kafka/lag.hpp"
#include "adapters/kafka/topics.hpp"
#include "adapters/postgres/code_vault.hpp"
#include "adapters/redis/folded_state.hpp"
#include "adapters/redis/store/fence.hpp"
#include "adapters/redis/store/hot_state.hpp"
#include "adapters/vault/key_seals.hpp"
#include "app/kafka_config.hpp"
#include "app/upkeep/fenced_partitions.hpp"
#include "app/wiring/installation.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::app {

namespace {

constexpr std::size_t kPage = 8192;
/// Consumers commit within seconds what they have read.
constexpr std::int64_t kDrainMs = 30'000;
constexpr std::int64_t kLookMs = 250;
/// A header that moves between reading and fencing is read again; joins make it move some hundred times a second.
constexpr int kFenceTries = 1'000;

/// A counter as a fold, or as Redis, has it.
std::int64_t value_of(const redis::FoldedState& fold, const CounterKey& key) {
  return fold.counter(redis::counter_name(key), redis::in_header(key));
}
std::int64_t value_of(const redis::Header& header, const redis::PartitionFields& fields, const CounterKey& key) {
  if (redis::in_header(key)) return header.counter(key);
  const auto found = fields.counters.find(redis::counter_name(key));
  return found == fields.counters.end() ? 0 : found->second;
}

class Recover {
 public:
  Recover(OpenedInstallation& installation, const RecoverInstallationOptions& options,
          const std::function<void(const std::string& line)>& say)
      : installation_(installation), options_(options), say_(say) {}

  Task<Result<RecoveredInstallation>> run() {
    const Result<bool> leading = co_await installation_.lead();
    if (!leading) co_return tl::unexpected(leading.error());
    if (!*leading) {
      co_return fail(FailureCode::conflict, "another process leads: stop the servers with the role batch first");
    }
    const Result<bool> done = co_await recover();
    co_await installation_.retire();
    if (!done) co_return tl::unexpected(done.error());
    co_return std::move(recovered_);
  }

 private:
  /// What a promotion's log says of it where it ends.
  struct End {
    redis::FoldedState fold;
    std::optional<Promotion> promotion;
  };

  Task<Result<bool>> recover() {
    Result<bool> drained = co_await wait_for_the_log();
    if (!drained) co_return drained;
    const auto states = co_await look_at_partitions(&installation_);
    if (!states) co_return tl::unexpected(states.error());
    std::vector<PartitionNo> back;
    for (const PartitionState& state : *states) {
      PartitionState one = state;
      const Result<bool> concerned = co_await is_concerned(std::move(one));
      if (!concerned) co_return concerned;
      if (!*concerned) continue;
      one = state;
      Result<bool> burned = co_await burn(std::move(one));
      if (!burned) co_return burned;
      back.push_back(state.partition);
    }
    if (back.empty()) co_return true;
    rebuilding_ = installation_.rebuilding({.folded = {}, .rebuilt = {}});
    Result<bool> rebuilt = co_await rebuilding_->run(std::move(back));
    co_return rebuilt;
  }

  Task<Result<bool>> wait_for_the_log() {
    const std::int64_t until = installation_.clock().monotonic_ms() + kDrainMs;
    const Config& config = installation_.config();
    while (true) {
      const auto unread = co_await installation_.reads().run([&config] {
        return kafka::unread(config.kafka_brokers, kafka_settings(config), ledger_group(config),
                             kafka::topic_names(config.kafka_prefix).events);
      });
      if (!unread) co_return fail(unread.error().code, "kafka.brokers: " + unread.error().message);
      if (*unread == 0) co_return true;
      if (installation_.clock().monotonic_ms() >= until) {
        co_return fail(
            FailureCode::unavailable,
            fmt::format("{} messages in Kafka have not reached the ledger: start a listener first", *unread));
      }
      co_await sleep_for(installation_.timer(), kLookMs);
    }
  }

  /// Whether Redis knows events that no log has: its header is ahead, and the next event is not in the outbox.
  Task<Result<bool>> is_concerned(PartitionState state) {
    if (!state.header) {
      if (options_.lost) co_return !state.promotion_id.empty();
      say_(
          fmt::format("{} has no header in Redis: what it had given out is not known (--lost burns every code that is "
                      "not assigned)",
                      name_of(state)));
      co_return false;
    }
    const bool ahead = state.header->epoch >= state.epoch && state.header->sequence > state.sequence;
    if (!ahead) co_return options_.lost && !state.promotion_id.empty();
    std::string id = state.promotion_id;
    const auto entries = co_await installation_.outbox().read(std::move(id), std::nullopt, 1);
    if (!entries) co_return tl::unexpected(entries.error());
    const bool waiting = !entries->empty() && !entries->front().events.empty() &&
                         entries->front().events.front().sequence.value <= state.sequence.value + 1;
    if (waiting) co_return options_.lost && !state.promotion_id.empty();  // it is on its way
    co_return true;
  }

  Task<Result<bool>> burn(PartitionState state) {
    const Result<bool> fenced = co_await fence(&state);
    if (!fenced) co_return fenced;
    const auto end = co_await fold(state.partition);
    if (!end) co_return tl::unexpected(end.error());
    const std::uint64_t knew = state.header ? state.header->sequence.value : 0;
    recovered_.gone_back.push_back({.name = name_of(state), .from = knew, .to = (*end)->fold.sequence().value});
    say_(fmt::format("{}: Redis knew events up to {}, its log ends with {}", name_of(state), knew,
                     (*end)->fold.sequence().value));
    if (!(*end)->promotion || !(*end)->promotion->lottery) co_return true;

    LogBatch batch;
    Sequence last = (*end)->fold.sequence();
    const std::vector<Prize>& prizes = (*end)->promotion->lottery->prizes;
    for (std::uint32_t prize = 0; prize < prizes.size(); ++prize) {
      const CounterKey assigned = keys::assigned(state.partition, prize);
      const std::int64_t known = value_of((*end)->fold, assigned);
      const std::int64_t imported = value_of((*end)->fold, keys::imported(state.partition, prize));
      std::int64_t below = options_.lost ? imported : known;
      if (state.header) below = std::max(below, value_of(*state.header, fields_, assigned));
      if (below <= known) continue;
      ++last.value;
      batch.events.push_back({.partition = state.partition,
                              .epoch = state.epoch,
                              .sequence = last,
                              .time = std::max((*end)->fold.time().value_or(Instant{}), installation_.clock().now()),
                              .revision = (*end)->fold.revision(),
                              .command = {},
                              .event = CodesBurned{.prize = prize,
                                                   .count = below - known,
                                                   .audit = {.actor = "system",
                                                             .action = "recover",
                                                             .reason = options_.lost ? "the counters are lost"
                                                                                     : "given out since the backup"}},
                              .taken = {}});
      recovered_.burned.push_back({.promotion_id = state.promotion_id,
                                   .prize_id = prizes[prize].id,
                                   .count = below - known,
                                   .left = std::max<std::int64_t>(0, imported - below)});
    }
    // Into the log while nobody decides: the fold that puts the promotion into force again knows of it.
    batch.position = batch.events.size();
    OpenedInstallation& installation = installation_;
    if (!batch.events.empty()) {
      const auto applied =
          co_await installation.reads().run([&installation, &batch] { return installation.ledger().apply(batch); });
      if (!applied) co_return tl::unexpected(applied.error());
    }
    co_return co_await rewind_vault(end->get());
  }

  /// Nobody decides any more, and what Redis had given out last is known: a header goes out of force only as it was
  /// read.
  Task<Result<bool>> fence(PartitionState* state) {
    fields_ = {};
    if (!state->header) co_return true;
    for (int i = 0; i < kFenceTries; ++i) {
      const auto header =
          co_await redis::read_header_of(&installation_.client(), redis::key_prefix(state->promotion_id));
      if (!header) co_return tl::unexpected(header.error());
      if (!*header) break;
      state->header = **header;
      const redis::Place place{.prefix = redis::key_prefix(state->promotion_id),
                               .epoch = state->header->epoch,
                               .buckets = state->header->buckets};
      const Result<bool> out = co_await redis::fence(installation_.claims(), place.header(), state->header->epoch,
                                                     Sequence{state->header->sequence.value + 1});
      if (!out) co_return out;
      if (!*out) continue;
      auto fields = co_await redis::read_partition_fields(&installation_.client(), place);
      if (!fields) co_return tl::unexpected(fields.error());
      fields_ = std::move(*fields);
      co_return true;
    }
    co_return fail(FailureCode::conflict, name_of(*state) + " decides too fast to be fenced: press pause-all first");
  }

  Task<Result<std::unique_ptr<End>>> fold(PartitionNo partition) {
    auto end = std::make_unique<End>(End{.fold = redis::FoldedState(partition), .promotion = {}});
    OpenedInstallation& installation = installation_;
    while (true) {
      const Sequence after = end->fold.sequence();
      const auto page = co_await installation.reads().run(
          [&installation, partition, after] { return installation.ledger().events(partition, after, kPage); });
      if (!page) co_return tl::unexpected(page.error());
      if (page->empty()) break;
      for (const Recorded& recorded : *page) {
        const Result<bool> taken = end->fold.take(recorded);
        if (!taken) co_return tl::unexpected(taken.error());
      }
    }
    const Result<Promotion> promotion = codec::decode_definition(end->fold.definition());
    if (promotion) end->promotion = *promotion;
    co_return std::move(end);
  }

  /// The vault forgets rows that no event announces: their ordinals are given to the codes of the next import.
  Task<Result<bool>> rewind_vault(const End* end) {
    const Result<std::unique_ptr<vault::KeySeals>> seals = open_seals();
    if (!seals) co_return tl::unexpected(seals.error());
    const auto opened = postgres::PostgresCodeVault::open(installation_.config().postgres_url, **seals);
    if (!opened) co_return tl::unexpected(opened.error());
    const auto counts = (*opened)->counts(end->promotion->id);
    if (!counts) co_return tl::unexpected(counts.error());
    for (const CodeVault::Counts& of : *counts) {
      const auto prize = prize_index(*end->promotion->lottery, of.prize.prize_id);
      if (!prize) continue;
      const CounterKey key = keys::imported(PartitionNo{}, *prize);
      const std::int64_t imported = value_of(end->fold, key);
      const Result<bool> done = (*opened)->rewind(of.prize, static_cast<std::uint64_t>(imported));
      if (!done) co_return done;
    }
    co_return true;
  }

  Result<std::unique_ptr<vault::KeySeals>> open_seals() {
    const Config& config = installation_.config();
    const std::string path = config.master_keys.empty() ? config.data + ".keys" : config.master_keys;
    const Result<vault::MasterKeys> keys = vault::load_master_keys(path, config.data);
    if (!keys) return trouble_with(config, "server.master_keys", keys.error());
    return vault::KeySeals::make(*keys);
  }

  OpenedInstallation& installation_;
  const RecoverInstallationOptions& options_;
  const std::function<void(const std::string& line)>& say_;
  redis::PartitionFields fields_;  ///< of the partition that is being looked at
  RecoveredInstallation recovered_;
  std::unique_ptr<Rebuilding> rebuilding_;
};

}  // namespace

Result<RecoveredInstallation> recover_installation(const Config& config, const RecoverInstallationOptions& options,
                                                   const std::function<void(const std::string& line)>& say) {
  Result<std::unique_ptr<OpenedInstallation>> opened = OpenedInstallation::open(config);
  if (!opened) return tl::unexpected(opened.error());
  Recover recover(**opened, options, say);
  return (*opened)->run(recover.run());
}

}  // namespace windfall::app
