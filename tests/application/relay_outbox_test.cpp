#include "application/on_event/relay_outbox.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "application/memory_outbox.hpp"
#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

/// A stream whose acknowledgements come when the test says so.
class HeldStream final : public EventPublisher {
 public:
  struct Sent {
    std::string promotion_id;
    std::vector<std::uint64_t> sequences;
  };
  struct Waiting {
    PromotionEvents batch;
    Completion<Result<bool>>* done;
  };

  Task<Result<bool>> publish(PromotionEvents batch) override {
    Completion<Result<bool>> done;
    waiting.push_back({.batch = std::move(batch), .done = &done});
    most_waiting = std::max(most_waiting, waiting.size());
    co_return co_await done;
  }
  /// The oldest batch arrives.
  void acknowledge() {
    const Waiting first = std::move(waiting.front());
    waiting.pop_front();
    Sent one{.promotion_id = first.batch.promotion_id, .sequences = {}};
    for (const Recorded& recorded : first.batch.events) one.sequences.push_back(recorded.sequence.value);
    sent.push_back(std::move(one));
    first.done->complete(true);
  }
  void acknowledge_all() {
    while (!waiting.empty()) acknowledge();
  }
  void refuse(FailureCode code) {
    const Waiting first = std::move(waiting.front());
    waiting.pop_front();
    first.done->complete(fail(code, "stream away"));
  }

  std::deque<Waiting> waiting;
  std::size_t most_waiting = 0;
  std::vector<Sent> sent;
};

/// Who may carry what until when, for all relays.
struct Leases {
  struct One {
    const void* holder;
    std::int64_t until_ms;
  };
  std::map<std::string, One> of;
};

/// One relay's side of an outbox that several share.
class LeasedOutbox final : public Outbox {
 public:
  LeasedOutbox(MemoryOutbox& outbox, Leases& leases, const Clock& clock)
      : outbox_(outbox), leases_(leases), clock_(clock) {}

  Task<Result<std::vector<Backlog>>> backlogs() override { return outbox_.backlogs(); }
  Task<Result<std::vector<OutboxEntry>>> read(std::string promotion_id, std::optional<OutboxId> after,
                                              std::size_t max_events) override {
    return outbox_.read(std::move(promotion_id), after, max_events);
  }
  Task<Result<Turn>> take_turn(std::string promotion_id, std::optional<OutboxId> after, std::size_t max_events,
                               std::int64_t lease_ms) override {
    ++turns;
    const std::int64_t now_ms = clock_.monotonic_ms();
    const auto lease = leases_.of.find(promotion_id);
    const bool lives = lease != leases_.of.end() && lease->second.until_ms > now_ms;
    if (lives && lease->second.holder != this) co_return Turn{.elsewhere = true};
    Turn turn;
    turn.leased = outbox_.left(promotion_id) > (lives ? 0U : 1U);
    if (turn.leased) leases_.of[promotion_id] = {.holder = this, .until_ms = now_ms + lease_ms};
    if (outbox_.left(promotion_id) == 0) leases_.of.erase(promotion_id);
    Result<std::vector<OutboxEntry>> entries = co_await outbox_.read(std::move(promotion_id), after, max_events);
    if (!entries) co_return tl::unexpected(entries.error());
    turn.entries = std::move(*entries);
    co_return turn;
  }
  Task<Result<bool>> give_back(std::string promotion_id) override {
    const auto lease = leases_.of.find(promotion_id);
    if (lease != leases_.of.end() && lease->second.holder == this) leases_.of.erase(lease);
    co_return true;
  }
  Task<Result<bool>> trim(std::string promotion_id, OutboxId up_to) override {
    return outbox_.trim(std::move(promotion_id), up_to);
  }
  int turns = 0;

 private:
  MemoryOutbox& outbox_;
  Leases& leases_;
  const Clock& clock_;
};

class RelayTest : public testing::Test {
 protected:
  ~RelayTest() override {
    relay_.stop();
    stream_.acknowledge_all();
  }

  /// Entries of one event each.
  void outbox_has(const std::string& promotion, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t sequence = from; sequence <= to; ++sequence) {
      outbox_.add(promotion, {{.partition = {1},
                               .epoch = {1},
                               .sequence = {sequence},
                               .time = time_.now(),
                               .revision = {1},
                               .command = {},
                               .event = Visited{},
                               .taken = {}}});
    }
  }
  std::vector<std::uint64_t> sent_of(const std::string& promotion) const {
    std::vector<std::uint64_t> all;
    for (const auto& one : stream_.sent) {
      if (one.promotion_id == promotion) all.insert(all.end(), one.sequences.begin(), one.sequences.end());
    }
    return all;
  }

  VirtualTime time_{Instant{1'000'000}};
  MemoryOutbox outbox_;
  HeldStream stream_;
  std::vector<std::string> troubles_;
  RelayOutbox relay_{
      outbox_, stream_, time_, time_, {.trouble = [this](const std::string& why) { troubles_.push_back(why); }}};
};

TEST_F(RelayTest, WhatIsPokedIsPublishedInOrderAndTrimmedWhenAcknowledged) {
  outbox_has("a", 1, 3);
  relay_.poke("a");
  ASSERT_EQ(stream_.waiting.size(), 1U);
  EXPECT_EQ(outbox_.left(), 3U) << "nothing is acknowledged yet";
  stream_.acknowledge();
  EXPECT_EQ(outbox_.left(), 0U);
  EXPECT_EQ(sent_of("a"), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(relay_.published(), 3U);
  EXPECT_FALSE(relay_.running());
}

TEST_F(RelayTest, OneBatchOfAPromotionAtATimeAndManyPromotionsAtOnce) {
  outbox_has("a", 1, RelayOutbox::kPage + 1);
  outbox_has("b", 1, 1);
  relay_.poke("a");
  relay_.poke("b");
  relay_.poke("a");
  EXPECT_EQ(stream_.waiting.size(), 2U);
  EXPECT_EQ(stream_.waiting[0].batch.events.size(), RelayOutbox::kPage);
  stream_.acknowledge_all();
  EXPECT_EQ(outbox_.left(), 0U);
  const std::vector<std::uint64_t> sent = sent_of("a");
  ASSERT_EQ(sent.size(), RelayOutbox::kPage + 1);
  for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(sent[i], i + 1);
}

TEST_F(RelayTest, NoMorePromotionsThanItsLimitAreCarriedAtOnceAndNoneIsForgotten) {
  for (int i = 0; i < 3 * RelayOutbox::kAtOnce; ++i) {
    outbox_has("p" + std::to_string(i), 1, 1);
    relay_.poke("p" + std::to_string(i));
  }
  stream_.acknowledge_all();
  EXPECT_EQ(stream_.most_waiting, static_cast<std::size_t>(RelayOutbox::kAtOnce));
  EXPECT_EQ(outbox_.left(), 0U);
}

TEST_F(RelayTest, WhatNobodyPokedForIsFoundBySweeping) {
  relay_.start();
  outbox_has("a", 1, 1);
  time_.advance(RelayOutbox::kSweepMs - 1);
  EXPECT_TRUE(stream_.waiting.empty());
  time_.advance(1);
  EXPECT_EQ(stream_.waiting.size(), 1U);
  EXPECT_EQ(relay_.lag().entries, 1U);
  stream_.acknowledge();
  EXPECT_EQ(relay_.lag().entries, 0U);
}

TEST_F(RelayTest, WhileTheStreamIsAwayItAsksLessAndLessOftenAndLosesNothing) {
  outbox_has("a", 1, 2);
  relay_.poke("a");
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 8; ++i) {
    stream_.refuse(FailureCode::unavailable);
    EXPECT_TRUE(relay_.pausing());
    std::int64_t pause = 0;
    for (; stream_.waiting.empty() && pause < 60'000; pause += 100) time_.advance(100);
    pauses.push_back(pause);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  EXPECT_EQ(troubles_.size(), 8U);
  EXPECT_EQ(outbox_.left(), 2U);
  EXPECT_EQ(relay_.lag().oldest_ms, 16'300) << "the age of what waits is known all the time";
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(outbox_.left(), 0U);
  EXPECT_EQ(relay_.lag().oldest_ms, 0);
}

TEST_F(RelayTest, WhatWasReadOnceIsPublishedAlthoughTheOutboxHasLostIt) {
  outbox_has("a", 1, 3);
  relay_.poke("a");
  EXPECT_FALSE(relay_.idle("a"));
  ASSERT_TRUE(value_of(outbox_.trim("a", {.epoch = {1}, .sequence = {3}})));
  stream_.refuse(FailureCode::unavailable);
  EXPECT_FALSE(relay_.idle("a")) << "it is held to be published again";
  EXPECT_FALSE(relay_.idle());
  time_.advance(RelayOutbox::kRetryMs);
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_TRUE(relay_.idle("a"));
  EXPECT_TRUE(relay_.idle());
}

TEST_F(RelayTest, NothingOfAnEpochThatIsOverIsPublishedAgain) {
  Epoch present{1};
  RelayOutbox relay(outbox_, stream_, time_, time_,
                    {.trouble = [this](const std::string& why) { troubles_.push_back(why); },
                     .over = [&](std::string, Epoch epoch) -> Task<bool> { co_return epoch < present; }});
  outbox_has("a", 1, 2);
  relay.poke("a");
  stream_.refuse(FailureCode::unavailable);
  time_.advance(RelayOutbox::kRetryMs);
  ASSERT_EQ(stream_.waiting.size(), 1U) << "it is not over yet";
  stream_.refuse(FailureCode::unavailable);
  present = Epoch{2};
  time_.advance(2 * RelayOutbox::kRetryMs);
  EXPECT_TRUE(stream_.waiting.empty());
  EXPECT_TRUE(sent_of("a").empty());
  EXPECT_TRUE(relay.idle("a"));
  ASSERT_EQ(troubles_.size(), 3U);
  EXPECT_EQ(troubles_.back().substr(0, 25), "2 events of promotion a c");
}

TEST_F(RelayTest, WhatIsAcknowledgedButNotTrimmedIsTrimmedLaterAndNotPublishedAgain) {
  outbox_has("a", 1, 2);
  outbox_.failing_trims = 1;
  relay_.poke("a");
  stream_.acknowledge();
  EXPECT_EQ(outbox_.left(), 2U);
  time_.advance(RelayOutbox::kRetryMs);
  EXPECT_EQ(outbox_.left(), 0U);
  EXPECT_EQ(sent_of("a"), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_TRUE(stream_.waiting.empty());
}

TEST_F(RelayTest, AnEventThatTheStreamWillNeverTakeDoesNotHoldUpOthers) {
  outbox_has("bad", 1, 1);
  outbox_has("good", 1, 1);
  relay_.poke("bad");
  relay_.poke("good");
  stream_.refuse(FailureCode::invalid);
  EXPECT_FALSE(relay_.pausing());
  stream_.acknowledge();
  EXPECT_EQ(sent_of("good"), std::vector<std::uint64_t>{1});
  EXPECT_EQ(outbox_.left(), 1U);
  EXPECT_EQ(troubles_, std::vector<std::string>{"stream away"});
}

TEST_F(RelayTest, TwoRelaysAtOncePublishTwiceAtMostAndLoseNothing) {
  RelayOutbox other(outbox_, stream_, time_, time_, {.trouble = [](const std::string&) {}});
  outbox_has("a", 1, 3);
  relay_.poke("a");
  other.poke("a");
  EXPECT_EQ(stream_.waiting.size(), 2U);
  stream_.acknowledge();
  outbox_has("a", 4, 5);
  relay_.poke("a");
  other.poke("a");
  stream_.acknowledge_all();
  EXPECT_EQ(outbox_.left(), 0U);
  std::vector<std::uint64_t> first_time;
  for (const std::uint64_t sequence : sent_of("a")) {
    if (first_time.empty() || sequence > first_time.back()) first_time.push_back(sequence);
  }
  EXPECT_EQ(first_time, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

/// Two relays that share leases.
class SharedOutbox : public RelayTest {
 protected:
  ~SharedOutbox() override {
    one_.stop();
    other_.stop();
    stream_.acknowledge_all();
  }
  /// Both have decided something.
  void poke_both() {
    one_.poke("a");
    other_.poke("a");
  }
  std::vector<std::uint64_t> all_to(std::uint64_t last) const {
    std::vector<std::uint64_t> all;
    for (std::uint64_t sequence = 1; sequence <= last; ++sequence) all.push_back(sequence);
    return all;
  }

  Leases leases_;
  LeasedOutbox side_of_one_{outbox_, leases_, time_};
  LeasedOutbox side_of_other_{outbox_, leases_, time_};
  RelayOutbox one_{side_of_one_, stream_, time_, time_, {.trouble = [](const std::string&) {}}};
  RelayOutbox other_{side_of_other_, stream_, time_, time_, {.trouble = [](const std::string&) {}}};
};

TEST_F(SharedOutbox, WhatOneCarriesTheOtherLeavesToItUntilTheOutboxIsEmpty) {
  outbox_has("a", 1, 3);
  poke_both();
  ASSERT_EQ(stream_.waiting.size(), 1U);
  EXPECT_TRUE(other_.idle("a")) << "it holds nothing";
  EXPECT_FALSE(other_.running());
  std::uint64_t last = 3;
  // For many times a lease, each page slower than the other looks again.
  for (int page = 0; page < 40; ++page) {
    outbox_has("a", last + 1, last + 2);
    last += 2;
    poke_both();
    time_.advance(RelayOutbox::kElsewhereMs + 10);
    ASSERT_EQ(stream_.waiting.size(), 1U);
    stream_.acknowledge();
  }
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), all_to(last)) << "in order, and nothing twice";
  EXPECT_EQ(other_.published(), 0U);
  EXPECT_EQ(outbox_.left(), 0U);
  EXPECT_TRUE(leases_.of.empty()) << "given back";
  time_.advance(RelayOutbox::kElsewhereMs);
  const int turns = side_of_other_.turns;
  time_.advance(10 * RelayOutbox::kElsewhereMs);
  EXPECT_EQ(side_of_other_.turns, turns) << "nothing is looked for without need";
}

TEST_F(SharedOutbox, WhatComesAfterTheLastLookOfTheOneIsCarriedByTheOther) {
  outbox_has("a", 1, 2);
  poke_both();
  stream_.acknowledge();
  ASSERT_EQ(outbox_.left(), 0U);
  outbox_has("a", 3, 3);
  other_.poke("a");
  time_.advance(RelayOutbox::kElsewhereMs);
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), all_to(3));
  EXPECT_EQ(other_.published(), 1U);
}

TEST_F(SharedOutbox, WhoIsNotHeardOfLosesItsLeaseAndNothingIsLost) {
  outbox_has("a", 1, 2);
  poke_both();
  ASSERT_EQ(stream_.waiting.size(), 1U);
  time_.advance(RelayOutbox::kLeaseMs + RelayOutbox::kElsewhereMs);
  ASSERT_EQ(stream_.waiting.size(), 2U) << "the other does not wait for a stream that may be the one's trouble";
  const auto stuck = stream_.waiting.front();
  stream_.waiting.pop_front();
  outbox_has("a", 3, 4);
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), all_to(4));
  EXPECT_EQ(outbox_.left(), 0U);
  // It wakes up: what it holds goes out once more, and nothing else.
  stream_.waiting.push_front(stuck);
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a").size(), 6U);
  EXPECT_TRUE(one_.idle());
}

TEST_F(SharedOutbox, ALoneEntryIsCarriedWithoutALease) {
  outbox_has("a", 1, 1);
  one_.poke("a");
  EXPECT_TRUE(leases_.of.empty());
  stream_.acknowledge();
  EXPECT_EQ(outbox_.left(), 0U);
}

TEST_F(SharedOutbox, WhoStopsGivesItsLeaseBackAndTheOtherGoesOn) {
  outbox_has("a", 1, RelayOutbox::kPage + 2);
  poke_both();
  one_.stop();
  stream_.acknowledge();
  EXPECT_FALSE(one_.running());
  EXPECT_TRUE(leases_.of.empty());
  EXPECT_EQ(outbox_.left(), 2U);
  time_.advance(RelayOutbox::kElsewhereMs);
  stream_.acknowledge_all();
  EXPECT_EQ(sent_of("a"), all_to(RelayOutbox::kPage + 2));
  EXPECT_EQ(outbox_.left(), 0U);
}

TEST_F(SharedOutbox, LeasesThatAreLostCostNothingButWork) {
  std::uint64_t last = 0;
  for (int page = 0; page < 20; ++page) {
    outbox_has("a", last + 1, last + 3);
    last += 3;
    leases_.of.clear();
    poke_both();
    time_.advance(RelayOutbox::kElsewhereMs);
    stream_.acknowledge_all();
  }
  std::vector<std::uint64_t> first_time;
  for (const std::uint64_t sequence : sent_of("a")) {
    if (first_time.empty() || sequence > first_time.back()) first_time.push_back(sequence);
  }
  EXPECT_EQ(first_time, all_to(last));
  EXPECT_EQ(outbox_.left(), 0U);
}

TEST_F(SharedOutbox, WhatIsHeldIsPublishedAgainWhoeverHasTheLease) {
  outbox_has("a", 1, 2);
  one_.poke("a");
  stream_.refuse(FailureCode::unavailable);
  EXPECT_FALSE(one_.idle("a"));
  leases_.of["a"] = {.holder = this, .until_ms = time_.monotonic_ms() + 10'000};
  time_.advance(RelayOutbox::kRetryMs);
  ASSERT_EQ(stream_.waiting.size(), 1U) << "the stream may have half of it already";
  stream_.acknowledge();
  EXPECT_EQ(outbox_.left(), 0U);
  EXPECT_TRUE(one_.idle("a"));
}

TEST_F(RelayTest, AfterStopNothingIsBegun) {
  outbox_has("a", 1, RelayOutbox::kPage + 1);
  relay_.poke("a");
  relay_.stop();
  stream_.acknowledge();
  EXPECT_TRUE(stream_.waiting.empty());
  EXPECT_EQ(outbox_.left(), 1U);
  EXPECT_FALSE(relay_.running());
}

}  // namespace
}  // namespace windfall::test
