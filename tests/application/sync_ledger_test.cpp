// Documents of promotions, as far as these can be read.
#include "application/on_time/sync_ledger.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "application/memory_store.hpp"
#include "application/recording_ledger.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {
namespace {

/// Some partitions cannot be read, as when their shard is away.
class HalfAway final : public PromotionStore {
 public:
  explicit HalfAway(MemoryStore& store) : store_(store) {}
  std::set<PartitionNo> away;

  Task<Result<std::vector<std::int64_t>>> read(std::vector<Look> looks, Freshness freshness) override {
    for (const Look& look : looks) {
      const auto* counter = std::get_if<CounterKey>(&look);
      if (counter != nullptr && away.contains(counter->partition)) {
        co_return fail(FailureCode::unavailable, "its shard is away");
      }
    }
    co_return co_await store_.read(std::move(looks), freshness);
  }

  [[nodiscard]] std::int64_t peek(const Look& look) const override { return store_.peek(look); }
  Task<Result<Verdict>> commit(Proposal proposal, Identity identity) override {
    return store_.commit(std::move(proposal), identity);
  }
  Task<Result<Verdict>> commit_answering(Proposal proposal, KeepAnswer keep) override {
    return store_.commit_answering(std::move(proposal), std::move(keep));
  }
  DefinitionPtr find(std::string_view id) override { return store_.find(id); }
  const std::vector<DefinitionPtr>& all() override { return store_.all(); }
  [[nodiscard]] PartitionNo next_partition() const override { return store_.next_partition(); }
  [[nodiscard]] Instant now(PartitionNo partition) const override { return store_.now(partition); }
  [[nodiscard]] Sequence sequence(PartitionNo partition) const override { return store_.sequence(partition); }
  Task<Result<std::optional<CommandRecord>>> accepted(PartitionNo partition, CommandHash hash) override {
    return store_.accepted(partition, hash);
  }
  const std::string& system_definition() override { return store_.system_definition(); }
  [[nodiscard]] Revision system_revision() const override { return store_.system_revision(); }
  Task<Result<std::optional<KeptAnswer>>> answer_to(CommandHash hash) override { return store_.answer_to(hash); }
  Task<Result<bool>> durable() override { return store_.durable(); }
  [[nodiscard]] EventIds event_ids(std::string_view id, Epoch epoch, Sequence sequence) const override {
    return store_.event_ids(id, epoch, sequence);
  }
  [[nodiscard]] std::uint64_t decisions() const override { return store_.decisions(); }

 private:
  MemoryStore& store_;
};

class SyncingTheLedger : public testing::Test {
 protected:
  PartitionNo add(const std::string& id) {
    Promotion p = promotion();
    p.id = id;
    return memory_.add(p);
  }
  Result<std::string> synced() {
    const auto done = start(sync_());
    writer_.run();
    return done->value();
  }

  VirtualTime time_{kNoon};
  MemoryStore memory_{time_};
  HalfAway store_{memory_};
  RecordingLedger ledger_;
  HeldWork writer_;
  SyncLedger sync_{store_, ledger_, writer_};
};

TEST_F(SyncingTheLedger, EveryPromotionGetsItsDocument) {
  const PartitionNo first = add("a");
  const PartitionNo second = add("b");
  const auto done = synced();
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, "synced 2 promotions");
  ASSERT_EQ(ledger_.synced.size(), 2U);
  EXPECT_EQ(ledger_.synced[0].partition, first);
  EXPECT_EQ(ledger_.synced[1].partition, second);
  EXPECT_EQ(ledger_.synced[0].left_join_count, promotion().limit_join_count);
}

TEST_F(SyncingTheLedger, OneThatCannotBeReadKeepsNoOtherFromItsDocument) {
  std::vector<PartitionNo> all;
  for (int i = 0; i < 150; ++i) all.push_back(add("p" + std::to_string(i)));
  store_.away = {all[3], all[100]};
  const auto done = synced();
  ASSERT_FALSE(done) << "whoever watches the job has to be told";
  EXPECT_EQ(done.error().message, "synced 148 promotions, 2 cannot be read: its shard is away");
  ASSERT_EQ(ledger_.synced.size(), 148U);
  for (const Ledger::Sync& document : ledger_.synced) EXPECT_FALSE(store_.away.contains(document.partition));
  EXPECT_EQ(ledger_.synced[3].partition, all[4]) << "what is left out moves no number to another promotion";
}

}  // namespace
}  // namespace windfall::test
