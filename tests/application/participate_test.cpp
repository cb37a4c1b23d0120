#include "application/on_request/participate.hpp"

#include <gtest/gtest.h>

#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {
namespace {

class ParticipateTest : public testing::Test {
 protected:
  ParticipateTest() : partition_(store_.add(promotion())) {}

  Result<JoinOutcome> join(std::uint64_t who, std::optional<Command> by = {}, const char* id = "1") {
    return value_of(
        participate_({.promotion_id = id, .user_id = "somebody", .user = user(who), .segments = {}, .command = by}));
  }
  /// The outcome of a join that is accepted.
  Joined joined(std::uint64_t who, std::optional<Command> by = {}) {
    const Result<JoinOutcome> outcome = join(who, by);
    EXPECT_TRUE(outcome && std::holds_alternative<Joined>(*outcome));
    return outcome ? std::get<Joined>(*outcome) : Joined{};
  }
  /// The code of a refusal, "" for anything else.
  static std::string code(const Result<JoinOutcome>& outcome) {
    const auto* refused = outcome ? std::get_if<JoinRefused>(&*outcome) : nullptr;
    return refused == nullptr ? "" : code_of(refused->refusal);
  }
  template <class T>
  static bool is(const Result<JoinOutcome>& outcome) {
    return outcome && std::holds_alternative<T>(*outcome);
  }
  [[nodiscard]] std::int64_t taken() const { return store_.peek(keys::taken(partition_)); }

  /// Somebody changes the reward before each of the next `times` commits.
  void interrupt(int times) {
    store_.before_commit = [this, times, done = 0]() mutable {
      if (done++ >= times) return;
      Promotion next = store_.find("1")->promotion;
      next.reward_amount += 1;
      store_.redefine(partition_, next);
    };
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  PartitionNo partition_;
  Participate participate_{store_};
};

TEST_F(ParticipateTest, AJoinTakesOneOfTheStockAndTellsWhatItGave) {
  const Joined first = joined(1);
  EXPECT_EQ(first.day, kFirst);
  EXPECT_EQ(first.amount, 500);
  EXPECT_EQ(first.at, kNoon);
  EXPECT_EQ(first.sequence, Sequence{2}) << "after the definition";
  EXPECT_FALSE(first.replayed);
  EXPECT_EQ(first.definition->promotion.id, "1");
  EXPECT_EQ(joined(2).sequence, Sequence{3});
  EXPECT_EQ(taken(), 2);
}

TEST_F(ParticipateTest, ADraftIsAsUnknownAsWhatDoesNotExist) {
  Promotion draft = promotion();
  draft.id = "draft";
  draft.lifecycle = Lifecycle::draft;
  store_.add(draft);
  EXPECT_TRUE(is<UnknownPromotion>(join(1, {}, "draft")));
  EXPECT_TRUE(is<UnknownPromotion>(join(1, {}, "nowhere")));
  EXPECT_TRUE(is<UnknownPromotion>(join(1, command(1), "draft")));
}

TEST_F(ParticipateTest, ARefusalTakesNothing) {
  joined(1);
  EXPECT_EQ(code(join(1)), "ALREADY_PARTICIPATED");
  time_.set(later(kNoon, -kDay));
  Promotion tomorrow = promotion();
  tomorrow.id = "tomorrow";
  tomorrow.start = LocalDay{kFirst.days + 1};
  store_.add(tomorrow);
  EXPECT_EQ(code(join(1, {}, "tomorrow")), "OUTSIDE_PERIOD");
  EXPECT_EQ(taken(), 1);
}

TEST_F(ParticipateTest, AChangeInBetweenIsJudgedAnew) {
  interrupt(1);
  EXPECT_EQ(joined(1).amount, 501);
  EXPECT_EQ(store_.commits, 2);
  EXPECT_EQ(taken(), 1);
}

TEST_F(ParticipateTest, APauseInBetweenRefuses) {
  store_.before_commit = [this] {
    Promotion paused = promotion();
    paused.lifecycle = Lifecycle::paused;
    store_.redefine(partition_, paused);
  };
  EXPECT_EQ(code(join(1)), "PROMOTION_PAUSED");
  EXPECT_EQ(taken(), 0);
}

TEST_F(ParticipateTest, MidnightInBetweenCountsForTheNewDay) {
  time_.set(later(kNoon, (12 * kHour) - 1));
  store_.before_commit = [this] { time_.set(later(kNoon, 12 * kHour)); };
  EXPECT_EQ(joined(1).day, LocalDay{kFirst.days + 1});
  EXPECT_EQ(store_.commits, 2);
}

TEST_F(ParticipateTest, TwoChangesInBetweenAreBorneAndAThirdIsUnavailable) {
  interrupt(2);
  EXPECT_EQ(joined(1).amount, 502);
  interrupt(3);
  const Result<JoinOutcome> outcome = join(2);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, FailureCode::unavailable);
  EXPECT_EQ(taken(), 1);
}

TEST_F(ParticipateTest, TheSameCommandIsAnsweredTheSameWhateverHasHappenedSince) {
  const Joined first = joined(1, command(7));
  joined(2);
  Promotion ended = promotion();
  ended.reward_amount = 9;
  ended.lifecycle = Lifecycle::ended;
  store_.redefine(partition_, ended);
  time_.advance(kHour);
  const Joined again = joined(1, command(7));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.epoch, first.epoch);
  EXPECT_EQ(again.at, first.at);
  EXPECT_EQ(again.day, first.day);
  EXPECT_EQ(again.amount, 500);
  EXPECT_EQ(taken(), 2);
}

TEST_F(ParticipateTest, ACommandAcceptedInBetweenIsARepetition) {
  // The other request of the same client is decided after this one has looked for it.
  store_.before_commit = [this] {
    store_.before_commit = {};
    joined(1, command(7));
  };
  const Joined second = joined(1, command(7));
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.sequence, Sequence{2});
  EXPECT_EQ(taken(), 1);
}

TEST_F(ParticipateTest, AKeyWithAnotherBodyIsReused) {
  joined(1, command(7));
  Command other = command(7);
  other.fingerprint += 1;
  EXPECT_TRUE(is<KeyReused>(join(1, other)));

  store_.before_commit = [this] {
    store_.before_commit = {};
    joined(2, command(8));
  };
  Command late = command(8);
  late.fingerprint += 1;
  EXPECT_TRUE(is<KeyReused>(join(2, late))) << "in the store as well as before it";
  EXPECT_EQ(taken(), 2);
}

TEST_F(ParticipateTest, ARefusedCommandIsJudgedAnew) {
  Promotion paused = promotion();
  paused.lifecycle = Lifecycle::paused;
  store_.redefine(partition_, paused);
  EXPECT_EQ(code(join(1, command(7))), "PROMOTION_PAUSED");
  store_.redefine(partition_, promotion());
  EXPECT_FALSE(joined(1, command(7)).replayed);
}

TEST_F(ParticipateTest, NothingIsAnsweredThatIsNotStored) {
  store_.broken = Failure{FailureCode::disk_full, "no room"};
  const Result<JoinOutcome> decided = join(1);
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().code, FailureCode::disk_full);
  time_.set(later(kNoon, 20 * kDay));
  EXPECT_FALSE(join(2)) << "a refusal by the calendar waits as well: the calendar is part of the definition";
  store_.broken.reset();
  EXPECT_EQ(code(join(2)), "OUTSIDE_PERIOD");
}

TEST_F(ParticipateTest, LeadingLooksAtTheOtherPromotions) {
  Promotion led = promotion();
  led.id = "led";
  led.join_types = {Leading{.promotions = {"1", "not-yet"}, .match = Leading::Match::any}};
  store_.add(led);
  EXPECT_EQ(code(join(1, {}, "led")), "CONDITION_NOT_MET");
  joined(1);
  EXPECT_TRUE(is<Joined>(join(1, {}, "led")));
  EXPECT_EQ(code(join(2, {}, "led")), "CONDITION_NOT_MET") << "another user has not";
}

TEST_F(ParticipateTest, FirstTimeLooksAtEveryPromotion) {
  Promotion newcomers = promotion();
  newcomers.id = "newcomers";
  newcomers.join_types = {FirstTime{}};
  store_.add(newcomers);
  joined(1);
  EXPECT_EQ(code(join(1, {}, "newcomers")), "CONDITION_NOT_MET");
  EXPECT_TRUE(is<Joined>(join(2, {}, "newcomers")));
}

}  // namespace
}  // namespace windfall::test
