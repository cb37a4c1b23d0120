#include "adapters/kafka/producer.hpp"

#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "adapters/codec/event_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

/// Lines that kcat, a reader that is not ours, prints of a topic: partition, key, headers, value.
std::vector<std::string> kcat(const std::string& topic, const std::string& format) {
  const std::string command =
      "kcat -C -q -e -o beginning -b " + Broker::shared().address() + " -t '" + topic + "' -f '" + format + "\\n' 2>&1";
  std::vector<std::string> lines;
  FILE* out = ::popen(command.c_str(), "r");
  std::array<char, 65536> line{};
  while (out != nullptr && ::fgets(line.data(), static_cast<int>(line.size()), out) != nullptr) {
    std::string text = line.data();
    text.pop_back();
    lines.push_back(std::move(text));
  }
  EXPECT_EQ(::pclose(out), 0) << "kcat, from the package of the same name";
  return lines;
}

class ProducerTest : public KafkaTest {
 protected:
  /// The outcome of a batch of one record, waited for.
  Result<bool> sent(kafka::Producer& with, const kafka::Producer::Record& record) {
    std::optional<Result<bool>> done;
    {
      with.begin([&done](Result<bool> result) { done = std::move(result); }).add(record);
    }
    EXPECT_TRUE(loop_.until([&done] { return done.has_value(); }));
    return done.value_or(fail(FailureCode::damaged, "nobody was told"));
  }
};

TEST_F(ProducerTest, EventsOfAPromotionStandInOrderInOnePartitionAndKcatReadsThem) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  constexpr std::uint64_t kEach = 500;
  std::optional<Result<bool>> done[8];
  for (std::uint32_t promotion = 1; promotion <= 8; ++promotion) {
    detach([](kafka::KafkaEventPublisher* into, PromotionEvents events,
              std::optional<Result<bool>>* result) -> Task<void> {
      Result<bool> published = co_await into->publish(std::move(events));
      *result = std::move(published);
    }(&to, joins(promotion, 1, kEach), &done[promotion - 1]));
  }
  ASSERT_TRUE(
      loop_.until([&done] { return std::ranges::all_of(done, [](const auto& one) { return one.has_value(); }); }));

  std::map<std::string, std::vector<std::uint64_t>> sequences;
  std::map<std::string, std::string> partitions;
  for (const std::string& line : kcat(names_.events, "%p %k %s")) {
    std::istringstream in(line);
    std::string partition;
    std::string key;
    std::string value;
    in >> partition >> key;
    std::getline(in >> std::ws, value);
    const auto read = codec::read_event_json(value);
    ASSERT_TRUE(read) << read.error().message << ": " << line;
    EXPECT_EQ(read->promotion_id, key);
    sequences[key].push_back(read->recorded.sequence.value);
    EXPECT_EQ(partitions.emplace(key, partition).first->second, partition);
  }
  ASSERT_EQ(sequences.size(), 8U);
  for (const auto& [key, seen] : sequences) {
    ASSERT_EQ(seen.size(), kEach) << key;
    for (std::uint64_t i = 0; i < kEach; ++i) ASSERT_EQ(seen[i], i + 1) << key;
  }
}

TEST_F(ProducerTest, AMessageIsACloudEventThatPeopleCanRead) {
  kafka::KafkaEventPublisher to = publisher(*producer_);
  PromotionEvents batch = joins(3, 7, 7);
  batch.identities.front().id = "앨리스";
  ASSERT_TRUE(publish(to, batch));
  const auto id = codec::to_uuid_text(codec::event_ids({{}, "p3", {1}, {7}}).event);
  EXPECT_EQ(kcat(names_.events, "%k|%h|%s"),
            std::vector<std::string>{
                "p3|ce_specversion=1.0,ce_id=" + id +
                ",ce_source=/windfall/test,ce_type=windfall.participated.v1,ce_time=2025-06-21T00:00:00.007Z,"
                "ce_subject=p3,ce_partitionkey=p3,ce_dataschema=urn:windfall:event:participated.v1,"
                "content-type=application/json|"
                R"({"type":"windfall.participated.v1","promotionId":"p3","partition":3,"epoch":1,"sequence":7,)"
                R"("time":"2025-06-21T00:00:00.007Z","revision":1,"user":"앨리스",)"
                R"("userRef":"00000000000000030000000000000007","day":"2025-06-21","dayIndex":0,"amount":500,)"
                R"("test":false})"});
}

TEST_F(ProducerTest, WarmingUpLeavesNothingThatAnybodyReads) {
  const auto warm = producer_->warm_up({names_.events, names_.inbound}, names_.warm_up, 20'000);
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_TRUE(kcat(names_.events, "%s").empty());
  EXPECT_TRUE(kcat(names_.inbound, "%s").empty());
  EXPECT_EQ(kcat(names_.warm_up, "%p").size(), static_cast<std::size_t>(kPartitions));
}

TEST_F(ProducerTest, WarmingUpATopicThatIsNotThereIsAFailure) {
  const auto warm = producer_->warm_up({"nowhere"}, names_.warm_up, 3'000);
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code, FailureCode::not_found) << warm.error().message;
}

TEST_F(ProducerTest, AMessageThatNoBrokerTakesIsInvalidAndTheNextOneGoes) {
  const std::string large(kafka::Producer::kMostMessageBytes + 1, 'x');
  const auto refused = sent(*producer_, {.topic = names_.events, .key = "k", .value = large, .headers = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, FailureCode::invalid) << refused.error().message;
  EXPECT_TRUE(sent(*producer_, {.topic = names_.events, .key = "k", .value = "small", .headers = {}}));
}

TEST_F(ProducerTest, AfterARecordThatCannotBeSentNoFurtherOneOfTheBatchIs) {
  const std::string large(kafka::Producer::kMostMessageBytes + 1, 'x');
  std::optional<Result<bool>> done;
  {
    auto batch = producer_->begin([&done](Result<bool> result) { done = std::move(result); });
    for (const std::string_view value :
         {std::string_view("first"), std::string_view(large), std::string_view("third")}) {
      batch.add({.topic = names_.events, .key = "k", .value = value, .headers = {}});
    }
  }
  ASSERT_TRUE(loop_.until([&done] { return done.has_value(); }));
  EXPECT_FALSE(done->has_value());
  EXPECT_EQ(kcat(names_.events, "%s"), std::vector<std::string>{"first"});
}

TEST_F(ProducerTest, AFullQueueIsOverloadedAndEverybodyIsToldOnce) {
  // Nobody listens at this address: nothing leaves the queue.
  auto lonely = kafka::Producer::make({.brokers = "127.0.0.1:1",
                                       .delivery_timeout_ms = 60'000,
                                       .flush_ms = 100,
                                       .post = [this](std::function<void()> call) { loop_.post(std::move(call)); }});
  ASSERT_TRUE(lonely);
  std::vector<Result<bool>> outcomes;
  for (int half = 0; half < 2; ++half) {
    auto batch = (*lonely)->begin([&outcomes](Result<bool> result) { outcomes.push_back(std::move(result)); });
    for (int i = 0; i < kafka::Producer::kMostInFlight; ++i) {
      batch.add({.topic = names_.events, .key = "k", .value = "v", .headers = {}});
    }
  }
  EXPECT_TRUE(outcomes.empty());
  // The second batch has not one message of its own, and is told at once.
  ASSERT_TRUE(loop_.until([&outcomes] { return outcomes.size() == 1; }));
  EXPECT_EQ(outcomes[0].error().code, FailureCode::overloaded) << outcomes[0].error().message;
  lonely->reset();
  ASSERT_TRUE(loop_.until([&outcomes] { return outcomes.size() == 2; }));
  EXPECT_EQ(outcomes[1].error().code, FailureCode::unavailable) << outcomes[1].error().message;
}

TEST_F(ProducerTest, WhatLibrdkafkaGivesUpForGoodIsStartedAnew) {
  const kafka::Producer::Record record{.topic = names_.events, .key = "k", .value = "v", .headers = {}};
  ASSERT_TRUE(sent(*producer_, record));
  producer_->break_for_good();
  ASSERT_TRUE(loop_.until([&] { return !sent(*producer_, record) || producer_->renewals() > 0; }));
  ASSERT_TRUE(loop_.until([&] { return sent(*producer_, record).has_value(); }));
  EXPECT_EQ(producer_->renewals(), 1U);
  EXPECT_EQ(producer_->open_batches(), 0);
}

}  // namespace
}  // namespace windfall::test
