#include "adapters/redis/store/redis_outbox.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "application/on_event/relay_outbox.hpp"
#include "domain/builders.hpp"
#include "domain/kernel/state.hpp"
#include "domain/promotion/keys.hpp"
#include "redis_store/store_test.hpp"

namespace windfall::redis {
namespace {

using test::command;

using RedisOutboxTest = RedisStoreTest;

TEST_F(RedisOutboxTest, TheOutboxHoldsEveryEventInOrderUntilItIsTrimmed) {
  create(test::promotion());
  for (std::uint64_t who = 1; who <= 5; ++who) ASSERT_EQ(word(join(who, command(who))), "joined");
  RedisOutbox outbox(*here_->client, *here_->store);
  const auto backlogs = here_->run(outbox.backlogs());
  ASSERT_TRUE(backlogs && backlogs->size() == 1);
  EXPECT_EQ(backlogs->front().promotion_id, "1");

  State folded;
  std::vector<std::string> names;
  std::optional<OutboxId> after;
  for (;;) {
    const auto entries = here_->run(outbox.read("1", after, 2));
    ASSERT_TRUE(entries) << entries.error().message;
    if (entries->empty()) break;
    for (const windfall::OutboxEntry& entry : *entries) {
      for (const Recorded& recorded : entry.events) folded.apply(recorded);
      for (const LogBatch::Named& named : entry.identities) names.push_back(named.id);
      after = entry.id;
    }
  }
  EXPECT_EQ(folded.look(keys::taken(PartitionNo{1})), 5);
  EXPECT_EQ(names, (std::vector<std::string>{"user-1", "user-2", "user-3", "user-4", "user-5"}));
  const auto trimmed = here_->run(outbox.trim("1", {.epoch = Epoch{1}, .sequence = {4}}));
  ASSERT_TRUE(trimmed) << trimmed.error().message;
  const auto rest = here_->run(outbox.read("1", std::nullopt, 100));
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->size(), 2U);
  EXPECT_EQ(rest->front().id.sequence, Sequence{5});
}

TEST_F(RedisOutboxTest, OneRelayHasALeaseOfAnOutboxUntilItIsEmptyGivenBackOrOver) {
  constexpr std::int64_t kLong = 60'000;
  create(test::promotion());
  RedisOutbox one(*here_->client, *here_->store);
  RedisOutbox other(*here_->client, *here_->store);
  const auto turn = [this](RedisOutbox& relay, std::int64_t lease_ms = kLong,
                           std::optional<OutboxId> after = std::nullopt) {
    const auto taken = here_->run(relay.take_turn("1", after, 1000, lease_ms));
    EXPECT_TRUE(taken) << taken.error().message;
    return taken.value_or(Outbox::Turn{});
  };
  const Outbox::Turn lone = turn(one);
  EXPECT_EQ(lone.entries.size(), 1U);
  EXPECT_FALSE(lone.leased) << "the definition alone";
  EXPECT_EQ(turn(other).entries.size(), 1U);

  ASSERT_EQ(word(join(1)), "joined");
  const Outbox::Turn taken = turn(one);
  EXPECT_TRUE(taken.leased);
  ASSERT_EQ(taken.entries.size(), 2U);
  EXPECT_EQ(turn(one, kLong, taken.entries.front().id).entries.size(), 1U) << "the holder goes on, behind what it has";
  const Outbox::Turn met = turn(other);
  EXPECT_TRUE(met.elsewhere);
  EXPECT_FALSE(met.leased);
  EXPECT_TRUE(met.entries.empty());
  EXPECT_EQ(here_->run(other.read("1", std::nullopt, 1000)).value().size(), 2U) << "whoever only looks sees everything";
  EXPECT_FALSE(here_->run(other.give_back("1")).value()) << "nobody gives back what is another's";
  EXPECT_TRUE(turn(other).elsewhere);

  EXPECT_TRUE(here_->run(one.give_back("1")).value());
  EXPECT_TRUE(turn(other).leased);
  EXPECT_TRUE(turn(one).elsewhere);
  ASSERT_TRUE(here_->run(other.trim("1", {.epoch = Epoch{1}, .sequence = {1}})));
  EXPECT_TRUE(turn(other).leased) << "the last entry, for whoever has the lease";
  ASSERT_TRUE(here_->run(other.trim("1", {.epoch = Epoch{1}, .sequence = {2}})));
  EXPECT_FALSE(turn(other).leased);
  EXPECT_EQ(server_.call({"EXISTS", "{1}:r"}).number, 0) << "an empty outbox is nobody's";

  for (std::uint64_t who = 2; who <= 3; ++who) ASSERT_EQ(word(join(who)), "joined");
  EXPECT_TRUE(turn(one, 150).leased);
  EXPECT_TRUE(turn(other, 150).elsewhere);
  here_->run_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(turn(other, 150).leased) << "the one was not heard of again";
}

TEST_F(RedisOutboxTest, NothingDependsOnALease) {
  create(test::promotion());
  ASSERT_EQ(word(join(1)), "joined");
  RedisOutbox relay(*here_->client, *here_->store);
  const auto entries = [&] {
    const auto turn = here_->run(relay.take_turn("1", std::nullopt, 1000, 300));
    EXPECT_TRUE(turn) << turn.error().message;
    return turn ? turn->entries.size() : 0U;
  };
  server_.call({"SET", "{1}:r", "another", "PX", "60000"});
  EXPECT_EQ(entries(), 2U) << "longer than anybody asks for: a clock went back";
  server_.call({"SET", "{1}:r", "another"});
  EXPECT_EQ(entries(), 2U);
  server_.call({"DEL", "{1}:r"});
  server_.call({"LPUSH", "{1}:r", "unreadable"});
  EXPECT_EQ(entries(), 2U);
  server_.call({"DEL", "{1}:r"});
  server_.call({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(entries(), 2U) << "what is relayed makes room";
  EXPECT_EQ(server_.call({"EXISTS", "{1}:r"}).number, 0);
  server_.call({"CONFIG", "SET", "maxmemory", "0"});
}

/// A stream that takes what it is given when it is told to.
class PatientStream final : public EventPublisher {
 public:
  Task<Result<bool>> publish(PromotionEvents batch) override {
    for (const Recorded& recorded : batch.events) given.push_back(recorded.sequence.value);
    Completion<Result<bool>> done;
    waiting = &done;
    co_return co_await done;
  }
  void acknowledge() { std::exchange(waiting, nullptr)->complete(true); }

  std::vector<std::uint64_t> given;
  Completion<Result<bool>>* waiting = nullptr;
};

TEST_F(RedisOutboxTest, EachEventIsRelayedOnceWhileBothDecideAndTheOtherTakesOverWhenOneIsGone) {
  create(test::promotion());
  RedisOutbox outbox_of_one(*here_->client, *here_->store);
  RedisOutbox outbox_of_other(*here_->client, *here_->store);
  PatientStream stream_of_one;
  PatientStream stream_of_other;
  const RelayOutbox::Hooks quiet{.trouble = [](const std::string& why) { ADD_FAILURE() << why; }};
  RelayOutbox one(outbox_of_one, stream_of_one, clock_, here_->timer, quiet);
  RelayOutbox other(outbox_of_other, stream_of_other, clock_, here_->timer, quiet);
  ASSERT_EQ(word(join(1)), "joined");
  one.poke("1");
  const auto until = [this](const auto& holds) {
    for (int look = 0; look < 1000 && !holds(); ++look) here_->run_for(std::chrono::milliseconds(2));
    return holds();
  };
  std::uint64_t last = 2;
  for (std::uint64_t who = 2; who <= 20; ++who) {
    ASSERT_TRUE(until([&] { return stream_of_one.waiting != nullptr; }));
    ASSERT_EQ(word(join(who)), "joined");
    ++last;
    other.poke("1");
    one.poke("1");
    here_->run_for(std::chrono::milliseconds(20));
    stream_of_one.acknowledge();
  }
  ASSERT_TRUE(until([&] { return stream_of_one.waiting != nullptr; }));
  EXPECT_TRUE(stream_of_other.given.empty());
  std::vector<std::uint64_t> all(last);
  std::iota(all.begin(), all.end(), 1);
  EXPECT_EQ(stream_of_one.given, all) << "in order, and nothing twice";

  // The one is heard of no more, with its last page on the way.
  ASSERT_TRUE(until([&] { return stream_of_other.waiting != nullptr; }));
  EXPECT_EQ(stream_of_other.given, std::vector<std::uint64_t>{last});
  stream_of_other.acknowledge();
  ASSERT_TRUE(until([&] { return !other.running(); }));
  EXPECT_EQ(server_.call({"XLEN", "{1}:o"}).number, 0);
  one.stop();
  stream_of_one.acknowledge();
  ASSERT_TRUE(until([&] { return !one.running(); }));
  EXPECT_EQ(server_.call({"EXISTS", "{1}:r"}).number, 0);
}

}  // namespace
}  // namespace windfall::redis
