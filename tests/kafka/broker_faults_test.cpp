// The broker stops or dies while events are relayed: joins would go on, nothing is lost, and whoever reads gets each
// event once, in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "application/memory_outbox.hpp"
#include "application/on_event/relay_outbox.hpp"
#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

constexpr std::uint32_t kPromotions = 3;
constexpr std::uint64_t kBefore = 200;
constexpr std::uint64_t kDuring = 500;

class BrokerFaults : public KafkaTest {
 protected:
  /// Entries of ten events.
  void decide(std::uint64_t from, std::uint64_t to) {
    for (std::uint32_t promotion = 1; promotion <= kPromotions; ++promotion) {
      for (std::uint64_t first = from; first <= to; first += 10) {
        PromotionEvents ten = joins(promotion, first, first + 9);
        outbox_.add(ten.promotion_id, std::move(ten.events), std::move(ten.identities));
      }
    }
  }
  /// Reads until every promotion has that many events, each once and in order.
  void read_all(std::uint64_t last) {
    auto log = reader();
    std::map<std::uint32_t, std::uint64_t> seen;
    std::uint64_t position = 0;
    std::size_t names = 0;
    const bool all = loop_.until([&] {
      const Result<LogBatch> batch = log->read(position, 4096);
      EXPECT_TRUE(batch) << batch.error().message;
      position = batch->position;
      names += batch->identities.size();
      for (const Recorded& recorded : batch->events) {
        EXPECT_EQ(recorded.sequence.value, ++seen[recorded.partition.value]);
      }
      return std::ranges::all_of(seen, [last](const auto& one) { return one.second >= last; }) &&
             seen.size() == kPromotions;
    });
    EXPECT_TRUE(all);
    EXPECT_EQ(names, kPromotions * last);
    EXPECT_EQ(log->dead_letters().under_way(), 0U);
    log->applied(position);
    log->stop();
  }

  MemoryOutbox outbox_;
};

TEST_F(BrokerFaults, WhatWasDecidedWhileItStoodStillArrivesWhenItGoesOn) {
  const auto impatient = producer(1'500);
  kafka::KafkaEventPublisher to = publisher(*impatient);
  std::size_t paused = 0;
  RelayOutbox relay(outbox_, to, loop_, loop_, {.trouble = [&paused](const std::string&) { ++paused; }});
  decide(1, kBefore);
  relay.start();
  ASSERT_TRUE(loop_.until([this] { return outbox_.left() == 0; }));

  Broker::shared().freeze();
  decide(kBefore + 1, kBefore + kDuring);
  EXPECT_TRUE(loop_.until([&paused] { return paused > 0; })) << "a broker that does not answer is a failure in time";
  EXPECT_EQ(outbox_.left(), kPromotions * kDuring / 10) << "nothing is dropped that was not acknowledged";
  EXPECT_GT(relay.lag().oldest_ms, 0);
  Broker::shared().go_on();

  ASSERT_TRUE(loop_.until([this] { return outbox_.left() == 0; }));
  relay.stop();
  ASSERT_TRUE(loop_.until([&relay] { return !relay.running(); }));
  read_all(kBefore + kDuring);
}

TEST_F(BrokerFaults, WhatWasDecidedWhileItWasDeadArrivesWhenItIsBack) {
  const auto impatient = producer(2'000);
  kafka::KafkaEventPublisher to = publisher(*impatient);
  RelayOutbox relay(outbox_, to, loop_, loop_, {.trouble = [](const std::string&) {}});
  decide(1, kBefore);
  relay.start();
  ASSERT_TRUE(loop_.until([&relay] { return relay.published() > 0; }));

  Broker::shared().kill();  // in the middle of it
  decide(kBefore + 1, kBefore + kDuring);
  EXPECT_TRUE(loop_.until([&relay] { return relay.pausing(); }));
  ASSERT_EQ(Broker::shared().start(), "");

  ASSERT_TRUE(loop_.until([this] { return outbox_.left() == 0; }));
  relay.stop();
  ASSERT_TRUE(loop_.until([&relay] { return !relay.running(); }));
  read_all(kBefore + kDuring);
}

TEST_F(BrokerFaults, TwoRelaysOverTwoProducersAreReadAsOne) {
  const auto second = producer(kafka::Producer::kDeliveryTimeoutMs);
  kafka::KafkaEventPublisher to = publisher(*producer_);
  kafka::KafkaEventPublisher also_to = publisher(*second);
  const RelayOutbox::Hooks quiet{.trouble = [](const std::string&) {}};
  RelayOutbox relay(outbox_, to, loop_, loop_, quiet);
  RelayOutbox other(outbox_, also_to, loop_, loop_, quiet);
  relay.start();
  other.start();
  for (std::uint64_t first = 1; first <= kDuring; first += 100) {
    decide(first, first + 99);
    for (std::uint32_t promotion = 1; promotion <= kPromotions; ++promotion) {
      relay.poke("p" + std::to_string(promotion));
      other.poke("p" + std::to_string(promotion));
    }
    ASSERT_TRUE(loop_.until([this] { return outbox_.left() == 0; }));
  }
  relay.stop();
  other.stop();
  ASSERT_TRUE(loop_.until([&] { return !relay.running() && !other.running(); }));
  EXPECT_GT(relay.published() + other.published(), kPromotions * kDuring) << "some of it was published twice";
  read_all(kDuring);
}

}  // namespace
}  // namespace windfall::test
