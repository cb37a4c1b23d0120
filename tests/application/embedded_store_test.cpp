// Group commit: what is released when, and what is taken back.
#include <array>

#include "application/embedded_fixture.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

class EmbeddedStoreTest : public EmbeddedFixture {};

TEST_F(EmbeddedStoreTest, NothingIsReleasedBeforeItIsDurable) {
  const Answer created = create();
  const Answer first = join(1);
  const Answer second = join(2);
  EXPECT_EQ(turn_ends_asked_, 1) << "once per turn";
  EXPECT_TRUE(waits(created) && waits(first) && waits(second));
  end_turn();
  ASSERT_EQ(batches_.size(), 1U) << "a turn is one batch";
  EXPECT_TRUE(waits(created) && waits(first) && waits(second));
  EXPECT_EQ(store_.acknowledged_position(), 0U);
  sync(1);
  EXPECT_TRUE(accepted(created) && accepted(first) && accepted(second));
  EXPECT_EQ(store_.acknowledged_position(), 1U);
}

TEST_F(EmbeddedStoreTest, ATurnThatDecidedNothingIsNotSubmitted) {
  end_turn();
  EXPECT_TRUE(batches_.empty());
  EXPECT_EQ(turn_ends_asked_, 0);
}

TEST_F(EmbeddedStoreTest, EachBatchReleasesItsOwn) {
  const Answer created = create();
  end_turn();
  const Answer first = join(1);
  end_turn();
  const Answer second = join(2);
  sync(1);
  EXPECT_TRUE(accepted(created));
  EXPECT_TRUE(waits(first) && waits(second));
  sync(2);
  EXPECT_TRUE(accepted(first));
  EXPECT_TRUE(waits(second)) << "its turn has not even ended";
  end_turn_and_sync();
  EXPECT_TRUE(accepted(second));
}

TEST_F(EmbeddedStoreTest, ARefusalWaitsForWhatItSaw) {
  create();
  end_turn_and_sync();
  const Answer last_one = join(1, 1);
  const Answer same_turn = join(2, 1);
  end_turn();
  const Answer next_turn = join(3, 1);
  EXPECT_TRUE(waits(same_turn) && waits(next_turn)) << "sold out is true only if the last one was sold";
  sync(2);
  EXPECT_TRUE(accepted(last_one));
  EXPECT_TRUE(refused(same_turn) && refused(next_turn));
  EXPECT_TRUE(refused(join(4, 1))) << "with nothing on its way nobody waits";
  EXPECT_EQ(turn_ends_asked_, 2) << "a refusal writes nothing";
}

TEST_F(EmbeddedStoreTest, ReadsForAnswersWaitAndReadsForProposalsDoNot) {
  create();
  end_turn_and_sync();
  join(1);
  const auto decided = start(store_.read({keys::taken(kFirstPartition)}, Freshness::decided));
  const auto durable = start(store_.read({keys::taken(kFirstPartition)}, Freshness::durable));
  const auto all = start(store_.durable());
  ASSERT_TRUE(*decided);
  EXPECT_EQ(***decided, std::vector<std::int64_t>{1});
  EXPECT_FALSE(*durable);
  EXPECT_FALSE(*all);
  end_turn_and_sync();
  ASSERT_TRUE(*durable && *all);
  EXPECT_EQ(***durable, std::vector<std::int64_t>{1});
  EXPECT_TRUE(**all);
}

TEST_F(EmbeddedStoreTest, WhatIsDecidedIsAtHandAtOnce) {
  create();
  end_turn_and_sync();
  join(1);
  const std::array<Look, 2> looks{keys::taken(kFirstPartition), SizeOf{.set = days_of(user(1))}};
  std::array<std::int64_t, 2> values{};
  ASSERT_TRUE(store_.read_now(looks, values));
  EXPECT_EQ(values, (std::array<std::int64_t, 2>{1, 1}));
}

TEST_F(EmbeddedStoreTest, ARepetitionWaitsForWhatItRepeats) {
  create();
  end_turn_and_sync();
  Proposal first = proposal(participated(user(1)));
  first.command = command(1);
  Proposal again = first;
  const Answer one = start(store_.commit(std::move(first), {.user = user(1), .id = "a"}));
  const Answer two = start(store_.commit(std::move(again), {.user = user(1), .id = "a"}));
  const auto record = start(store_.accepted(kFirstPartition, command(1).hash));
  const auto none = start(store_.accepted(kFirstPartition, command(2).hash));
  EXPECT_TRUE(waits(one) && waits(two));
  EXPECT_FALSE(*record);
  EXPECT_TRUE(*none) << "that there is none needs no waiting: the proposal that follows does";
  end_turn_and_sync();
  EXPECT_TRUE(accepted(one));
  ASSERT_TRUE(*two && **two);
  ASSERT_TRUE(std::holds_alternative<Repeated>(***two));
  EXPECT_EQ(std::get<Repeated>(***two).record.sequence, Sequence{2});
  ASSERT_TRUE(*record && **record && ***record);
  EXPECT_EQ((***record)->sequence, Sequence{2});
}

/// Says what it will ask for, and notes when it may go on; `again` times more after that.
Task<bool> go_on(PromotionStore& store, std::uint64_t who, std::vector<std::uint64_t>& order, int again = 0) {
  const std::array counters{keys::tickets(kFirstPartition, user(who))};
  for (int i = 0; i <= again; ++i) {
    co_await store.expect({kFirstPartition, user(who), command(who), counters});
    order.push_back(who);
  }
  co_return true;
}

TEST_F(EmbeddedStoreTest, WhoComesTogetherGoesOnTogetherInTheSameOrder) {
  create();
  for (std::uint64_t who = 1; who < 100; ++who) join(who);  // so that there is something to fetch
  end_turn_and_sync();
  requests_come_together_ = true;
  std::vector<std::uint64_t> order;
  const auto first = start(go_on(store_, 1, order));
  const auto second = start(go_on(store_, 200, order));
  const auto third = start(go_on(store_, 2, order));
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(fetches_asked_, 1) << "once for all";
  store_.fetch_expected();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 200, 2}));
  EXPECT_TRUE(*first && *second && *third);
  store_.fetch_expected();
  EXPECT_EQ(order.size(), 3U) << "and once each";
  EXPECT_EQ(batches_.size(), 1U) << "nothing was decided by it";
}

TEST_F(EmbeddedStoreTest, WhomTheLogIsSaidToNameIsNotNamedAgain) {
  create();
  start(store_.commit(proposal(participated(user(1))), {.user = user(1), .id = "a"}));
  start(store_.commit(proposal(participated(user(2))), {.user = user(2), .id = "b", .named = true}));
  end_turn_and_sync();
  ASSERT_EQ(batches_.size(), 1U);
  ASSERT_EQ(batches_[0].identities.size(), 1U);
  EXPECT_EQ(batches_[0].identities[0].id, "a");
}

TEST_F(EmbeddedStoreTest, WhoExpectsMoreLaterIsFetchedForLater) {
  create();
  end_turn_and_sync();
  requests_come_together_ = true;
  std::vector<std::uint64_t> order;
  const auto twice = start(go_on(store_, 1, order, 1));
  const auto once = start(go_on(store_, 2, order));
  store_.fetch_expected();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_FALSE(*twice);
  EXPECT_EQ(fetches_asked_, 2) << "what comes while others go on is asked for anew";
  store_.fetch_expected();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 1}));
  EXPECT_TRUE(*twice);
}

TEST_F(EmbeddedStoreTest, WhoComesAloneWaitsForNobody) {
  create();
  std::vector<std::uint64_t> order;
  const auto alone = start(go_on(store_, 1, order, 3));
  EXPECT_TRUE(*alone);
  EXPECT_EQ(order.size(), 4U);
  store_.expect_now({PartitionNo{99}, user(1), std::nullopt});  // a promotion that was taken back
}

TEST_F(EmbeddedStoreTest, AFailureTakesEverythingBackAndFailsEveryAnswer) {
  create();
  end_turn_and_sync();
  const std::uint64_t before = store_.state().digest();

  const Answer in_flight = join(1, 1);
  const Answer saw_it = join(2, 1);
  const Answer new_promotion = create(PartitionNo{2}, "2");
  end_turn();
  Promotion changed = promotion();
  changed.title = "changed";
  Proposal change = creating(kFirstPartition, "1", changed);
  change.revision = Revision{1};
  const Answer redefined = start(store_.commit(std::move(change), Identity{}));
  const Answer kept = keep(command(9), "body");
  EXPECT_TRUE(store_.find("2"));
  EXPECT_EQ(store_.find("1")->promotion.title, "changed");
  EXPECT_TRUE(store_.kept_answer(command(9).hash));
  const std::uint64_t decisions = store_.decisions();

  lose(2);
  for (const Answer& answer : {in_flight, saw_it, new_promotion, redefined, kept}) EXPECT_TRUE(failed(answer));
  EXPECT_EQ(store_.state().digest(), before);
  EXPECT_EQ(taken(), 0);
  EXPECT_FALSE(store_.find("2"));
  EXPECT_EQ(store_.find("1")->promotion.title, promotion().title);
  EXPECT_EQ(store_.find("1")->revision, Revision{1});
  EXPECT_FALSE(store_.kept_answer(command(9).hash));
  EXPECT_NE(store_.decisions(), decisions) << "who has cached a read must look again";

  end_turn();
  EXPECT_EQ(batches_.size(), 2U) << "the turn that stood on it is not written";
}

TEST_F(EmbeddedStoreTest, AfterAFailureTheNextDecisionsStandOnWhatIsStored) {
  create();
  end_turn_and_sync();
  join(1, 1);
  end_turn();
  lose(2);
  const Answer other = join(2, 1);
  end_turn();
  sync(batches_.size());
  EXPECT_TRUE(accepted(other)) << "the unit was not sold";
  EXPECT_EQ(taken(), 1);
}

TEST_F(EmbeddedStoreTest, AFailureLeavesTheBatchesBeforeItAlone) {
  create();
  end_turn();
  const Answer first = join(1);
  end_turn();
  const std::uint64_t before = store_.state().digest();
  const Answer second = join(2);
  end_turn();
  lose(3);
  EXPECT_TRUE(waits(first));
  EXPECT_TRUE(failed(second));
  EXPECT_EQ(store_.state().digest(), before);
  sync(2);
  EXPECT_TRUE(accepted(first));
}

TEST_F(EmbeddedStoreTest, ReadsThatSawWhatWasLostFail) {
  create();
  end_turn_and_sync();
  join(1);
  end_turn();
  const auto read = start(store_.read({keys::taken(kFirstPartition)}, Freshness::durable));
  const auto durable = start(store_.durable());
  lose(2);
  EXPECT_FALSE(read->value());
  EXPECT_FALSE(durable->value());
}

TEST_F(EmbeddedStoreTest, WhatAFailedAnswerDecidesNextIsANewTurn) {
  create();
  end_turn_and_sync();
  // A use case that tries again at once, from within the failure.
  const auto again = [](embedded::EmbeddedStore& store) -> Task<bool> {
    Proposal p = proposal(participated(user(1)));
    Proposal retry = p;
    const Result<Verdict> first = co_await store.commit(std::move(p), Identity{});
    if (first) co_return false;
    const Result<Verdict> second = co_await store.commit(std::move(retry), Identity{});
    co_return second.has_value();
  };
  const auto outcome = start(again(store_));
  end_turn();
  lose(2);
  EXPECT_FALSE(*outcome);
  EXPECT_EQ(turn_ends_asked_, 3);
  end_turn_and_sync();
  EXPECT_TRUE(outcome->value());
  EXPECT_EQ(taken(), 1);
}

TEST_F(EmbeddedStoreTest, AJournalThatIsFullFailsOnlyThatTurn) {
  create();
  end_turn();
  const std::uint64_t before = store_.state().digest();
  journal_refuses_ = Failure{FailureCode::overloaded, "too much on its way"};
  const Answer shed = join(1);
  end_turn();
  EXPECT_TRUE(failed(shed, FailureCode::overloaded));
  EXPECT_EQ(store_.state().digest(), before);

  journal_refuses_.reset();
  const Answer next = join(1);
  end_turn();
  sync(2);
  EXPECT_TRUE(accepted(next)) << "as if the first try had never been";
  EXPECT_EQ(taken(), 1);
}

TEST_F(EmbeddedStoreTest, AJournalThatIsFullLeavesEarlierAnswersWaiting) {
  const Answer created = create();
  end_turn();
  journal_refuses_ = Failure{FailureCode::overloaded, "too much on its way"};
  join(1);
  end_turn();
  EXPECT_TRUE(waits(created));
  sync(1);
  EXPECT_TRUE(accepted(created));
}

TEST_F(EmbeddedStoreTest, AnAnswerIsKeptInTheStepThatDecides) {
  const Answer answered = keep(command(1), "made");
  ASSERT_TRUE(store_.kept_answer(command(1).hash));
  end_turn();
  EXPECT_EQ(batches_.size(), 1U);
  EXPECT_EQ(store_.sequence(kSystemPartition), Sequence{2}) << "the fact and the answer";
  sync(1);
  EXPECT_TRUE(accepted(answered));
  EXPECT_EQ(store_.kept_answer(command(1).hash)->answer.body, "made");
  EXPECT_EQ(store_.kept_answer(command(1).hash)->fingerprint, command(1).fingerprint);
  EXPECT_FALSE(store_.kept_answer(command(2).hash));
}

TEST_F(EmbeddedStoreTest, AnAnswerIsKeptForADay) {
  keep(command(1), "made");
  end_turn_and_sync();
  time_.set(later(kNoon, State::kCommandLifeMs - 1));
  EXPECT_TRUE(store_.kept_answer(command(1).hash));
  time_.set(later(kNoon, State::kCommandLifeMs));
  EXPECT_FALSE(store_.kept_answer(command(1).hash));
  keep(command(1), "made again");
  end_turn_and_sync();
  EXPECT_EQ(store_.kept_answer(command(1).hash)->answer.body, "made again");
}

TEST_F(EmbeddedStoreTest, TimeNeverRunsBackwardsWithinAPromotion) {
  create();
  time_.set(later(kNoon, -kDay));
  EXPECT_EQ(store_.now(kFirstPartition), kNoon);
  join(1);
  EXPECT_EQ(store_.state().header(kFirstPartition).time, kNoon);
  EXPECT_EQ(store_.now(kSystemPartition), later(kNoon, -kDay)) << "others are not bound by it";
}

}  // namespace
}  // namespace windfall::test
