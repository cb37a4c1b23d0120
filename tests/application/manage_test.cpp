#include "application/on_request/manage.hpp"

#include <gtest/gtest.h>

#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

class ManageTest : public testing::Test {
 protected:
  auto create(Promotion promotion, std::optional<Command> by = {}) {
    return value_of(
        manage_.create(std::move(promotion), Audit{}, {.command = by, .render = [this](const PromotionView& view) {
                                                         seen_ = view;
                                                         return AnswerKept{201, "", view.definition->promotion.id};
                                                       }}));
  }
  Result<ChangeOutcome> change(const std::function<void(Promotion&)>& edit, std::optional<Revision> expected = {}) {
    return value_of(manage_.change(
        "1", expected,
        [edit](const ChangeContext& context) {
          Promotion next = context.definition.promotion;
          edit(next);
          return std::optional(next);
        },
        Audit{}));
  }
  void join(std::uint64_t who, std::uint32_t day_index = 0) {
    Proposal p = proposal(participated(user(who), day_index), PartitionNo{1});
    p.revision = store_.state().header(PartitionNo{1}).revision;
    store_.decide(p);
  }
  /// A lottery that begins tomorrow; of its prizes, a and b are gifticons.
  static Promotion lottery() {
    Promotion p = promotion();
    p.start = LocalDay{kFirst.days + 1};
    p.limit_join_count = 0;
    p.lottery = Lottery{};
    p.lottery->prizes = {{.id = "a", .name = "A", .count = 5, .valid_days = {}},
                         {.id = "b", .name = "B", .count = 5, .valid_days = {}},
                         {.id = "c", .name = "C", .kind = PrizeKind::points, .count = 5, .valid_days = {}}};
    return p;
  }
  void import_codes(std::uint32_t prize) {
    Proposal p = proposal(CodesImported{.prize = prize, .count = 3, .audit = {}});
    p.revision = store_.state().header(kFirstPartition).revision;
    store_.decide(p);
  }
  template <class T>
  static const T* get(const Result<ChangeOutcome>& changed) {
    return changed ? std::get_if<T>(&*changed) : nullptr;
  }
  /// Somebody makes a key before each of the next `times` commits.
  void change_keys_before(int times) {
    store_.before_commit = [this, times, done = 0]() mutable {
      if (done++ >= times) return;
      Proposal p = proposal(KeyChanged{.key_id = "k", .keys = "keys", .audit = {}}, kSystemPartition);
      p.revision = store_.system_revision();
      store_.decide(p);
    };
  }
  Result<bool> pause_all(bool paused, std::optional<Command> by = {}) {
    return value_of(manage_.pause_all(paused, Audit{}, by, [this] {
      ++rendered_;
      return AnswerKept{200, "", "{}"};
    }));
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  Manage manage_{store_,
                 {.encode = [this](const Promotion& p) { return store_.encode(p); },
                  .load_zone = [](const std::string& name) -> Result<Zone> {
                    if (name != "Asia/Seoul") return fail(FailureCode::not_found, name);
                    return seoul();
                  },
                  .make_id = [] { return std::string("made"); }}};
  PromotionView seen_;
  int rendered_ = 0;
};

TEST_F(ManageTest, CreatingMakesAnIdWhereNoneIsGiven) {
  Promotion unnamed = promotion();
  unnamed.id.clear();
  const auto created = create(unnamed);
  ASSERT_TRUE(created && std::holds_alternative<AnswerKept>(*created));
  EXPECT_EQ(std::get<AnswerKept>(*created).body, "made");
  ASSERT_TRUE(store_.find("made"));
  EXPECT_EQ(store_.find("made")->revision, Revision{1});
}

TEST_F(ManageTest, CreatingAnswersWithWhatIsThereNow) {
  Promotion daily = promotion();
  daily.daily_limit_join_count = 80;
  ASSERT_TRUE(create(daily));
  EXPECT_EQ(seen_.status, Status::active);
  EXPECT_EQ(seen_.left_join_count, 50);
  EXPECT_EQ(seen_.left_today_count, 50) << "no day can have more than there is in all";
  EXPECT_EQ(seen_.definition->created, kNoon);
}

TEST_F(ManageTest, CreatingWhileAllIsPausedShowsItPaused) {
  ASSERT_TRUE(pause_all(true));
  ASSERT_TRUE(create(promotion()));
  EXPECT_EQ(seen_.status, Status::paused);
}

TEST_F(ManageTest, ATakenIdIsRefusedAndAnswersNothing) {
  ASSERT_TRUE(create(promotion(), command(1)));
  seen_ = {};
  const auto again = create(promotion(), command(2));
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::holds_alternative<IdTaken>(*again));
  EXPECT_FALSE(seen_.definition);
  EXPECT_TRUE(store_.kept_answer(command(1).hash));
  EXPECT_FALSE(store_.kept_answer(command(2).hash));
  EXPECT_EQ(store_.all().size(), 1U);
}

TEST_F(ManageTest, TheAnswerToACommandIsKept) {
  ASSERT_TRUE(create(promotion(), command(1)));
  const auto kept = store_.kept_answer(command(1).hash);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->fingerprint, command(1).fingerprint);
  EXPECT_EQ(kept->answer.body, "1");
}

TEST_F(ManageTest, AnotherPromotionAtTheSameMomentIsUnavailableNotMixedUp) {
  store_.before_commit = [this] {
    store_.before_commit = {};
    Promotion other = promotion();
    other.id = "faster";
    store_.add(other);
  };
  const auto created = create(promotion());
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, FailureCode::unavailable);
  EXPECT_TRUE(store_.find("faster"));
  EXPECT_FALSE(store_.find("1"));
}

TEST_F(ManageTest, AZoneThatCannotBeLoadedFails) {
  Promotion abroad = promotion();
  abroad.timezone = "Mars/Olympus";
  EXPECT_FALSE(create(abroad));
  EXPECT_TRUE(store_.all().empty());
}

TEST_F(ManageTest, AChangeMakesTheNextRevision) {
  store_.add(promotion());
  const auto changed = change([](Promotion& p) { p.title = "B"; }, Revision{1});
  const auto* view = get<PromotionView>(changed);
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->definition->revision, Revision{2});
  EXPECT_EQ(view->definition->promotion.title, "B");
}

TEST_F(ManageTest, AChangeOfWhatIsNotThereIsNotFound) {
  EXPECT_NE(get<NotFound>(change([](Promotion&) {})), nullptr);
}

TEST_F(ManageTest, AChangeOfAnotherRevisionIsStale) {
  store_.add(promotion());
  ASSERT_TRUE(change([](Promotion& p) { p.title = "B"; }));
  const auto stale = change([](Promotion& p) { p.title = "C"; }, Revision{1});
  ASSERT_NE(get<StaleRevision>(stale), nullptr);
  EXPECT_EQ(get<StaleRevision>(stale)->in_force, Revision{2});
  EXPECT_EQ(store_.find("1")->promotion.title, "B");
}

TEST_F(ManageTest, AChangeInBetweenMakesTheExpectedRevisionStale) {
  const PartitionNo partition = store_.add(promotion());
  store_.before_commit = [this, partition] {
    store_.before_commit = {};
    Promotion faster = promotion();
    faster.title = "faster";
    store_.redefine(partition, faster);
  };
  const auto stale = change([](Promotion& p) { p.content = "slower"; }, Revision{1});
  ASSERT_NE(get<StaleRevision>(stale), nullptr);
  EXPECT_EQ(store_.find("1")->promotion.title, "faster");
}

TEST_F(ManageTest, WithoutAnExpectedRevisionAChangeIsMadeFromTheNewestDefinition) {
  const PartitionNo partition = store_.add(promotion());
  store_.before_commit = [this, partition] {
    store_.before_commit = {};
    Promotion faster = promotion();
    faster.title = "faster";
    store_.redefine(partition, faster);
  };
  ASSERT_NE(get<PromotionView>(change([](Promotion& p) { p.content = "slower"; })), nullptr);
  EXPECT_EQ(store_.find("1")->promotion.title, "faster");
  EXPECT_EQ(store_.find("1")->promotion.content, "slower");
}

TEST_F(ManageTest, AnInvalidChangeChangesNothing) {
  store_.add(promotion());
  const auto invalid =
      value_of(manage_.change("1", {}, [](const ChangeContext&) { return std::optional<Promotion>{}; }, Audit{}));
  EXPECT_NE(get<ChangeInvalid>(invalid), nullptr);
  EXPECT_EQ(store_.commits, 0);
}

TEST_F(ManageTest, AChangeIsToldWhetherItHasBegun) {
  Promotion draft = promotion();
  draft.lifecycle = Lifecycle::draft;
  const PartitionNo partition = store_.add(draft);
  const auto context_at = [this](Instant at) {
    time_.set(at);
    bool begun = false;
    Status status = Status::ended;
    EXPECT_TRUE(value_of(manage_.change(
        "1", {},
        [&](const ChangeContext& context) {
          begun = context.begun;
          status = context.status;
          return std::optional<Promotion>{};
        },
        Audit{})));
    return std::pair(begun, status);
  };
  EXPECT_EQ(context_at(kNoon), std::pair(false, Status::draft));
  Promotion open = promotion();
  open.start = LocalDay{kFirst.days + 1};
  store_.redefine(partition, open);
  EXPECT_EQ(context_at(kNoon), std::pair(false, Status::scheduled));
  EXPECT_EQ(context_at(later(kNoon, 12 * kHour)), std::pair(true, Status::active));
}

TEST_F(ManageTest, TheLimitMayFallToWhatIsUsedAndNoFurther) {
  store_.add(promotion());
  for (std::uint64_t i = 0; i < 3; ++i) join(i);
  const auto below = change([](Promotion& p) { p.limit_join_count = 2; });
  ASSERT_NE(get<LimitBelowUsed>(below), nullptr);
  EXPECT_FALSE(get<LimitBelowUsed>(below)->daily);
  EXPECT_EQ(get<LimitBelowUsed>(below)->used, 3);
  EXPECT_EQ(store_.find("1")->promotion.limit_join_count, 50);

  const auto exact = change([](Promotion& p) { p.limit_join_count = 3; });
  ASSERT_NE(get<PromotionView>(exact), nullptr);
  EXPECT_EQ(get<PromotionView>(exact)->left_join_count, 0);
  const auto raised = change([](Promotion& p) { p.limit_join_count = 10; });
  ASSERT_NE(get<PromotionView>(raised), nullptr);
  EXPECT_EQ(get<PromotionView>(raised)->left_join_count, 7);
}

TEST_F(ManageTest, TheDailyLimitMayFallToWhatIsUsedTodayAndNoFurther) {
  store_.add(promotion());
  for (std::uint64_t i = 0; i < 3; ++i) join(i);
  const auto below = change([](Promotion& p) { p.daily_limit_join_count = 2; });
  ASSERT_NE(get<LimitBelowUsed>(below), nullptr);
  EXPECT_TRUE(get<LimitBelowUsed>(below)->daily);
  EXPECT_EQ(get<LimitBelowUsed>(below)->used, 3);
  const auto exact = change([](Promotion& p) { p.daily_limit_join_count = 3; });
  ASSERT_NE(get<PromotionView>(exact), nullptr);
  EXPECT_EQ(get<PromotionView>(exact)->left_today_count, 0);

  time_.set(later(kNoon, kDay));
  EXPECT_NE(get<PromotionView>(change([](Promotion& p) { p.daily_limit_join_count = 1; })), nullptr)
      << "another day, nothing used";
}

TEST_F(ManageTest, ThatTheTotalIsBelowIsToldBeforeTheDay) {
  store_.add(promotion());
  join(1);
  join(2);
  join(2, 1);
  const auto below = change([](Promotion& p) {
    p.limit_join_count = 1;
    p.daily_limit_join_count = 1;
  });
  ASSERT_NE(get<LimitBelowUsed>(below), nullptr);
  EXPECT_FALSE(get<LimitBelowUsed>(below)->daily);
  EXPECT_EQ(get<LimitBelowUsed>(below)->used, 3);
}

TEST_F(ManageTest, APrizeWhoseCodesAreThereKeepsItsPlaceAndWhatItIs) {
  store_.add(lottery());
  import_codes(1);
  const auto refused = [this](const std::function<void(std::vector<Prize>&)>& edit) {
    const auto changed = change([&edit](Promotion& p) { edit(p.lottery->prizes); });
    return get<PrizesHaveCodes>(changed) != nullptr;
  };
  EXPECT_TRUE(refused([](std::vector<Prize>& prizes) { std::swap(prizes[0], prizes[1]); }));
  EXPECT_TRUE(refused([](std::vector<Prize>& prizes) { prizes.erase(prizes.begin()); })) << "all behind it move";
  EXPECT_TRUE(refused([](std::vector<Prize>& prizes) { prizes.resize(1); }));
  EXPECT_TRUE(refused([](std::vector<Prize>& prizes) { prizes[1].id = "d"; }));
  EXPECT_TRUE(refused([](std::vector<Prize>& prizes) { prizes[1].kind = PrizeKind::points; }));
  EXPECT_NE(get<PrizesHaveCodes>(change([](Promotion& p) { p.lottery.reset(); })), nullptr);
  EXPECT_EQ(store_.find("1")->promotion.lottery->prizes, lottery().lottery->prizes);
}

TEST_F(ManageTest, WhatMovesNoCodesMayChangeBeforeTheStart) {
  store_.add(lottery());
  import_codes(1);
  const auto changed = change([](Promotion& p) {
    std::vector<Prize>& prizes = p.lottery->prizes;
    prizes[1].name = "B, large";
    prizes[1].count = 3;
    prizes[0].id = "other";
    prizes[2].kind = PrizeKind::gifticon;
    prizes.push_back({.id = "d", .name = "D", .count = 1, .valid_days = {}});
  });
  EXPECT_NE(get<PromotionView>(changed), nullptr);
}

TEST_F(ManageTest, WithoutCodesPrizesMayChangePlacesBeforeTheStart) {
  store_.add(lottery());
  EXPECT_NE(get<PromotionView>(change([](Promotion& p) { std::swap(p.lottery->prizes[0], p.lottery->prizes[1]); })),
            nullptr);
}

TEST_F(ManageTest, CodesThatComeInWhilePrizesChangePlacesAreNotMixedUp) {
  store_.add(lottery());
  store_.before_commit = [this] {
    store_.before_commit = {};
    import_codes(0);
  };
  EXPECT_NE(get<PrizesHaveCodes>(change([](Promotion& p) { std::swap(p.lottery->prizes[0], p.lottery->prizes[1]); })),
            nullptr);
}

TEST_F(ManageTest, TheEndOfAClosedLotteryIsToldApartFromItsCodes) {
  store_.add(lottery());
  import_codes(0);
  store_.decide(proposal(LotteryClosed{.second_chance = false, .shortfall = 0}));
  EXPECT_NE(get<LotteryOver>(change([](Promotion& p) { p.end = LocalDay{p.end.days + 1}; })), nullptr);
}

class ManagingByAWrongClock : public ManageTest {
 protected:
  /// A lottery that runs; this process takes it for `said` until the store has told it the time.
  void begin(Instant said) {
    Promotion dice = promotion();
    dice.lottery = Lottery{.prizes = {{.id = "a", .name = "A", .kind = PrizeKind::points, .value = 1, .count = 1}}};
    partition_ = store_.add(dice);
    time_.set(said);
    store_.before_commit = [this] { time_.set(kTrue); };
  }
  static constexpr Instant kTrue{kNoon.ms + kHour - 1};
  PartitionNo partition_;
};

TEST_F(ManagingByAWrongClock, EndsAtTheStoresTimeIfItIsFast) {
  begin(Instant{kTrue.ms + 600'000});
  ASSERT_TRUE(get<PromotionView>(change([](Promotion& p) { p.lifecycle = Lifecycle::ended; })));
  EXPECT_EQ(store_.find("1")->promotion.secrets.ended, kTrue);
}

TEST_F(ManagingByAWrongClock, EndsAtTheStoresTimeIfItIsSlow) {
  begin(Instant{kTrue.ms - 600'000});
  ASSERT_TRUE(get<PromotionView>(change([](Promotion& p) { p.lifecycle = Lifecycle::ended; })));
  EXPECT_EQ(store_.find("1")->promotion.secrets.ended, kTrue);
}

TEST_F(ManagingByAWrongClock, PausesTheSegmentOfTheStoresTime) {
  begin(Instant{kTrue.ms + 600'000});
  const std::uint32_t open = segment_at(*store_.find("1"), kTrue).value;
  ASSERT_TRUE(get<PromotionView>(change([](Promotion& p) { p.lifecycle = Lifecycle::paused; })));
  EXPECT_EQ(store_.peek(keys::paused_in(partition_, open)), 1);
  EXPECT_EQ(store_.peek(keys::paused_in(partition_, open + 1)), 0);
}

TEST_F(ManageTest, TheRedButtonChangesSomethingOnce) {
  EXPECT_FALSE(*pause_all(false)) << "nothing is paused";
  EXPECT_TRUE(*pause_all(true, command(1)));
  EXPECT_FALSE(*pause_all(true, command(2)));
  EXPECT_EQ(store_.peek(keys::paused_all()), 1);
  EXPECT_EQ(rendered_, 1);
  EXPECT_TRUE(store_.kept_answer(command(1).hash));
  EXPECT_FALSE(store_.kept_answer(command(2).hash)) << "an answer that says nothing happened is not kept";
  EXPECT_TRUE(*pause_all(false));
  EXPECT_EQ(store_.peek(keys::paused_all()), 0);
}

TEST_F(ManageTest, BlockingChangesSomethingOncePerUser) {
  const auto block = [this](std::uint64_t who, bool blocked) {
    return *value_of(manage_.block(user(who), "somebody", blocked, Audit{}));
  };
  EXPECT_FALSE(block(1, false));
  EXPECT_TRUE(block(1, true));
  EXPECT_FALSE(block(1, true));
  EXPECT_TRUE(block(2, true));
  EXPECT_TRUE(block(1, false));
  EXPECT_EQ(store_.peek(keys::blocked(user(1))), 0);
  EXPECT_EQ(store_.peek(keys::blocked(user(2))), 1);
}

TEST_F(ManageTest, KeysChangeOnlyFromTheRevisionTheyWereMadeFrom) {
  const auto change_keys = [this](Revision expected, const char* keys) {
    return *value_of(manage_.change_keys(expected, {.key_id = "k", .keys = keys, .audit = {}}));
  };
  const Revision before = store_.system_revision();
  EXPECT_TRUE(change_keys(before, "one"));
  EXPECT_FALSE(change_keys(before, "two"));
  EXPECT_EQ(store_.system_definition(), "one");
  EXPECT_TRUE(change_keys(store_.system_revision(), "two"));
}

TEST_F(ManageTest, WhatIsNotStoredFails) {
  store_.add(promotion());
  store_.broken = Failure{FailureCode::disk_full, "no room"};
  EXPECT_FALSE(create(promotion())) << "even that an id is taken";
  EXPECT_FALSE(change([](Promotion& p) { p.title = "B"; }));
  EXPECT_FALSE(pause_all(true));
  EXPECT_FALSE(value_of(manage_.record({Audited{}}, {}, Identity{})));
}

TEST_F(ManageTest, ARecordedFactIsRecordedOncePerCommand) {
  EXPECT_TRUE(*value_of(manage_.record({Audited{}}, command(1), Identity{})));
  const Sequence after = store_.sequence(kSystemPartition);
  EXPECT_TRUE(*value_of(manage_.record({Audited{}}, command(1), Identity{})));
  EXPECT_EQ(store_.sequence(kSystemPartition), after);
}

TEST_F(ManageTest, WhatWasEndedAsADraftStaysUnknownToParticipants) {
  for (const Promotion& base : {promotion(), lottery()}) {
    Promotion draft = base;
    draft.id = draft.lottery ? "lottery" : "1";
    draft.lifecycle = Lifecycle::draft;
    store_.add(draft);
    const auto end = [](const ChangeContext& context) {
      Promotion next = context.definition.promotion;
      next.lifecycle = Lifecycle::ended;
      return std::optional(next);
    };
    ASSERT_TRUE(value_of(manage_.change(draft.id, {}, end, Audit{})));
    const Promotion& ended = store_.find(draft.id)->promotion;
    EXPECT_FALSE(known_to_participants(ended));
    EXPECT_EQ(ended.secrets.ended, kNoon);
  }
}

TEST_F(ManageTest, WhatWasPublishedIsKnownAfterItsEndToo) {
  for (const Lifecycle first : {Lifecycle::draft, Lifecycle::open, Lifecycle::paused}) {
    Promotion daily = promotion();
    daily.lifecycle = first;
    if (store_.all().empty()) store_.add(daily);
    store_.redefine(kFirstPartition, daily);
    if (first == Lifecycle::draft) {
      EXPECT_FALSE(known_to_participants(store_.find("1")->promotion));
      ASSERT_TRUE(change([](Promotion& p) { p.lifecycle = Lifecycle::open; }));
    }
    EXPECT_TRUE(known_to_participants(store_.find("1")->promotion));
    ASSERT_TRUE(change([](Promotion& p) { p.lifecycle = Lifecycle::ended; }));
    EXPECT_TRUE(known_to_participants(store_.find("1")->promotion));
    EXPECT_FALSE(store_.find("1")->promotion.secrets.ended);
  }
}

TEST_F(ManageTest, ACopyDoesNotTakeOverThatItsOriginalWasEndedAsADraft) {
  Promotion copy = promotion();
  copy.secrets.ended = kNoon;
  ASSERT_TRUE(create(copy));
  EXPECT_FALSE(store_.find("1")->promotion.secrets.ended);
}

TEST_F(ManageTest, TheRedButtonIsPressedWhateverKeysAreMadeInBetween) {
  change_keys_before(2);
  const auto pressed = pause_all(true);
  ASSERT_TRUE(pressed);
  EXPECT_TRUE(*pressed);
  EXPECT_EQ(store_.peek(keys::paused_all()), 1);
  EXPECT_EQ(rendered_, 1);
  change_keys_before(3);
  const auto released = pause_all(false);
  ASSERT_FALSE(released) << "nothing is answered that has not been decided";
  EXPECT_EQ(released.error().code, FailureCode::unavailable);
  EXPECT_EQ(store_.peek(keys::paused_all()), 1);
}

TEST_F(ManageTest, SomebodyIsBlockedWhateverKeysAreMadeInBetween) {
  change_keys_before(2);
  const auto blocked = value_of(manage_.block(user(1), "u1", true, Audit{}));
  ASSERT_TRUE(blocked);
  EXPECT_TRUE(*blocked);
  EXPECT_EQ(store_.peek(keys::blocked(user(1))), 1);
  change_keys_before(3);
  const auto unblocked = value_of(manage_.block(user(1), "u1", false, Audit{}));
  ASSERT_FALSE(unblocked);
  EXPECT_EQ(unblocked.error().code, FailureCode::unavailable);
}

TEST_F(ManageTest, FactsAreRecordedWhateverKeysAreMadeInBetween) {
  const std::vector<Event> erased{UserErased{.user = user(1), .audit = {}}};
  change_keys_before(2);
  const Sequence before = store_.sequence(kSystemPartition);
  EXPECT_TRUE(value_of(manage_.record(erased, std::nullopt, Identity{})));
  EXPECT_EQ(store_.sequence(kSystemPartition).value, before.value + 3) << "two keys and the fact";
  change_keys_before(3);
  const auto recorded = value_of(manage_.record(erased, std::nullopt, Identity{}));
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, FailureCode::unavailable);
}

}  // namespace
}  // namespace windfall::test
