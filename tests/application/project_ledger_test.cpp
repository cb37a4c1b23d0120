#include "application/on_event/project_ledger.hpp"

#include <gtest/gtest.h>

#include "application/recording_ledger.hpp"
#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

class ProjectLedgerTest : public testing::Test {
 protected:
  ~ProjectLedgerTest() override {
    // Whatever still waits is told, so that no task outlives its test.
    projection_.stop();
    for (int i = 0; i < 3; ++i) {
      time_.advance(ProjectLedger::kPatienceMs);
      writer_.run();
    }
  }

  /// The log has that many events; nobody was told.
  void log_has(std::uint64_t events) { log_.durable = events; }

  VirtualTime time_;
  HeldWork writer_;
  NumberedLog log_;
  RecordingLedger ledger_;
  int applied_ = 0;
  std::vector<std::string> troubles_;
  ProjectLedger projection_{
      log_,
      ledger_,
      writer_,
      time_,
      {.applied = [this] { ++applied_; }, .trouble = [this](const std::string& why) { troubles_.push_back(why); }}};
};

TEST_F(ProjectLedgerTest, WithNobodyWaitingBatchesArePaced) {
  log_has(3);
  projection_.poke(1);
  time_.advance(ProjectLedger::kPaceMs - 1);
  EXPECT_EQ(writer_.waiting(), 0U);
  projection_.poke(2);
  projection_.poke(3);
  time_.advance(1);
  ASSERT_EQ(writer_.waiting(), 1U);
  writer_.run();
  EXPECT_EQ(projection_.position(), 3U);
  EXPECT_EQ(ledger_.batches, std::vector<std::size_t>{3}) << "pokes within the pace are one batch";
  EXPECT_EQ(log_.asked, ProjectLedger::kBatch);
  EXPECT_EQ(applied_, 1);
  EXPECT_FALSE(projection_.running());
}

TEST_F(ProjectLedgerTest, APokeAtAPositionReachedDoesNothing) {
  projection_.start_at(5);
  projection_.poke(5);
  time_.advance(ProjectLedger::kPaceMs);
  EXPECT_EQ(writer_.waiting(), 0U);
  EXPECT_EQ(projection_.position(), 5U);
}

TEST_F(ProjectLedgerTest, AWaiterDoesNotWaitForThePace) {
  log_has(2);
  const auto reached = start(projection_.reached(2));
  ASSERT_EQ(writer_.waiting(), 1U);
  EXPECT_FALSE(*reached);
  writer_.run();
  EXPECT_TRUE(reached->value());
}

TEST_F(ProjectLedgerTest, WhatIsReachedIsTrueAtOnce) {
  projection_.start_at(7);
  EXPECT_TRUE(value_of(projection_.reached(7)));
  EXPECT_EQ(writer_.waiting(), 0U);
}

TEST_F(ProjectLedgerTest, EachWaiterWakesAtItsOwnPosition) {
  log_has(3);
  log_.per_read = 2;
  const auto third = start(projection_.reached(3));
  const auto first = start(projection_.reached(1));
  writer_.run_one();
  EXPECT_TRUE(first->value());
  EXPECT_FALSE(*third);
  writer_.run();
  EXPECT_TRUE(third->value());
}

TEST_F(ProjectLedgerTest, AWaiterGivesUpAfterItsPatience) {
  const auto reached = start(projection_.reached(1));
  writer_.run();  // nothing to read yet
  time_.advance(ProjectLedger::kPatienceMs - 1);
  EXPECT_FALSE(*reached);
  time_.advance(1);
  EXPECT_FALSE(reached->value());

  log_has(1);  // the batch that comes too late must not wake it again
  projection_.poke(1);
  time_.advance(ProjectLedger::kPaceMs);
  writer_.run();
  EXPECT_EQ(projection_.position(), 1U);
}

TEST_F(ProjectLedgerTest, AnEarlierWaitersTimeOutLeavesALaterOneAlone) {
  const auto early = start(projection_.reached(1));
  writer_.run();
  time_.advance(600);
  const auto late = start(projection_.reached(1));
  writer_.run();
  time_.advance(400);
  EXPECT_FALSE(early->value());
  EXPECT_FALSE(*late);
  log_has(1);
  projection_.poke(1);
  time_.advance(ProjectLedger::kPaceMs);
  writer_.run();
  EXPECT_TRUE(late->value());
}

TEST_F(ProjectLedgerTest, AFailureIsToldAndTriedAgain) {
  log_has(2);
  ledger_.failures = 1;
  log_.failures = 1;
  const auto reached = start(projection_.reached(2));
  writer_.run();
  EXPECT_EQ(troubles_, std::vector<std::string>{"the log is away"});
  time_.advance(ProjectLedger::kRetryMs - 1);
  EXPECT_EQ(writer_.waiting(), 0U);
  time_.advance(1);
  writer_.run();
  EXPECT_EQ(troubles_.back(), "the ledger is busy");
  EXPECT_EQ(projection_.position(), 0U) << "what was not applied is not behind us";
  EXPECT_FALSE(*reached);
  time_.advance(2 * ProjectLedger::kRetryMs);
  writer_.run();
  EXPECT_TRUE(reached->value());
  EXPECT_EQ(ledger_.batches, std::vector<std::size_t>{2}) << "each event once";
  EXPECT_EQ(applied_, 1);
}

TEST_F(ProjectLedgerTest, TheSameFailureIsToldOnceAndTriedEverLessOften) {
  log_has(1);
  log_.failures = 20;
  projection_.poke(1);
  time_.advance(ProjectLedger::kPaceMs);
  std::int64_t waited = 0;
  while (log_.failures > 0) {
    writer_.run();
    time_.advance(ProjectLedger::kRetryMs);
    waited += ProjectLedger::kRetryMs;
  }
  EXPECT_EQ(troubles_.size(), 1U);
  EXPECT_GE(waited, 16 * ProjectLedger::kLongestRetryMs) << "after the first few, one in so long";
  EXPECT_LE(waited, 20 * ProjectLedger::kLongestRetryMs);
  time_.advance(ProjectLedger::kLongestRetryMs);
  writer_.run();
  EXPECT_EQ(applied_, 1);
}

TEST_F(ProjectLedgerTest, ALedgerThatCountsOtherwiseIsNotAskedWhereItStands) {
  std::vector<std::string> troubles;
  ProjectLedger projection{log_,
                           ledger_,
                           writer_,
                           time_,
                           {.applied = [] {}, .trouble = [&](const std::string& why) { troubles.push_back(why); }},
                           ProjectLedger::Doubt::apply_again};
  log_has(3);
  ledger_.failures = 1;
  ledger_.counted = 1000;
  projection.poke(3);
  time_.advance(ProjectLedger::kPaceMs);
  writer_.run();
  ASSERT_EQ(troubles.size(), 1U);
  time_.advance(ProjectLedger::kRetryMs);
  writer_.run();
  EXPECT_EQ(ledger_.batches, std::vector<std::size_t>{3}) << "nothing was taken for applied";
  EXPECT_EQ(projection.position(), 3U);
}

TEST_F(ProjectLedgerTest, AfterStopTheBatchUnderWayIsTheLast) {
  log_has(2);
  log_.per_read = 1;
  const auto first = start(projection_.reached(1));
  const auto second = start(projection_.reached(2));
  projection_.stop();
  writer_.run();
  EXPECT_EQ(projection_.position(), 1U);
  EXPECT_TRUE(first->value());
  EXPECT_FALSE(*second);
  EXPECT_FALSE(projection_.running());
  time_.advance(ProjectLedger::kPatienceMs);
  EXPECT_FALSE(second->value()) << "who still waits is told within its patience";
  EXPECT_FALSE(value_of(projection_.reached(2)));
  EXPECT_TRUE(value_of(projection_.reached(1)));
  projection_.poke(2);
  time_.advance(ProjectLedger::kPaceMs);
  EXPECT_EQ(writer_.waiting(), 0U);
}

TEST_F(ProjectLedgerTest, StopWithinThePaceStartsNoBatch) {
  log_has(1);
  projection_.poke(1);
  projection_.stop();
  time_.advance(ProjectLedger::kPaceMs);
  EXPECT_EQ(writer_.waiting(), 0U);
}

}  // namespace
}  // namespace windfall::test
