#include "adapters/kafka/topics.hpp"

#include <gtest/gtest.h>

#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

using State = kafka::TopicReport::State;

class Topics : public KafkaTest {
 protected:
  [[nodiscard]] static std::vector<State> states(const std::vector<kafka::TopicReport>& reports) {
    std::vector<State> all;
    for (const kafka::TopicReport& report : reports) all.push_back(report.state);
    return all;
  }
};

TEST_F(Topics, ADryRunSaysWhatItWouldMakeAndMakesNothing) {
  kafka::TopicPlan other = plan();
  other.prefix = prefix_ + "dry.";
  const std::vector<State> would(5, State::would_be_made);
  for (int twice = 0; twice < 2; ++twice) {
    const auto reports = kafka::apply_topics(brokers(), {}, other, true);
    ASSERT_TRUE(reports) << reports.error().message;
    EXPECT_EQ(states(*reports), would);
    EXPECT_EQ(reports->front().topic, prefix_ + "dry.windfall.events");
  }
}

TEST_F(Topics, WhatIsThereAsPlannedIsLeftAlone) {
  const auto again = kafka::apply_topics(brokers(), {}, plan(), false);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(states(*again), std::vector<State>(5, State::as_planned));
}

TEST_F(Topics, WhatIsThereOtherwiseIsNamedAndNotChanged) {
  kafka::TopicPlan more = plan();
  more.partitions = 2 * kPartitions;
  more.min_insync_replicas = 2;
  for (int twice = 0; twice < 2; ++twice) {
    const auto reports = kafka::apply_topics(brokers(), {}, more, false);
    ASSERT_TRUE(reports) << reports.error().message;
    EXPECT_EQ(states(*reports), std::vector<State>(5, State::differs));
    EXPECT_EQ(reports->front().differences,
              (std::vector<std::string>{"partitions: 4, planned 8", "min.insync.replicas: 1, planned 2"}));
  }
}

TEST_F(Topics, MoreReplicasThanBrokersIsRefusedWithTheBrokersWords) {
  kafka::TopicPlan three = plan();
  three.prefix = prefix_ + "three.";
  three.replication_factor = 3;
  const auto reports = kafka::apply_topics(brokers(), {}, three, false);
  ASSERT_FALSE(reports);
  EXPECT_EQ(reports.error().code, FailureCode::invalid);
  EXPECT_NE(reports.error().message.find("replication factor"), std::string::npos) << reports.error().message;
}

TEST(TopicNames, APrefixStandsBeforeEachOfThem) {
  EXPECT_EQ(kafka::topic_names("a.").all(),
            (std::vector<std::string>{"a.windfall.events", "a.windfall.inbound", "a.windfall.events-dlt",
                                      "a.windfall.inbound-dlt", "a.windfall.warm-up"}));
  EXPECT_TRUE(kafka::valid_topic_prefix("prod-1_a."));
  EXPECT_FALSE(kafka::valid_topic_prefix("a b"));
  EXPECT_FALSE(kafka::valid_topic_prefix(std::string(201, 'a')));
}

}  // namespace
}  // namespace windfall::test
