// The domain's own state behind the store's port: decides at once, everything is durable at once, and tests may
// interfere.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "application/port/clock.hpp"
#include "application/port/promotion_store.hpp"
#include "domain/kernel/state.hpp"

namespace windfall::test {

class MemoryStore final : public PromotionStore {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  // What tests do beside the port.

  /// Stands for a promotion in events; find() knows it again.
  std::string encode(const Promotion& promotion);
  /// Registers it; its partition.
  PartitionNo add(const Promotion& promotion);
  /// Replaces the definition in force.
  void redefine(PartitionNo partition, const Promotion& promotion);
  /// Commits past the port; must be accepted.
  Accepted decide(const Proposal& proposal);
  [[nodiscard]] const State& state() const { return state_; }

  /// Called before each commit is decided, as if somebody else had been faster.
  std::function<void()> before_commit;
  /// The same before each read.
  std::function<void()> before_read;
  /// While true, each read waits until the test completes it.
  bool hold_reads = false;
  std::deque<Completion<bool>> held_reads;
  /// While set, every call that waits for durability fails with it (what was decided stays decided).
  std::optional<Failure> broken;
  /// Of promotions that name another zone than Seoul's.
  std::map<std::string, Zone> zones;
  /// Promotions that another process has made: found from the next look_again() on.
  std::set<std::string, std::less<>> elsewhere;
  /// While set, look_again() fails with it.
  std::optional<Failure> unreachable;
  int commits = 0;  ///< decided through the port
  int reads = 0;    ///< values read through the port

  // PromotionStore
  [[nodiscard]] std::int64_t peek(const Look& look) const override { return state_.look(look); }
  Task<Result<Verdict>> commit(Proposal proposal, Identity identity) override;
  Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) override;
  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) override;
  DefinitionPtr find(std::string_view promotion_id) override;
  [[nodiscard]] bool others_create() const override { return true; }
  Task<Result<bool>> look_again() override;
  const std::vector<DefinitionPtr>& all() override;
  [[nodiscard]] PartitionNo next_partition() const override;
  [[nodiscard]] Instant now(PartitionNo partition) const override;
  [[nodiscard]] Sequence sequence(PartitionNo partition) const override { return state_.header(partition).sequence; }
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) override;
  const std::string& system_definition() override { return state_.header(kSystemPartition).definition; }
  [[nodiscard]] Revision system_revision() const override { return state_.header(kSystemPartition).revision; }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) override { co_return kept_answer(hash); }
  std::optional<KeptAnswer> kept_answer(CommandHash hash);
  Task<Result<bool>> durable() override;
  [[nodiscard]] EventIds event_ids(std::string_view promotion_id, Epoch epoch, Sequence sequence) const override;
  [[nodiscard]] std::uint64_t decisions() const override { return static_cast<std::uint64_t>(commits); }

 private:
  Verdict interrupted_commit(const Proposal& proposal);

  const Clock& clock_;
  State state_;
  std::vector<Promotion> encoded_;  ///< a definition is the place in here, as text
  std::vector<DefinitionPtr> definitions_;
  std::map<CommandHash, KeptAnswer> kept_;
};

}  // namespace windfall::test
