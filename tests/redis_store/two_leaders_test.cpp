// Two leaders that both rebuild a partition, each stopped between any two of its steps while the other goes on, with
// the server emptied in between: whatever comes into force is the epoch that the ledger has begun, and is whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/postgres_epoch_book.hpp"
#include "adapters/redis/read_call.hpp"
#include "adapters/system/random.hpp"
#include "domain/promotion/keys.hpp"
#include "ledger/log_builder.hpp"
#include "ledger/postgres_fixture.hpp"
#include "redis_store/store_loop.hpp"

namespace windfall::redis {
namespace {

using contract::LogBuilder;

/// Steps of a leader: a term and an epoch; the epoch is noted and filled; the ledger begins it; it comes into force.
constexpr int kSteps = 4;
constexpr int kJoins = 3;

/// A rebuild of one partition that is advanced step by step.
class Leader {
 public:
  Leader(Process& process, postgres::PostgresLedger& ledger, postgres::PostgresEpochBook& book, PartitionNo partition)
      : process_(process), ledger_(ledger), book_(book), partition_(partition) {}

  /// One step further; nothing if it has come to its end before.
  void advance() {
    ++step_;
    if (over()) return;
    if (step_ == 1) {
      term_ = book_.begin_term().value();
      const auto granted = book_.grant(term_, {{.partition = partition_, .epoch = {0}}});
      ASSERT_TRUE(granted) << granted.error().message;
      epoch_ = granted->front().epoch;
      return;
    }
    if (step_ == 2) {
      detach(rebuild());
    } else {
      std::exchange(go_, nullptr)->complete(true);
    }
    if (over() || go_ != nullptr) return;
    const http::Timer watchdog = process_.loop.call_after(std::chrono::seconds(20), [this] { process_.loop.stop(); });
    process_.loop.run();
  }
  [[nodiscard]] bool over() const { return result_.has_value(); }
  [[nodiscard]] bool forced() const { return over() && result_->has_value(); }
  [[nodiscard]] std::string why() const { return over() && !*result_ ? result_->error().message : ""; }
  [[nodiscard]] FailureCode code() const { return result_->error().code; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }

 private:
  Task<bool> wait() {
    Completion<bool> go;
    go_ = &go;
    process_.loop.stop();
    co_return co_await go;
  }
  Task<void> rebuild() {
    LogSource source{
        .events = [this](PartitionNo of, Sequence after, std::size_t most) -> Task<Result<std::vector<Recorded>>> {
          co_return ledger_.events(of, after, most);
        },
        .begin_epoch = [this](PartitionNo of, Epoch next, Sequence last) -> Task<Result<bool>> {
          const bool begins = co_await wait();
          static_cast<void>(begins);
          Result<bool> begun = ledger_.begin_epoch(of, next, last);
          if (!begun || !*begun) co_return begun;
          const bool goes_on = co_await wait();
          static_cast<void>(goes_on);
          co_return begun;
        }};
    result_ = co_await process_.store->rebuild_partition(partition_, epoch_, std::move(source));
    process_.loop.stop();
  }

  Process& process_;
  postgres::PostgresLedger& ledger_;
  postgres::PostgresEpochBook& book_;
  const PartitionNo partition_;
  Term term_;
  Epoch epoch_;
  int step_ = 0;
  Completion<bool>* go_ = nullptr;
  std::optional<Result<Rebuilt>> result_;
};

class TwoLeaders : public testing::Test {
 protected:
  void SetUp() override {
    contract::PostgresServer* server = postgres::shared_server();
    if (server == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    connection_ = server->new_schema();
    ledger_ = postgres::PostgresLedger::open(postgres::test_options(connection_)).value();
    ASSERT_EQ(redis_.start(), "");
    clock_.at = contract::kStart;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      processes_.at(i) = std::make_unique<Process>(redis_.port(), clock_);
      books_.at(i) = std::make_unique<postgres::PostgresEpochBook>(connection_, "leader-" + std::to_string(i));
    }
  }
  /// A promotion that the ledger knows and the hot state has lost.
  PartitionNo lost_partition() {
    const std::string id = "p" + std::to_string(++made_);
    const PartitionNo partition = log_.promotion(id);
    for (int i = 0; i < kJoins; ++i) log_.join(partition, "u" + std::to_string(i));
    EXPECT_TRUE(ledger_->apply(log_.batch()));
    for (const auto& process : processes_) {
      EXPECT_TRUE(process->run(process->store->restore_registry({{partition, id}})));
    }
    return partition;
  }
  Leader leader(std::size_t process, PartitionNo partition) {
    return {*processes_.at(process), *ledger_, *books_.at(process), partition};
  }
  std::optional<Header> in_force() {
    return read_header(redis_.call({"GET", "{p" + std::to_string(made_) + "}:h"})).value();
  }
  Epoch of_ledger(PartitionNo partition) {
    const auto places = ledger_->places().value();
    for (const auto& place : places) {
      if (place.partition == partition) return place.epoch;
    }
    return Epoch{0};
  }
  /// What is in force is what the ledger goes on with, and all of it.
  void check(PartitionNo partition) {
    const std::optional<Header> header = in_force();
    if (!header) return;
    EXPECT_EQ(header->epoch, of_ledger(partition));
    EXPECT_EQ(header->sequence.value, std::uint64_t{kJoins} + 1);
    EXPECT_EQ(header->counter(keys::taken(partition)), kJoins);
  }
  void empty() {
    for (const std::string what : {"h", "n", "o"}) redis_.call({"DEL", "{p" + std::to_string(made_) + "}:" + what});
    const Reply all = redis_.call({"KEYS", "{p" + std::to_string(made_) + "}:*"});
    for (const Reply& key : all.items) redis_.call({"DEL", key.text});
  }
  /// `order`: who makes each step; `emptied`: before which step the server is emptied.
  void play(const std::vector<int>& order, std::optional<std::size_t> emptied) {
    const PartitionNo partition = lost_partition();
    std::array<Leader, 2> leaders{leader(0, partition), leader(1, partition)};
    std::string told;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (emptied == i) empty();
      told += order[i] == 0 ? 'A' : 'B';
      SCOPED_TRACE("after " + told +
                   (emptied && *emptied <= i ? ", emptied before step " + std::to_string(*emptied) : ""));
      leaders.at(static_cast<std::size_t>(order[i])).advance();
      check(partition);
    }
    for (const Leader& one : leaders) {
      EXPECT_TRUE(one.over());
      if (!one.forced()) {
        EXPECT_EQ(one.code(), FailureCode::conflict) << one.why();
        EXPECT_NE(one.why(), "");
      }
      forced_ += one.forced() ? 1 : 0;
    }
    // If both have come to nothing, the next try does not.
    if (!in_force()) {
      Leader third = leader(0, partition);
      for (int step = 0; step < kSteps; ++step) third.advance();
      EXPECT_TRUE(third.forced()) << third.why();
      ++thirds_;
    }
    check(partition);
    ASSERT_TRUE(in_force().has_value());
  }

  model::RedisServer redis_;
  SetClock clock_;
  std::string connection_;
  std::unique_ptr<postgres::PostgresLedger> ledger_;
  LogBuilder log_;
  std::array<std::unique_ptr<Process>, 2> processes_;
  std::array<std::unique_ptr<postgres::PostgresEpochBook>, 2> books_;
  int made_ = 0;
  int forced_ = 0;
  int thirds_ = 0;
};

TEST_F(TwoLeaders, InWhateverOrderTheirStepsComeTheLedgerAndTheHotStateAreInOneEpoch) {
  const char* chosen = std::getenv("WINDFALL_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("WINDFALL_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int orders = 0;
  for (unsigned bits = 0; bits < (1U << (2 * kSteps)); ++bits) {
    std::vector<int> order;
    for (unsigned i = 0; i < 2 * kSteps; ++i) order.push_back(((bits >> i) & 1U) != 0 ? 1 : 0);
    if (std::ranges::count(order, 1) != kSteps) continue;
    ++orders;
    play(order, std::nullopt);
    play(order, random() % order.size());
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(orders, 70);
  // Without an emptied server one of both nearly always gets through; never both, unless the state was lost in between.
  EXPECT_GT(forced_, orders);
  EXPECT_GT(thirds_, 0);
}

TEST_F(TwoLeaders, ALeaderThatWasStoppedBeforeItsLastStepDoesNotUndoWhatTheOtherHasDone) {
  const PartitionNo partition = lost_partition();
  Leader a = leader(0, partition);
  Leader b = leader(1, partition);
  for (int step = 0; step < kSteps - 1; ++step) a.advance();  // the ledger has begun its epoch
  EXPECT_EQ(of_ledger(partition), a.epoch());
  for (int step = 0; step < kSteps; ++step) b.advance();
  ASSERT_TRUE(b.forced()) << b.why();
  a.advance();
  ASSERT_TRUE(a.over());
  EXPECT_FALSE(a.forced());
  EXPECT_EQ(in_force()->epoch, b.epoch());
  EXPECT_EQ(of_ledger(partition), b.epoch());
}

TEST_F(TwoLeaders, ATryThatCameToNothingLeavesNoKeysBehind) {
  const PartitionNo partition = lost_partition();
  Leader a = leader(0, partition);
  for (int step = 0; step < 2; ++step) a.advance();
  Leader b = leader(1, partition);
  for (int step = 0; step < kSteps; ++step) b.advance();
  ASSERT_TRUE(b.forced()) << b.why();
  a.advance();
  EXPECT_FALSE(a.forced());
  const std::string left = "{p" + std::to_string(made_) + "}:" + std::to_string(a.epoch().value) + ":*";
  EXPECT_TRUE(redis_.call({"KEYS", left}).items.empty());
}

}  // namespace
}  // namespace windfall::redis
