#include "adapters/kafka/sequence_gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

namespace windfall::kafka {
namespace {

using Gate = SequenceGate<std::uint64_t>;

/// What the gate lets through, by feeding it one arrival after the other.
class GateTest : public testing::Test {
 protected:
  GateTest() { gate_.start({1}, {}); }

  void arrive(std::uint32_t epoch, std::uint64_t sequence) {
    switch (gate_.judge({1}, {epoch}, {sequence})) {
      case Gate::Verdict::known:
        ++known_;
        return;
      case Gate::Verdict::early:
        if (gate_.hold({1}, {epoch}, {sequence}, sequence)) ++known_;
        return;
      case Gate::Verdict::next:
        passed_.push_back(sequence);
    }
    std::vector<std::uint64_t> known;
    for (const std::uint64_t next : gate_.release({1}, known)) passed_.push_back(next);
    known_ += known.size();
  }

  Gate gate_;
  std::vector<std::uint64_t> passed_;
  std::size_t known_ = 0;
};

TEST_F(GateTest, WhatWasSeenIsDropped) {
  for (const std::uint64_t sequence : {1U, 1U, 2U, 1U, 2U, 3U}) arrive(1, sequence);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(known_, 3U);
}

TEST_F(GateTest, WhatComesEarlyWaitsForWhatComesBefore) {
  for (const std::uint64_t sequence : {3U, 2U, 5U, 3U}) arrive(1, sequence);
  EXPECT_TRUE(passed_.empty());
  arrive(1, 1);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(gate_.held({1}), 1U);
  arrive(1, 4);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(known_, 1U);
}

TEST_F(GateTest, ItGoesOnFromWhereTheLedgerIs) {
  gate_.start({1}, {.epoch = {1}, .sequence = {7}});
  for (const std::uint64_t sequence : {6U, 7U, 8U}) arrive(1, sequence);
  EXPECT_EQ(passed_, std::vector<std::uint64_t>{8});
}

TEST_F(GateTest, ALaterEpochGoesOnAndEndsTheEarlierOne) {
  arrive(1, 1);
  arrive(1, 3);  // of an epoch that ended at 1
  arrive(2, 2);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(known_, 1U) << "the event of the ended epoch is dropped, although its number fits";
  arrive(1, 3);
  EXPECT_EQ(known_, 2U);
  arrive(2, 3);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(GateTest, TheHeldEventOfALaterEpochReplacesThatOfAnEarlierOne) {
  arrive(1, 2);
  arrive(2, 2);
  EXPECT_EQ(gate_.held({1}), 1U);
  EXPECT_EQ(known_, 1U) << "who held the earlier one gets it back";
  arrive(1, 1);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2}));
  arrive(1, 3);
  EXPECT_EQ(known_, 2U) << "the partition is in epoch 2 now";
}

TEST_F(GateTest, WhereAnEpochEndedTheLedgerSays) {
  for (const std::uint64_t sequence : {1U, 2U, 3U}) arrive(1, sequence);
  // The ledger had begun epoch 2 behind event 1: the two others came too late for it.
  EXPECT_TRUE(gate_.enters({1}, {2}));
  gate_.start({1}, {.epoch = {2}, .sequence = {1}});
  EXPECT_FALSE(gate_.enters({1}, {2}));
  arrive(1, 4);
  EXPECT_EQ(known_, 1U);
  arrive(2, 2);
  arrive(2, 3);
  EXPECT_EQ(passed_, (std::vector<std::uint64_t>{1, 2, 3, 2, 3})) << "the events of epoch 2 with the same numbers";
}

TEST(SequenceGate, WhateverOrderAndHoweverOftenEventsComeEachPassesOnceInOrder) {
  const char* chosen = std::getenv("WINDFALL_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("WINDFALL_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> arrivals;
    const std::uint64_t last = 1 + (random() % 50);
    for (std::uint64_t sequence = 1; sequence <= last; ++sequence) {
      arrivals.insert(arrivals.end(), 1 + (random() % 3), sequence);
    }
    std::ranges::shuffle(arrivals, random);
    Gate gate;
    gate.start({1}, {});
    std::vector<std::uint64_t> passed;
    for (const std::uint64_t sequence : arrivals) {
      const Gate::Verdict verdict = gate.judge({1}, {1}, {sequence});
      if (verdict == Gate::Verdict::early) gate.hold({1}, {1}, {sequence}, sequence);
      if (verdict != Gate::Verdict::next) continue;
      passed.push_back(sequence);
      std::vector<std::uint64_t> known;
      std::ranges::copy(gate.release({1}, known), std::back_inserter(passed));
    }
    ASSERT_EQ(passed.size(), last);
    for (std::uint64_t i = 0; i < last; ++i) ASSERT_EQ(passed[i], i + 1);
    ASSERT_EQ(gate.held({1}), 0U);
  }
}

}  // namespace
}  // namespace windfall::kafka
