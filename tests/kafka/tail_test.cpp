// What is read for a rebuild beside the group that reads for the ledger, and what the group makes of an epoch that
// ended.
#include "adapters/kafka/tail.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

class TailTest : public KafkaTest {
 protected:
  /// Messages by key.
  Result<std::map<std::string, int>> tail() {
    std::map<std::string, int> keys;
    const auto read = kafka::read_tail({.brokers = brokers(),
                                        .group = prefix_ + "readers",
                                        .topic = names_.events,
                                        .deadline_ms = 5000,
                                        .settings = {}},
                                       [&keys](const kafka::Message& message) -> Result<bool> {
                                         ++keys[message.key];
                                         return true;
                                       });
    if (!read) return tl::unexpected(read.error());
    int all = 0;
    for (const auto& [key, count] : keys) all += count;
    EXPECT_EQ(*read, static_cast<std::uint64_t>(all));
    return keys;
  }
};

TEST_F(TailTest, EndsWhereTheTopicEndsAndBeginsBehindWhatTheGroupHasCommitted) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  // The first time that anybody asks for a group, the broker has to make what it keeps groups in.
  ASSERT_TRUE(loop_.until([this] { return tail().has_value(); }));
  EXPECT_TRUE(tail().value().empty()) << "a topic with nothing in it has an end, too";
  for (const std::uint32_t promotion : {1U, 2U, 3U}) ASSERT_TRUE(publish(to, joins(promotion, 1, 20)));
  EXPECT_EQ(tail().value(), (std::map<std::string, int>{{"p1", 20}, {"p2", 20}, {"p3", 20}}));
  auto log = reader();
  std::uint64_t position = 0;
  ASSERT_TRUE(loop_.until([&] {
    const auto batch = log->read(position, 100);
    if (batch) position = batch->position;
    return position == 60;
  }));
  log->applied(position);
  log->stop();  // commits
  EXPECT_TRUE(tail().value().empty());
  ASSERT_TRUE(publish(to, joins(2, 21, 25)));
  EXPECT_EQ(tail().value(), (std::map<std::string, int>{{"p2", 5}}));
  EXPECT_EQ(tail().value(), (std::map<std::string, int>{{"p2", 5}})) << "reading commits nothing";
}

TEST_F(TailTest, AFailureOfTheReaderEndsIt) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  ASSERT_TRUE(publish(to, joins(1, 1, 3)));
  int taken = 0;
  const auto failed = kafka::read_tail({.brokers = brokers(), .group = prefix_ + "readers", .topic = names_.events},
                                       [&taken](const kafka::Message&) -> Result<bool> {
                                         ++taken;
                                         return fail(FailureCode::unavailable, "the database is away");
                                       });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "the database is away");
  EXPECT_EQ(taken, 1);
}

TEST_F(TailTest, EventsThatCameTooLateForTheirEpochDoNotStandInTheWayOfTheNext) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  kafka::LastSeen ledger{};
  auto log = reader([&ledger](PartitionNo) -> Result<kafka::LastSeen> { return ledger; });
  std::vector<std::pair<std::uint32_t, std::uint64_t>> handed;
  std::uint64_t position = 0;
  const auto read_to = [&](std::uint64_t end) {
    return loop_.until([&] {
      const auto batch = log->read(position, 100);
      if (!batch) return false;
      position = batch->position;
      for (const Recorded& recorded : batch->events) handed.emplace_back(recorded.epoch.value, recorded.sequence.value);
      return position == end;
    });
  };
  ASSERT_TRUE(publish(to, joins(1, 1, 3)));
  ASSERT_TRUE(read_to(3));
  ledger = {.epoch = {2}, .sequence = {1}};  // it had begun epoch 2 before 2 and 3 came
  PromotionEvents next = joins(1, 2, 4);
  for (Recorded& recorded : next.events) recorded.epoch = {2};
  ASSERT_TRUE(publish(to, std::move(next)));
  ASSERT_TRUE(read_to(6));
  EXPECT_EQ(handed,
            (std::vector<std::pair<std::uint32_t, std::uint64_t>>{{1, 1}, {1, 2}, {1, 3}, {2, 2}, {2, 3}, {2, 4}}));
}

}  // namespace
}  // namespace windfall::test
