// What the tests with a broker share: topics of their own, a loop that runs what is posted, events to send, and ways to
// read them back.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/codec/event_ids.hpp"
#include "adapters/kafka/event_publisher.hpp"
#include "adapters/kafka/kafka_event_log.hpp"
#include "adapters/kafka/producer.hpp"
#include "adapters/kafka/topics.hpp"
#include "application/port/clock.hpp"
#include "application/port/timer.hpp"
#include "kafka/broker.hpp"

namespace windfall::test {

/// The loop thread of a test: what is posted runs while it waits for something.
class Loop final : public Clock, public Timer {
 public:
  using Steady = std::chrono::steady_clock;

  void post(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }
  void after(std::int64_t delay_ms, std::function<void()> call) override {
    later_.emplace_back(Steady::now() + std::chrono::milliseconds(delay_ms), std::move(call));
  }
  [[nodiscard]] Instant now() const override {
    return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count();
  }

  /// Whoever asked for later calls is gone.
  void forget_later() { later_.clear(); }

  /// Runs what is posted until that holds; false if it takes longer than a loaded machine needs.
  bool until(const std::function<bool()>& holds, std::chrono::seconds patience = std::chrono::seconds{60}) {
    const auto deadline = Steady::now() + patience;
    while (true) {
      run_ready();
      if (holds()) return true;
      if (Steady::now() >= deadline) return false;
      std::unique_lock lock(mutex_);
      // Also for what changes without a word, such as the length of a consumer's queue.
      changed_.wait_for(lock, std::chrono::milliseconds(10), [this] { return !calls_.empty(); });
    }
  }

 private:
  void run_ready() {
    std::vector<std::function<void()>> due;
    std::erase_if(later_, [&due](auto& item) {
      if (item.first > Steady::now()) return false;
      due.push_back(std::move(item.second));
      return true;
    });
    for (const auto& call : due) call();
    while (true) {
      std::function<void()> call;
      {
        const std::lock_guard lock(mutex_);
        if (calls_.empty()) return;
        call = std::move(calls_.front());
        calls_.pop_front();
      }
      call();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
  std::vector<std::pair<Steady::time_point, std::function<void()>>> later_;
};

/// Topics under a prefix of the test's own, on the shared broker.
class KafkaTest : public testing::Test {
 protected:
  static constexpr int kPartitions = 4;

  void SetUp() override {
    if (!Broker::shared().why_not().empty()) GTEST_SKIP() << "no broker: " << Broker::shared().why_not();
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    prefix_ = std::string(info->test_suite_name()) + "." + info->name() + ".";
    names_ = kafka::topic_names(prefix_);
    const auto made = kafka::apply_topics(brokers(), {}, plan(), false);
    ASSERT_TRUE(made) << made.error().message;
    producer_ = producer(kafka::Producer::kDeliveryTimeoutMs);
  }
  void TearDown() override {
    loop_.forget_later();
    producer_.reset();
    loop_.until([] { return true; });
  }

  [[nodiscard]] static std::string brokers() { return Broker::shared().address(); }
  [[nodiscard]] kafka::TopicPlan plan() const {
    return {.prefix = prefix_, .partitions = kPartitions, .replication_factor = 1, .min_insync_replicas = 1};
  }
  std::unique_ptr<kafka::Producer> producer(int delivery_timeout_ms) {
    auto made = kafka::Producer::make({.brokers = brokers(),
                                       .delivery_timeout_ms = delivery_timeout_ms,
                                       .post = [this](std::function<void()> call) { loop_.post(std::move(call)); }});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  kafka::KafkaEventPublisher publisher(kafka::Producer& with) const {
    return {with,
            {.topic = names_.events,
             .source = "/windfall/test",
             .id_of = [](std::string_view promotion, Epoch epoch, Sequence sequence) {
               return codec::event_ids({{}, promotion, epoch, sequence}).event;
             }}};
  }
  /// A log of a member of the group "readers", from what the ledger of `last_seen` has.
  std::unique_ptr<kafka::KafkaEventLog> reader(
      std::function<Result<kafka::LastSeen>(PartitionNo)> last_seen = nullptr) {
    if (!last_seen) last_seen = [](PartitionNo) { return Result<kafka::LastSeen>(kafka::LastSeen{}); };
    auto made = kafka::KafkaEventLog::make({.consumer = consuming(names_.events),
                                            .dead_letters = names_.events_dlt,
                                            .last_seen = std::move(last_seen),
                                            .trouble = [this](const std::string& why) { trouble(why); }},
                                           *producer_, loop_);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  kafka::Consumer::Options consuming(const std::string& topic) {
    return {.brokers = brokers(),
            .group = prefix_ + "readers",
            .topics = {topic},
            .session_ms = 6000,
            .drain_ms = 2000,
            .trouble = [this](const std::string& why) { trouble(why); },
            // Members learn of a rebalance by their heartbeats, and there are two rounds of each.
            .settings = {{"heartbeat.interval.ms", "300"}}};
  }
  void trouble(const std::string& why) {
    const std::lock_guard lock(trouble_mutex_);
    troubles_.push_back(why);
  }
  std::vector<std::string> troubles() {
    const std::lock_guard lock(trouble_mutex_);
    return troubles_;
  }
  /// True if Kafka acknowledged them.
  bool publish(kafka::KafkaEventPublisher& with, PromotionEvents batch) {
    std::optional<Result<bool>> done;
    detach(
        [](kafka::KafkaEventPublisher* to, PromotionEvents events, std::optional<Result<bool>>* result) -> Task<void> {
          Result<bool> published = co_await to->publish(std::move(events));
          *result = std::move(published);
        }(&with, std::move(batch), &done));
    EXPECT_TRUE(loop_.until([&done] { return done.has_value(); }));
    return done && done->has_value();
  }

  std::string prefix_;
  kafka::TopicNames names_;
  Loop loop_;
  std::unique_ptr<kafka::Producer> producer_;

 private:
  std::mutex trouble_mutex_;
  std::vector<std::string> troubles_;
};

/// Participations of a promotion with these sequences, inclusive.
inline PromotionEvents joins(std::uint32_t promotion, std::uint64_t from, std::uint64_t to) {
  PromotionEvents batch{.promotion_id = "p" + std::to_string(promotion), .events = {}, .identities = {}};
  for (std::uint64_t sequence = from; sequence <= to; ++sequence) {
    batch.events.push_back({.partition = {promotion},
                            .epoch = {1},
                            .sequence = {sequence},
                            .time = {1'750'464'000'000 + static_cast<std::int64_t>(sequence)},
                            .revision = {1},
                            .command = {},
                            .event = Participated{.user = {promotion, sequence}, .day = {20'260}, .amount = 500},
                            .taken = {}});
    batch.identities.push_back({.user = {promotion, sequence}, .id = "user-" + std::to_string(sequence)});
  }
  return batch;
}

}  // namespace windfall::test
