// The age of the oldest thing that waits, as /metrics shows it.
#include "app/wiring/waiting_marks.hpp"

#include <gtest/gtest.h>

namespace windfall::app {
namespace {

TEST(WaitingMarks, NothingThatWaitsIsNoAge) {
  WaitingMarks marks;
  EXPECT_EQ(marks.age(0, 5000), 0);
  marks.came(1, 5000);
  EXPECT_EQ(marks.age(1, 9000), 0);
}

TEST(WaitingMarks, TheOldestThatIsNotDoneCounts) {
  WaitingMarks marks;
  marks.came(1, 1000);
  marks.came(2, 2000);
  marks.came(3, 3000);
  EXPECT_EQ(marks.age(0, 10'000), 9000);
  EXPECT_EQ(marks.age(1, 10'000), 8000);
  EXPECT_EQ(marks.age(2, 10'000), 7000);
  EXPECT_EQ(marks.age(3, 10'000), 0);
}

TEST(WaitingMarks, AreWithinAHundredMillisecondsOfTheTruth) {
  WaitingMarks marks;
  for (std::uint64_t i = 0; i < 1000; ++i) marks.came(i + 1, static_cast<std::int64_t>(i));
  // Position 500 came at 499 and is the oldest left.
  const std::int64_t age = marks.age(499, 2000);
  EXPECT_LE(age, 2000 - 499);
  EXPECT_GE(age, 2000 - 499 - WaitingMarks::kSpacingMs);
}

TEST(WaitingMarks, TheLastOneAgesTooIfItCameTogetherWithOthers) {
  WaitingMarks marks;
  marks.came(1, 1000);
  marks.came(2, 1001);
  EXPECT_EQ(marks.age(1, 61'001), 60'000);
  EXPECT_EQ(marks.age(2, 61'001), 0);
}

TEST(WaitingMarks, WhatHasGoneToSomebodyElseIsNotWaitedFor) {
  WaitingMarks marks;
  marks.came(1, 1000);
  marks.came(9, 2000);
  marks.came(5, 8000);
  EXPECT_EQ(marks.age(1, 10'000), 2000);
  EXPECT_EQ(marks.age(5, 10'000), 0);
}

TEST(WaitingMarks, AWeekOfStandingStillTakesFewOfThem) {
  WaitingMarks marks;
  constexpr std::int64_t kWeekMs = std::int64_t{7} * 86'400'000;
  std::uint64_t position = 0;
  for (std::int64_t at = 0; at <= kWeekMs; at += 50) marks.came(++position, at);
  EXPECT_LT(marks.size(), 5000U);
  EXPECT_EQ(marks.age(0, kWeekMs), kWeekMs);
  // Half of it done: what is left is half as old, by 1/256 at most too little.
  const std::int64_t age = marks.age(position / 2, kWeekMs);
  EXPECT_LE(age, kWeekMs / 2 + 50);
  EXPECT_GE(age, (kWeekMs / 2) - (kWeekMs / 256));
}

}  // namespace
}  // namespace windfall::app
