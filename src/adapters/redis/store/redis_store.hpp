// The distributed mode's store: the hot state in Redis, decided there by the script. What a turn of the loop proposes
// to a partition becomes one call; the next call to that partition waits for its answer, so that batches grow with the
// load. A verdict is released when all replicas have what it says.
//
// Failures of every call: unavailable (a shard is away or has too few replicas, the partition is fenced, or nobody
// knows what became of a commit: the same command finds out), overloaded (the outbox is full).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/event_ids.hpp"
#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/store/foreign.hpp"
#include "adapters/redis/store/mirror.hpp"
#include "adapters/redis/store/rebuild.hpp"
#include "application/port/promotion_store.hpp"
#include "application/port/timer.hpp"

namespace windfall::redis {

class RedisStore final : public PromotionStore {
 public:
  struct Options {
    /// The development clock travels with every call; otherwise the servers' own clock decides.
    bool own_clock = false;
    /// Has its argument called when the present loop turn ends, before the loop sleeps.
    std::function<void(std::function<void()>)> at_turn_end;
    /// A promotion has new events in its outbox; empty id: the system partition.
    std::function<void(const std::string& promotion_id)> committed;
    /// Something that will be tried again.
    std::function<void(const std::string& why)> trouble;
  };

  /// The libraries that decide and that claim; all of it outlives the store.
  struct Scripts {
    FunctionLibrary& decide;
    FunctionLibrary& claim;
  };
  RedisStore(Client& client, Scripts scripts, const Clock& clock, Timer& timer, Options options);
  RedisStore(const RedisStore&) = delete;
  RedisStore& operator=(const RedisStore&) = delete;
  ~RedisStore() override = default;

  /// What a ledger knows of an installation whose Redis may have lost everything.
  struct Lost {
    codec::Uuid lineage;
    std::vector<std::pair<PartitionNo, std::string>> promotions;
  };
  /// Learns the installation's lineage, or makes `fresh` it; makes the system partition if there never was one; reads
  /// all there is. Before the first request. False, and nothing is made: Redis has lost at least the system partition
  /// although there is a ledger; what is missing is fenced until it is rebuilt.
  Task<Result<bool>> open(codec::Uuid fresh, std::optional<Lost> lost);
  /// Puts back what stands beside the partitions, as the ledger has it.
  Task<Result<bool>> restore_registry(std::vector<std::pair<PartitionNo, std::string>> promotions);
  /// See rebuild.hpp.
  Task<Result<Rebuilt>> rebuild_partition(PartitionNo partition, Epoch epoch, LogSource log);
  /// Keeps the mirror fresh from now on.
  void start();
  /// No further look; calls that wait are answered as their replies come.
  void stop() { stopped_ = true; }

  // PromotionStore
  [[nodiscard]] std::int64_t peek(const Look& look) const override;
  Task<Result<Verdict>> commit(Proposal proposal, Identity identity) override;
  Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) override;
  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) override;
  DefinitionPtr find(std::string_view promotion_id) override { return mirror_.find(promotion_id); }
  [[nodiscard]] bool awaits(std::string_view promotion_id) const override { return mirror_.awaits(promotion_id); }
  [[nodiscard]] bool awaits_any() const override { return mirror_.awaits_any(); }
  [[nodiscard]] bool others_create() const override { return true; }
  Task<Result<bool>> look_again() override;
  const std::vector<DefinitionPtr>& all() override { return mirror_.all(); }
  [[nodiscard]] PartitionNo next_partition() const override;
  [[nodiscard]] Instant now(PartitionNo partition) const override;
  [[nodiscard]] Sequence sequence(PartitionNo partition) const override;
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) override;
  const std::string& system_definition() override { return mirror_.system_definition(); }
  [[nodiscard]] Revision system_revision() const override { return mirror_.at(kSystemPartition).header.revision; }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) override;
  Task<Result<std::string>> claim_id(Command command, std::string wanted) override;
  /// Nothing is known here that could still be lost: verdicts and durable reads wait for the replicas themselves.
  Task<Result<bool>> durable() override { co_return true; }
  [[nodiscard]] EventIds event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const override;
  [[nodiscard]] std::uint64_t decisions() const override { return mirror_.changes(); }

  /// Keeps the answer to a command for a day; the answer that was kept first stays. False if one was.
  Task<Result<bool>> keep_answer(Command command, AnswerKept answer);

  [[nodiscard]] const codec::Uuid& lineage() const { return lineage_; }
  [[nodiscard]] const Mirror& mirror() const { return mirror_; }
  /// The headers of these partitions that have one, read now.
  Task<Result<std::vector<std::pair<PartitionNo, Header>>>> headers(std::vector<PartitionNo> of);
  /// All partitions that are known.
  [[nodiscard]] std::vector<PartitionNo> partitions() const;

  /// Calls to a partition, one after the other: those begun, and those that are over. For whoever has to know that
  /// nothing is under way that was begun before.
  struct Calls {
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
  };
  [[nodiscard]] Calls calls(PartitionNo partition) const;
  [[nodiscard]] bool can_admit() const { return mirror_.fresh(); }

  struct Counts {
    std::uint64_t calls = 0;
    std::uint64_t proposals = 0;
    std::uint64_t fenced = 0;
    std::uint64_t overloaded = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Waiting {
    Submission submission;
    Completion<Result<Verdict>> done;
    std::optional<std::string> definition;  ///< that it brings, if it is accepted
  };
  struct Lane {
    std::deque<Waiting*> queue;
    bool in_flight = false;
    bool scheduled = false;
    Calls calls;
  };

  void learn(const Lost& lost);
  Task<Result<bool>> settle_down();
  Task<Result<Verdict>> decide(Proposal proposal, std::string payload);
  Task<Result<PartitionNo>> create(Proposal proposal);
  Task<Result<Reply>> run(std::string routing_key, Arguments function);
  Task<Result<std::optional<std::uint32_t>>> failing_foreign(const OwnPart* part, const Proposal* proposal,
                                                             Window* window);
  Task<Result<std::vector<std::int64_t>>> read_of(PartitionNo partition, std::vector<Look> looks, Freshness freshness);
  void schedule(PartitionNo partition);
  void flush(PartitionNo partition);
  Task<void> send(PartitionNo partition);
  /// Nothing of these was sent. Who has waited for a call that got no answer would else wait for many more of them.
  static void fail_first(Lane& lane, std::size_t count, const Failure& why);
  Task<void> keep_system_fresh();
  Task<void> keep_partitions_fresh();
  Lane& lane(PartitionNo partition);
  [[nodiscard]] bool system_is_fresh() const { return mirror_.fresh(); }

  Client& client_;
  Scripts scripts_;
  const Clock& clock_;
  Timer& timer_;
  Options options_;
  Mirror mirror_;
  // What look_again() shares among all who wait for it; times are monotonic.
  bool looking_ = false;
  std::int64_t last_look_ms_ = INT64_MIN / 2;    ///< began
  std::int64_t seen_until_ms_ = INT64_MIN / 2;   ///< the last look that succeeded began
  std::int64_t look_failed_ms_ = INT64_MIN / 2;  ///< the last look that failed ended
  Failure look_failure_;
  codec::Uuid lineage_{};
  std::vector<std::unique_ptr<Lane>> lanes_;  ///< by partition
  Counts counts_;
  bool stopped_ = false;
};

}  // namespace windfall::redis
