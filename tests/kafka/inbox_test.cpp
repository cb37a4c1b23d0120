#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "adapters/codec/cloud_events.hpp"
#include "adapters/kafka/kafka_inbox.hpp"
#include "kafka/rig.hpp"

namespace windfall::test {
namespace {

UserRef ref_of(std::string_view user_id) { return {.hi = std::hash<std::string_view>{}(user_id), .lo = 1}; }

class InboxTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    if (IsSkipped() || HasFailure()) return;
    consumer_ = member();
    inbox_ = inbox(*producer_, consumer_.get());
  }
  std::unique_ptr<kafka::Consumer> member() {
    auto options = consuming(names_.inbound);
    options.drain_ms = 100;  // several tests judge nothing
    auto made = kafka::Consumer::make(options);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  void TearDown() override {
    inbox_.reset();
    if (consumer_) consumer_->stop();
    KafkaTest::TearDown();
    consumer_.reset();
  }
  std::unique_ptr<kafka::KafkaInbox> inbox(kafka::Producer& with, kafka::Consumer* from) {
    return std::make_unique<kafka::KafkaInbox>(
        kafka::KafkaInbox::Options{.topic = names_.inbound,
                                   .dead_letters = names_.inbound_dlt,
                                   .ref_of = ref_of,
                                   .keep_answer = nullptr,
                                   .trouble = [this](const std::string& why) { trouble(why); }},
        with, from, loop_);
  }
  static InboundEvent event(std::uint8_t number, Inbound::Type type = Inbound::Type::page_visited) {
    InboundEvent one{
        .id = {number, 1, 2}, .type = type, .user_id = "user-" + std::to_string(number % 3), .about = "p1"};
    one.user = ref_of(one.user_id);
    return one;
  }
  Result<std::size_t> taken(kafka::KafkaInbox& into, std::vector<InboundEvent> events) {
    std::optional<Result<std::size_t>> done;
    detach([](kafka::KafkaInbox* to, std::vector<InboundEvent> all,
              std::optional<Result<std::size_t>>* result) -> Task<void> {
      Result<std::size_t> count = co_await to->take(std::move(all), std::nullopt, AnswerKept{});
      *result = std::move(count);
    }(&into, std::move(events), &done));
    EXPECT_TRUE(loop_.until([&done] { return done.has_value(); }));
    return done.value_or(fail(FailureCode::damaged, "nobody was told"));
  }
  std::vector<InboundEvent> next(std::size_t count) {
    std::vector<InboundEvent> events;
    EXPECT_TRUE(loop_.until([&] {
      while (auto one = inbox_->next()) events.push_back(std::move(*one));
      return events.size() >= count;
    })) << events.size();
    return events;
  }
  void raw(std::string_view key, std::string_view value, const std::vector<kafka::Producer::Header>& headers) {
    std::optional<Result<bool>> done;
    {
      producer_->begin([&done](Result<bool> result) { done = std::move(result); })
          .add({.topic = names_.inbound, .key = key, .value = value, .headers = headers});
    }
    ASSERT_TRUE(loop_.until([&done] { return done.has_value(); }));
    ASSERT_TRUE(*done);
  }

  std::unique_ptr<kafka::Consumer> consumer_;
  std::unique_ptr<kafka::KafkaInbox> inbox_;
};

TEST_F(InboxTest, WhatWasTakenComesOutAsItWasInOrderPerUser) {
  std::vector<InboundEvent> events;
  for (std::uint8_t i = 1; i <= 30; ++i) events.push_back(event(i, static_cast<Inbound::Type>(i % 3)));
  ASSERT_EQ(taken(*inbox_, events), std::size_t{30});
  std::map<std::string, std::vector<std::uint8_t>> order;
  for (const InboundEvent& one : next(30)) {
    const InboundEvent& sent = events.at(one.id[0] - 1U);
    EXPECT_EQ(one.id, sent.id);
    EXPECT_EQ(one.type, sent.type);
    EXPECT_EQ(one.user, sent.user);
    EXPECT_EQ(one.user_id, sent.user_id);
    EXPECT_EQ(one.about, sent.about);
    order[one.user_id].push_back(one.id[0]);
    inbox_->settled(one);
  }
  for (const auto& [user, ids] : order) EXPECT_TRUE(std::ranges::is_sorted(ids)) << user;
  EXPECT_EQ(inbox_->waiting(), 0U);
}

TEST_F(InboxTest, WhatIsDeliveredTwiceIsJudgedOnce) {
  ASSERT_TRUE(taken(*inbox_, {event(1), event(2), event(1)}));
  ASSERT_TRUE(taken(*inbox_, {event(2), event(3)}));
  EXPECT_EQ(next(3).size(), 3U);
  ASSERT_TRUE(loop_.until([this] { return !inbox_->next() && inbox_->duplicates() == 2; }));
}

TEST_F(InboxTest, WhatWasPutBackComesFirstAndWhatWasNotSettledComesAgainToTheNextProcess) {
  ASSERT_TRUE(taken(*inbox_, {event(1), event(2), event(4)}));  // 1 and 4 of one user
  std::vector<InboundEvent> events = next(3);
  const InboundEvent first = events[0];
  inbox_->put_back(events[1]);
  inbox_->put_back(events[0]);
  EXPECT_EQ(inbox_->next()->id, first.id);
  EXPECT_EQ(inbox_->next()->id, events[1].id);
  EXPECT_FALSE(inbox_->next());
  for (const InboundEvent& one : events) {
    if (one.id[0] != 2) inbox_->settled(one);
  }
  // The process ends. What stood before the open one in its partition is over; what stood behind it may come again.
  inbox_.reset();
  consumer_.reset();
  consumer_ = member();
  inbox_ = inbox(*producer_, consumer_.get());
  std::vector<std::uint8_t> again;
  for (const InboundEvent& one : next(1)) {
    again.push_back(one.id[0]);
    inbox_->settled(one);
  }
  EXPECT_NE(std::ranges::find(again, 2), again.end());
  EXPECT_EQ(std::ranges::find(again, 1), again.end());
}

TEST_F(InboxTest, WhatIsHeldKeepsNobodyFromEndingAndComesAgainToTheNextProcessUnlessItIsSettled) {
  ASSERT_TRUE(taken(*inbox_, {event(1), event(2), event(4)}));
  for (const InboundEvent& one : next(3)) {
    inbox_->held(one);
    if (one.id[0] == 1) inbox_->settled(one);
  }
  const auto begun = std::chrono::steady_clock::now();
  inbox_.reset();
  consumer_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(kafka::Consumer::kDrainMs));
  consumer_ = member();
  inbox_ = inbox(*producer_, consumer_.get());
  std::vector<std::uint8_t> again;
  for (const InboundEvent& one : next(2)) again.push_back(one.id[0]);
  std::ranges::sort(again);
  EXPECT_EQ(again, (std::vector<std::uint8_t>{2, 4}));
}

TEST_F(InboxTest, WhatComesBackAfterARebalanceWhileItIsJudgedIsNotOverBeforeItIsSettled) {
  std::vector<InboundEvent> sent;
  for (std::uint8_t i = 1; i <= 12; ++i) {  // of twelve users: in every partition
    sent.push_back(event(i));
    sent.back().user_id = "user-" + std::to_string(i);
    sent.back().user = ref_of(sent.back().user_id);
  }
  ASSERT_TRUE(taken(*inbox_, sent));
  ASSERT_EQ(next(12).size(), 12U);
  // Another process comes, is given some of the partitions, and goes without having judged anything.
  {
    const auto other = member();
    ASSERT_TRUE(loop_.until([&other] { return other->partitions() > 0; }));
    other->stop();
  }
  ASSERT_TRUE(
      loop_.until([this] { return !inbox_->next() && inbox_->duplicates() > 0 && consumer_->partitions() == 4; }));
  // This one ends, too, before it has settled anything: the next one has to be given all of it.
  inbox_.reset();
  consumer_->stop();
  consumer_ = member();
  inbox_ = inbox(*producer_, consumer_.get());
  std::vector<std::uint8_t> again;
  for (const InboundEvent& one : next(12)) again.push_back(one.id[0]);
  EXPECT_EQ(again.size(), 12U);
}

TEST_F(InboxTest, FrontEndsMayWriteIntoTheTopicThemselves) {
  raw("alice", R"({"promotionId":"p1","userId":"alice"})",
      {{.name = "ce_specversion", .value = "1.0"},
       {.name = "ce_id", .value = "1"},
       {.name = "ce_source", .value = "/web"},
       {.name = "ce_type", .value = "promotion.page.visited"},
       {.name = "ce_time", .value = "2025-06-21T00:00:00Z"},
       {.name = "ce_traceid", .value = "x"},
       {.name = "traceparent", .value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
       {.name = "content-type", .value = "application/json; charset=utf-8"}});
  raw("bob",
      R"({"specversion":"1.0","id":"2","source":"/web","type":"promotion.invite.opened",)"
      R"("data":{"token":"abc","userId":"bob"}})",
      {{.name = "content-type", .value = "application/cloudevents+json; charset=UTF-8"}});
  std::map<std::string, InboundEvent> by_user;
  for (InboundEvent& one : next(2)) by_user[one.user_id] = one;
  ASSERT_EQ(by_user.size(), 2U);
  EXPECT_EQ(by_user["alice"].type, Inbound::Type::page_visited);
  EXPECT_EQ(by_user["alice"].about, "p1");
  EXPECT_EQ(by_user["alice"].id, codec::inbound_id({}, "/web", "1"));
  EXPECT_EQ(by_user["bob"].type, Inbound::Type::invite_opened);
  EXPECT_EQ(by_user["bob"].about, "abc");
}

TEST_F(InboxTest, PoisonGoesToTheDeadLettersAndWhatStandsBehindItIsJudged) {
  raw("user-1", "no JSON", {{.name = "ce_id", .value = "1"}});
  raw("user-1", R"({"promotionId":"p1","userId":"user-1"})", {});
  ASSERT_TRUE(taken(*inbox_, {event(1)}));
  const std::vector<InboundEvent> events = next(1);
  EXPECT_EQ(events[0].id[0], 1);
  inbox_->settled(events[0]);
  ASSERT_TRUE(loop_.until([this] { return inbox_->dead_lettered() == 2; }));
  ASSERT_EQ(troubles().size(), 2U);
  EXPECT_NE(troubles()[1].find("/specversion is required"), std::string::npos) << troubles()[1];
}

TEST_F(InboxTest, WithoutKafkaNothingIsTaken) {
  auto lonely = kafka::Producer::make({.brokers = "127.0.0.1:1",
                                       .delivery_timeout_ms = 500,
                                       .post = [this](std::function<void()> call) { loop_.post(std::move(call)); }});
  ASSERT_TRUE(lonely);
  const auto only_taking = inbox(**lonely, nullptr);
  const Result<std::size_t> count = taken(*only_taking, {event(1)});
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, FailureCode::unavailable) << count.error().message;
  EXPECT_FALSE(only_taking->next());
}

}  // namespace
}  // namespace windfall::test
