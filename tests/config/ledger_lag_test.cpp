// How many events the ledger is behind, as /metrics and the table of jobs show it.
#include "app/wiring/ledger_lag.hpp"

#include <gtest/gtest.h>

namespace windfall::app {
namespace {

using Decided = std::vector<std::pair<PartitionNo, redis::Header>>;
using Applied = std::vector<KeptLedger::Place>;

redis::Header header(std::uint32_t epoch, std::uint64_t sequence) {
  redis::Header header;
  header.epoch = Epoch{epoch};
  header.sequence = Sequence{sequence};
  return header;
}

KeptLedger::Place place(std::uint32_t partition, std::uint32_t epoch, std::uint64_t sequence) {
  return {.partition = PartitionNo{partition}, .epoch = Epoch{epoch}, .sequence = Sequence{sequence}};
}

TEST(LedgerLag, IsWhatWasDecidedAndIsNotApplied) {
  const Decided decided{
      {PartitionNo{1}, header(1, 10)}, {PartitionNo{2}, header(1, 7)}, {PartitionNo{3}, header(1, 5)}};
  const LedgerLag lag = lag_of(decided, {place(1, 1, 4), place(2, 1, 7)});
  EXPECT_EQ(lag.events, 11U) << "6 of the first, none of the second, all 5 of the third";
  EXPECT_EQ(lag.partitions, 2U);
}

TEST(LedgerLag, IsNothingWhereTheLedgerHasCaughtUpOrRunAhead) {
  const Decided decided{{PartitionNo{1}, header(1, 10)}, {PartitionNo{2}, header(1, 0)}};
  EXPECT_EQ(lag_of(decided, Applied{place(1, 1, 12)}).partitions, 0U) << "more was decided since the header was read";
  EXPECT_EQ(lag_of(decided, Applied{place(1, 1, 10)}).partitions, 0U);
}

TEST(LedgerLag, OfAnEpochThatTheLedgerDoesNotKnowIsNotNothing) {
  const Decided decided{{PartitionNo{1}, header(2, 10)}};
  const LedgerLag behind = lag_of(decided, Applied{place(1, 1, 10)});
  EXPECT_EQ(behind.events, 0U);
  EXPECT_EQ(behind.partitions, 1U);
  EXPECT_EQ(lag_of(decided, Applied{place(1, 3, 2)}).partitions, 0U) << "the header is the one that is old";
}

TEST(LedgerLook, SaysWhatIsMissingAndKeepsTheFigure) {
  LedgerLook look;
  EXPECT_EQ(look.behind(), std::nullopt);
  const Decided decided{{PartitionNo{1}, header(1, 10)}, {PartitionNo{2}, header(1, 7)}};
  EXPECT_EQ(*look.look(decided, Applied{place(1, 1, 4)}), "13 events of 2 promotions are not in it");
  EXPECT_EQ(look.behind(), 13U);
  EXPECT_EQ(*look.look(decided, Applied{place(1, 1, 4), place(2, 1, 7)}), "6 events of 1 promotion are not in it");
  EXPECT_EQ(*look.look(decided, Applied{place(1, 1, 10), place(2, 1, 7)}), "it has everything");
  EXPECT_EQ(look.behind(), 0U);
}

TEST(LedgerLook, OfALedgerThatIsAwayGrowsFromWhereItWas) {
  LedgerLook look;
  const Result<Applied> away = tl::unexpected(Failure{.code = FailureCode::unavailable, .message = "away"});
  EXPECT_FALSE(look.look({{PartitionNo{1}, header(1, 10)}}, away));
  EXPECT_EQ(look.behind(), std::nullopt) << "nobody knows";
  ASSERT_TRUE(look.look({{PartitionNo{1}, header(1, 10)}}, Applied{place(1, 1, 10)}));
  EXPECT_EQ(look.look({{PartitionNo{1}, header(1, 25)}}, away).error().message, "away");
  EXPECT_EQ(look.behind(), 15U);
}

}  // namespace
}  // namespace windfall::app
