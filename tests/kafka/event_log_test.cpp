#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

/// What a ledger that several members share keeps of each event: how often it was applied.
class SharedLedger {
 public:
  void apply(const LogBatch& batch) {
    const std::lock_guard lock(mutex_);
    for (const Recorded& recorded : batch.events) {
      kafka::LastSeen& last = last_[recorded.partition];
      if (recorded.sequence <= last.sequence) {
        ++repeated_;
        continue;
      }
      if (recorded.sequence.value != last.sequence.value + 1) ++gaps_;
      last = {.epoch = recorded.epoch, .sequence = recorded.sequence};
      ++applied_;
    }
  }
  Result<kafka::LastSeen> last(PartitionNo partition) {
    const std::lock_guard lock(mutex_);
    return last_[partition];
  }
  [[nodiscard]] std::size_t applied() {
    const std::lock_guard lock(mutex_);
    return applied_;
  }
  [[nodiscard]] std::size_t repeated() {
    const std::lock_guard lock(mutex_);
    return repeated_;
  }
  [[nodiscard]] std::size_t gaps() {
    const std::lock_guard lock(mutex_);
    return gaps_;
  }

 private:
  std::mutex mutex_;
  std::map<PartitionNo, kafka::LastSeen> last_;
  std::size_t applied_ = 0;
  std::size_t repeated_ = 0;
  std::size_t gaps_ = 0;
};

class EventLogTest : public KafkaTest {
 protected:
  /// One step of a projection: reads and applies. True if something was there.
  static bool step(kafka::KafkaEventLog& log, SharedLedger& ledger, std::uint64_t& position, std::size_t most = 100) {
    const Result<LogBatch> batch = log.read(position, most);
    EXPECT_TRUE(batch) << batch.error().message;
    if (!batch || batch->position == position) return false;
    ledger.apply(*batch);
    position = batch->position;
    log.applied(position);
    return true;
  }
  std::unique_ptr<kafka::KafkaEventLog> reader_of(SharedLedger& ledger) {
    return reader([&ledger](PartitionNo partition) { return ledger.last(partition); });
  }
  void raw(const std::string& key, const std::string& value) {
    std::optional<Result<bool>> done;
    {
      producer_->begin([&done](Result<bool> result) { done = std::move(result); })
          .add({.topic = names_.events, .key = key, .value = value, .headers = {}});
    }
    ASSERT_TRUE(loop_.until([&done] { return done.has_value(); }));
    ASSERT_TRUE(*done);
  }
};

TEST_F(EventLogTest, ABatchIsGivenAgainUntilItsReaderComesBackForTheNext) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  ASSERT_TRUE(publish(to, joins(1, 1, 10)));
  auto log = reader();
  Result<LogBatch> batch = LogBatch{};
  ASSERT_TRUE(loop_.until([&] { return log->available() == 10; }));
  batch = log->read(0, 4);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->events, joins(1, 1, 4).events);
  EXPECT_EQ(batch->identities.size(), 4U);
  EXPECT_EQ(batch->position, 4U);
  const Result<LogBatch> again = log->read(0, 4);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->events, batch->events);
  EXPECT_EQ(log->read(4, 100)->events, joins(1, 5, 10).events);
  EXPECT_EQ(log->read(1, 4).error().code, FailureCode::invalid);
  EXPECT_EQ(log->read(0, 4).error().code, FailureCode::invalid) << "it was told applied";
  log->applied(10);
  EXPECT_EQ(log->read(10, 4)->position, 10U) << "there is nothing yet";
}

TEST_F(EventLogTest, TheAgeOfWhatCameIsKnownFromWhenItWasPublished) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  auto log = reader();
  EXPECT_EQ(log->newest_age_ms(), 0) << "nothing came";
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(publish(to, joins(1, 1, 10)));
  ASSERT_TRUE(loop_.until([&] { return log->available() == 10 && log->newest_age_ms() >= 20; })) << "it grows";
  const std::int64_t age = log->newest_age_ms();
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - before);
  EXPECT_LE(age, most.count() + 1) << "both clocks are rounded";
}

TEST_F(EventLogTest, WhoAsksWhatIsAvailableDoesNotWaitForALedgerThatHangs) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  ASSERT_TRUE(publish(to, joins(1, 1, 10)));
  bool first = true;
  std::promise<void> asked;
  std::promise<void> answers;
  auto log = reader([&, answer = answers.get_future().share()](PartitionNo) -> Result<kafka::LastSeen> {
    if (std::exchange(first, false)) asked.set_value();
    answer.wait();
    return kafka::LastSeen{};
  });
  ASSERT_TRUE(loop_.until([&] { return log->available() == 10; }));
  auto batch = std::async(std::launch::async, [&] { return log->read(0, 4); });
  asked.get_future().wait();
  auto available = std::async(std::launch::async, [&] { return log->available(); });
  EXPECT_EQ(available.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  answers.set_value();
  EXPECT_EQ(available.get(), 10U) << "what is taken and not read yet counts once";
  ASSERT_TRUE(batch.get());
  EXPECT_EQ(log->available(), 10U);
}

TEST_F(EventLogTest, WhatWasAppliedIsCommittedAndWhatWasNotComesAgain) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  ASSERT_TRUE(publish(to, joins(1, 1, 10)));
  for (int twice = 0; twice < 2; ++twice) {
    auto consuming_options = consuming(names_.events);
    consuming_options.drain_ms = 100;  // what is not applied here never will be
    auto made = kafka::Consumer::make(consuming_options);
    ASSERT_TRUE(made);
    std::vector<kafka::Message> taken;
    ASSERT_TRUE(loop_.until([&] {
      std::ranges::move((*made)->take(100), std::back_inserter(taken));
      return !taken.empty() && taken.back().place.offset == 9;
    }));
    EXPECT_EQ(taken.front().place.offset, twice == 0 ? 0 : 3);
    // Finished in any order; the fourth is not.
    for (const std::size_t i : {2U, 0U, 1U, 5U}) {
      if (twice == 0) (*made)->finish(taken[i].place);
    }
    (*made)->stop();
  }
}

TEST_F(EventLogTest, AWholeTopicReplayedTwiceChangesNothing) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  SharedLedger ledger;
  for (int time = 0; time < 3; ++time) {
    for (std::uint32_t promotion = 1; promotion <= 5; ++promotion) {
      ASSERT_TRUE(publish(to, joins(promotion, 1, 200)));
    }
  }
  auto log = reader_of(ledger);
  std::uint64_t position = 0;
  ASSERT_TRUE(loop_.until([&] { return step(*log, ledger, position), position == 3000; }));
  EXPECT_EQ(ledger.applied(), 1000U);
  EXPECT_EQ(ledger.repeated(), 0U) << "what was seen is not even handed out";
  EXPECT_EQ(log->counts().known, 2000U);
  log->stop();

  // And read once more from the start by another group, over the same ledger.
  prefix_ += "again.";
  auto second = reader_of(ledger);
  position = 0;
  ASSERT_TRUE(loop_.until([&] { return step(*second, ledger, position), position == 3000; }));
  EXPECT_EQ(ledger.applied(), 1000U);
  EXPECT_EQ(ledger.repeated(), 0U);
  EXPECT_EQ(ledger.gaps(), 0U);
}

TEST_F(EventLogTest, WhatWasGivenUpAndSentAgainIsPutBackInOrder) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  SharedLedger ledger;
  ASSERT_TRUE(publish(to, joins(1, 1, 3)));
  ASSERT_TRUE(publish(to, joins(1, 6, 9)));  // as if 4 and 5 had timed out
  ASSERT_TRUE(publish(to, joins(1, 4, 12)));
  auto log = reader_of(ledger);
  std::uint64_t position = 0;
  ASSERT_TRUE(loop_.until([&] { return step(*log, ledger, position, 2), position == 16; }));
  EXPECT_EQ(ledger.applied(), 12U);
  EXPECT_EQ(ledger.gaps(), 0U);
  EXPECT_EQ(log->counts().early, 4U);
}

TEST_F(EventLogTest, APoisonMessageGoesToTheDeadLettersAndItsNeighboursGoOn) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  SharedLedger ledger;
  ASSERT_TRUE(publish(to, joins(1, 1, 5)));
  raw("p1", "{\"type\":\"windfall.participated.v9\"}");
  raw("p1", "");
  ASSERT_TRUE(publish(to, joins(1, 6, 10)));
  auto log = reader_of(ledger);
  std::uint64_t position = 0;
  ASSERT_TRUE(loop_.until([&] { return step(*log, ledger, position), position == 12; }));
  EXPECT_EQ(ledger.applied(), 10U);
  ASSERT_TRUE(loop_.until([&] { return log->dead_letters().buried() == 2; }));
  log->stop();

  auto options = consuming(names_.events_dlt);
  options.group += ".dead";
  auto dead = kafka::Consumer::make(options);
  ASSERT_TRUE(dead);
  std::vector<kafka::Message> letters;
  ASSERT_TRUE(loop_.until([&] {
    std::ranges::move((*dead)->take(10), std::back_inserter(letters));
    return letters.size() == 2;
  }));
  for (const kafka::Message& letter : letters) (*dead)->finish(letter.place);
  const kafka::Message& letter = letters.front();
  EXPECT_EQ(letter.key, "p1");
  EXPECT_EQ(letter.value, "{\"type\":\"windfall.participated.v9\"}");
  const auto header = [&letter](std::string_view name) {
    return letter.header(name) == nullptr ? std::string{"none"} : *letter.header(name);
  };
  EXPECT_EQ(header("x-windfall-reason"), "schema");
  EXPECT_EQ(header("x-windfall-attempts"), "1");
  EXPECT_EQ(header("kafka_dlt-original-topic"), names_.events);
  EXPECT_EQ(header("kafka_dlt-original-partition").size(), 4U);
  EXPECT_EQ(header("kafka_dlt-original-offset"), std::string("\0\0\0\0\0\0\0\5", 8));
  EXPECT_EQ(header("kafka_dlt-original-consumer-group"), prefix_ + "readers");
  EXPECT_EQ(header("kafka_dlt-exception-message"), "event: type \"windfall.participated.v9\" is not known");
}

TEST_F(EventLogTest, APoisonMessageIsNotCommittedBeforeItsDeadLetterIs) {
  raw("p1", "poison");
  // Nobody listens where its dead letters would go.
  auto lonely = kafka::Producer::make({.brokers = "127.0.0.1:1",
                                       .delivery_timeout_ms = 300,
                                       .flush_ms = 100,
                                       .post = [this](std::function<void()> call) { loop_.post(std::move(call)); },
                                       .settings = {}});
  ASSERT_TRUE(lonely);
  std::swap(*lonely, producer_);
  for (const bool reachable : {false, true}) {
    if (reachable) std::swap(*lonely, producer_);
    auto log = reader();
    std::uint64_t position = 0;
    ASSERT_TRUE(loop_.until([&] {
      position = log->read(position, 10)->position;
      return position == 1 && (!reachable || log->dead_letters().under_way() == 0);
    })) << "it comes again as long as it is nowhere else";
    EXPECT_EQ(log->dead_letters().buried(), reachable ? 1U : 0U);
    log->stop();
  }
}

TEST_F(EventLogTest, WhileTheLedgerCannotBeAskedNothingIsHandedOutAndNothingIsLost) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  ASSERT_TRUE(publish(to, joins(1, 1, 10)));
  bool away = true;
  auto log = reader([&away](PartitionNo) -> Result<kafka::LastSeen> {
    if (away) return fail(FailureCode::unavailable, "ledger away");
    return kafka::LastSeen{.epoch = {1}, .sequence = {4}};
  });
  ASSERT_TRUE(loop_.until([&log] { return log->available() == 10; }));
  for (int twice = 0; twice < 2; ++twice) {
    const Result<LogBatch> batch = log->read(0, 100);
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().message, "ledger away");
    EXPECT_EQ(log->available(), 10U);
  }
  away = false;
  const Result<LogBatch> batch = log->read(0, 100);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->events, joins(1, 5, 10).events);
  log->applied(10);
}

TEST_F(EventLogTest, AGapThatIsNeverFilledBlocksNobodyElse) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  SharedLedger ledger;
  const std::uint64_t last = kafka::KafkaEventLog::kMostHeld + 2;
  ASSERT_TRUE(publish(to, joins(1, 2, last)));  // the first never comes
  ASSERT_TRUE(publish(to, joins(2, 1, 10)));
  auto log = reader_of(ledger);
  std::uint64_t position = 0;
  ASSERT_TRUE(loop_.until([&] { return step(*log, ledger, position, 1000), position == last - 1 + 10; }));
  EXPECT_EQ(ledger.applied(), 10U);
  ASSERT_TRUE(loop_.until([&] { return log->dead_letters().buried() == kafka::KafkaEventLog::kMostHeld + 1; }));
  EXPECT_NE(troubles().front().find("partition 1 has a gap"), std::string::npos) << troubles().front();
}

TEST_F(EventLogTest, MembersThatComeAndGoWhileEventsAreInFlightApplyEachEventOnce) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  SharedLedger ledger;
  constexpr std::uint64_t kLast = 2000;
  constexpr std::uint32_t kPromotions = 8;
  std::vector<std::unique_ptr<kafka::KafkaEventLog>> members;
  std::vector<std::uint64_t> positions;
  // Each member says only when it comes by again that it applied what it was handed: something is always in flight.
  const auto turn = [&](std::size_t i) {
    const std::uint64_t before = positions[i];
    const Result<LogBatch> batch = members[i]->read(before, 50);
    ASSERT_TRUE(batch) << batch.error().message;
    ledger.apply(*batch);
    positions[i] = batch->position;
  };
  const auto join = [&] {
    members.push_back(reader_of(ledger));
    positions.push_back(0);
  };
  join();
  std::uint64_t published = 0;
  const auto publish_more = [&](std::uint64_t count) {
    for (std::uint32_t promotion = 1; promotion <= kPromotions; ++promotion) {
      ASSERT_TRUE(publish(to, joins(promotion, published + 1, published + count)));
    }
    published += count;
  };
  publish_more(500);
  ASSERT_TRUE(loop_.until([&] { return turn(0), ledger.applied() > 500; }));
  join();
  publish_more(500);
  ASSERT_TRUE(loop_.until([&] {
    turn(0);
    turn(1);
    return members[1]->consumer().partitions() > 0 && members[1]->counts().events > 0;
  })) << "the new member gets its share";
  publish_more(500);
  // The first one leaves in the middle of it, as a process that is stopped.
  std::thread leaving([&members] { members[0]->stop(); });
  members[0]->applied(positions[0]);
  leaving.join();
  publish_more(kLast - published);
  ASSERT_TRUE(loop_.until([&] { return turn(1), ledger.applied() == kPromotions * kLast; })) << ledger.applied();
  EXPECT_EQ(ledger.gaps(), 0U);
  EXPECT_EQ(ledger.repeated(), 0U) << "what was handed out was waited for before its partition went";
  members[1]->applied(positions[1]);
  members[1]->stop();
}

TEST_F(EventLogTest, ASlowReaderHasABoundedQueueAndGetsEverything) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  for (std::uint32_t promotion = 1; promotion <= 4; ++promotion) ASSERT_TRUE(publish(to, joins(promotion, 1, 1000)));
  auto options = consuming(names_.events);
  options.most_waiting = 100;
  auto consumer = kafka::Consumer::make(options);
  ASSERT_TRUE(consumer);
  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  std::size_t most = 0;
  ASSERT_TRUE(loop_.until([&] { return (*consumer)->paused(); }));
  EXPECT_EQ((*consumer)->waiting(), 100U);
  ASSERT_TRUE(loop_.until([&] {
    most = std::max(most, (*consumer)->waiting());
    for (const kafka::Message& message : (*consumer)->take(60)) {
      EXPECT_TRUE(seen.emplace(message.place.partition, message.place.offset).second) << "none comes twice";
      (*consumer)->finish(message.place);
    }
    return seen.size() == 4000;
  })) << seen.size();
  EXPECT_LE(most, 100U);
}

}  // namespace
}  // namespace windfall::test
