#include "application/on_request/refusals.hpp"

#include <gtest/gtest.h>

#include "application/recording_ledger.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {
namespace {

class RefusalsTest : public testing::Test {
 protected:
  void add(std::uint64_t who, const char* code = "SOLD_OUT", PartitionNo partition = PartitionNo{1}) {
    refusals_.add(user(who), partition, {.at = kNoon, .promotion_id = "1", .code = code, .detail = "TOTAL"});
  }
  static Task<bool> flushed(Refusals& refusals) {
    co_await refusals.flush();
    co_return true;
  }
  /// Users of one written batch, in order.
  [[nodiscard]] std::vector<UserRef> written(std::size_t batch) const {
    std::vector<UserRef> users;
    for (const auto& [who, row] : ledger_.refusal_batches.at(batch)) users.push_back(who);
    return users;
  }

  VirtualTime time_;
  HeldWork writer_;
  RecordingLedger ledger_;
  Refusals refusals_{ledger_, writer_, time_};
};

TEST_F(RefusalsTest, AreWrittenTogetherAfterAMoment) {
  add(1);
  time_.advance(Refusals::kFlushMs - 1);
  add(2);
  EXPECT_EQ(writer_.waiting(), 0U);
  time_.advance(1);
  ASSERT_EQ(writer_.waiting(), 1U);
  writer_.run();
  ASSERT_EQ(ledger_.refusal_batches.size(), 1U);
  EXPECT_EQ(written(0), (std::vector{user(1), user(2)}));
  EXPECT_EQ(ledger_.refusal_batches[0][0].second.detail, "TOTAL");

  add(3);
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  EXPECT_EQ(written(1), std::vector{user(3)}) << "and the next ones after their own moment";
}

TEST_F(RefusalsTest, AreCountedByCodeAndPromotion) {
  add(1, "SOLD_OUT", PartitionNo{1});
  add(2, "SOLD_OUT", PartitionNo{2});
  add(3, "BLOCKED", PartitionNo{2});
  EXPECT_EQ(refusals_.counts(), (Refusals::Counts{{"BLOCKED", 1}, {"SOLD_OUT", 2}}));
  EXPECT_EQ(refusals_.counts(PartitionNo{2}), (Refusals::Counts{{"BLOCKED", 1}, {"SOLD_OUT", 1}}));
  EXPECT_TRUE(refusals_.counts(PartitionNo{3}).empty());
  time_.advance(Refusals::kFlushMs);
  writer_.run();
}

TEST_F(RefusalsTest, BehindALedgerThatHangsNoMoreThanOneBatchIsOnItsWay) {
  for (std::uint64_t turn = 0; turn < 5; ++turn) {
    for (std::uint64_t i = 0; i < Refusals::kMaxWaiting; ++i) add(i);
    time_.advance(Refusals::kFlushMs);
  }
  EXPECT_EQ(writer_.waiting(), 1U);
  EXPECT_EQ(refusals_.dropped(), static_cast<std::int64_t>(3 * Refusals::kMaxWaiting));
  writer_.run();
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  EXPECT_EQ(ledger_.refusal_batches.size(), 2U) << "what waited comes when there is room again";
}

TEST_F(RefusalsTest, BeyondTheBoundAreCountedAndDropped) {
  for (std::uint64_t i = 0; i < Refusals::kMaxWaiting + 5; ++i) add(i);
  EXPECT_EQ(refusals_.dropped(), 5);
  EXPECT_EQ(refusals_.counts().at("SOLD_OUT"), static_cast<std::int64_t>(Refusals::kMaxWaiting + 5));
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  ASSERT_EQ(ledger_.refusal_batches.size(), 1U);
  EXPECT_EQ(written(0).size(), Refusals::kMaxWaiting);
  EXPECT_EQ(written(0).front(), user(0)) << "the first ones are kept";

  add(7);  // there is room again
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  EXPECT_EQ(written(1), std::vector{user(7)});
  EXPECT_EQ(refusals_.dropped(), 5);
}

TEST_F(RefusalsTest, AFlushWritesAtOnceWhatWaits) {
  add(1);
  const auto done = start(flushed(refusals_));
  EXPECT_FALSE(*done);
  writer_.run();
  EXPECT_TRUE(*done);
  EXPECT_EQ(written(0), std::vector{user(1)});
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  EXPECT_EQ(ledger_.refusal_batches.size(), 1U) << "an empty batch is not written";
}

TEST_F(RefusalsTest, AFlushOfNothingReturnsAfterTheBatchesBeforeIt) {
  add(1);
  time_.advance(Refusals::kFlushMs);
  ASSERT_EQ(writer_.waiting(), 1U);
  const auto done = start(flushed(refusals_));
  ASSERT_EQ(writer_.waiting(), 2U);
  EXPECT_FALSE(*done);
  writer_.run_one();
  EXPECT_EQ(written(0), std::vector{user(1)});
  EXPECT_FALSE(*done);
  writer_.run_one();
  EXPECT_TRUE(*done);
}

TEST_F(RefusalsTest, ThatCannotBeWrittenAreCountedAsDropped) {
  add(1);
  add(2);
  ledger_.failures = 1;
  const auto done = start(flushed(refusals_));
  writer_.run();
  EXPECT_TRUE(*done) << "nobody waits for a ledger that is away";
  EXPECT_EQ(refusals_.dropped(), 2);
  add(3);
  time_.advance(Refusals::kFlushMs);
  writer_.run();
  EXPECT_EQ(written(0), std::vector{user(3)});
}

class KeptRejections : public RefusalsTest {
 protected:
  Later<bool> keep(std::uint64_t who, Refusals* refusals = nullptr) {
    Refusals& of = refusals == nullptr ? refusals_ : *refusals;
    return start(of.keep(user(who), {.at = kNoon, .promotion_id = "1", .code = "NOT_JOINABLE", .detail = "visit"}));
  }
  static Task<bool> finished(Refusals& refusals) {
    co_await refusals.finish();
    co_return true;
  }
};

TEST_F(KeptRejections, AreToldWhenTheyAreWrittenAndNotBefore) {
  const auto first = keep(1);
  const auto second = keep(2);
  EXPECT_FALSE(*first);
  writer_.run();
  ASSERT_TRUE(*first && **first && *second && **second);
  EXPECT_EQ(ledger_.refusal_batches.size(), 2U) << "what comes while one is written goes together next";
}

TEST_F(KeptRejections, WaitForALedgerThatIsAwayAndSaySoOnce) {
  std::vector<std::string> troubles;
  Refusals refusals(ledger_, writer_, time_, [&troubles](const std::string& why) { troubles.push_back(why); });
  ledger_.failures = 60;
  const auto done = keep(1, &refusals);
  for (int i = 0; i < 60; ++i) {
    writer_.run();
    EXPECT_FALSE(*done);
    time_.advance(Refusals::kRetryMs);
  }
  writer_.run();
  ASSERT_TRUE(*done && **done);
  EXPECT_EQ(refusals.dropped(), 0);
  EXPECT_EQ(troubles.size(), 1U);
  EXPECT_EQ(written(0), std::vector{user(1)});
}

TEST_F(KeptRejections, OfWhichTheLedgerTakesNoneAreGivenUpOneByOne) {
  ledger_.failures = 2;
  ledger_.failing_with = FailureCode::invalid;
  const auto first = keep(1);
  writer_.run();  // alone
  ASSERT_TRUE(*first && **first);
  EXPECT_EQ(refusals_.dropped(), 1);
  const auto second = keep(2);
  writer_.run();
  ASSERT_TRUE(*second && **second);
  EXPECT_EQ(refusals_.dropped(), 2);
  const auto third = keep(3);
  writer_.run();
  EXPECT_EQ(written(0), std::vector{user(3)});
}

TEST_F(KeptRejections, ThatAreNotWrittenAtTheEndAreLeftToTheNextStart) {
  ledger_.failures = 2;
  const auto lost = keep(1);
  writer_.run();
  EXPECT_FALSE(*lost);
  const auto end = start(finished(refusals_));
  writer_.run();
  EXPECT_TRUE(*end);
  ASSERT_TRUE(*lost);
  EXPECT_FALSE(**lost);
  const auto late = keep(2);
  EXPECT_FALSE(**late);
  time_.advance(Refusals::kRetryMs);
}

TEST_F(KeptRejections, AtTheEndAWriteThatIsUnderWayTouchesNothing) {
  const auto lost = keep(1);
  const auto end = start(finished(refusals_));
  ASSERT_EQ(writer_.waiting(), 2U);
  writer_.run_last();
  EXPECT_TRUE(*end);
  EXPECT_FALSE(**lost);
  writer_.run();
}

}  // namespace
}  // namespace windfall::test
