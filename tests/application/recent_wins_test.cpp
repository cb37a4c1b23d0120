// However many watch, wins are counted once a second for each lottery.
#include "adapters/http/api/recent_wins.hpp"

#include <gtest/gtest.h>

#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

constexpr PartitionNo kDice{1};
constexpr PartitionNo kCoffee{2};

class WatchingWins : public testing::Test {
 protected:
  std::int64_t seen(PartitionNo partition = kDice) {
    const auto later = start(recent_.of(partition));
    reads_.run();
    return (*later)->value().at(0).wins;
  }

  VirtualTime time_;
  HeldWork reads_;
  int counts_ = 0;
  bool broken_ = false;
  http::RecentWins recent_{[this](PartitionNo) -> Result<std::vector<DailyWins>> {
                             ++counts_;
                             if (broken_) return fail(FailureCode::unavailable, "busy");
                             return std::vector<DailyWins>{{.day = {}, .prize = 0, .wins = counts_}};
                           },
                           reads_, time_};
};

TEST_F(WatchingWins, GivesASecondsCountToEveryWatcher) {
  EXPECT_EQ(seen(), 1);
  EXPECT_EQ(seen(), 1);
  time_.advance(http::RecentWins::kKeptMs - 1);
  EXPECT_EQ(seen(), 1);
  time_.advance(1);
  EXPECT_EQ(seen(), 2);
  EXPECT_EQ(seen(), 2);
}

TEST_F(WatchingWins, CountsEachLotteryForItself) {
  EXPECT_EQ(seen(kDice), 1);
  EXPECT_EQ(seen(kCoffee), 2);
  EXPECT_EQ(seen(kDice), 1);
}

TEST_F(WatchingWins, LetsThoseWhoComeMeanwhileWaitForTheSameCount) {
  const auto first = start(recent_.of(kDice));
  const auto second = start(recent_.of(kDice));
  const auto third = start(recent_.of(kDice));
  EXPECT_EQ(reads_.waiting(), 1U);
  EXPECT_FALSE(second->has_value());
  reads_.run();
  EXPECT_EQ(counts_, 1);
  for (const auto& each : {first, second, third}) EXPECT_EQ((*each)->value().at(0).wins, 1);
}

TEST_F(WatchingWins, CountsAgainAfterAFailure) {
  broken_ = true;
  const auto failed = start(recent_.of(kDice));
  const auto beside = start(recent_.of(kDice));
  reads_.run();
  EXPECT_FALSE(**failed);
  EXPECT_FALSE(**beside);
  broken_ = false;
  EXPECT_EQ(seen(), 2);
}

}  // namespace
}  // namespace windfall::test
