// What fsck sees of lotteries, in the journal and in the ledger: each planted mistake is found, and nothing else is
// blamed for it.
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/codec/encoding.hpp"
#include "application/port/effects.hpp"
#include "proof/lottery_story.hpp"

namespace windfall::proof {
namespace {

/// Everything that can happen in a lottery, as it should.
void live(LotteryStory& dice) {
  dice.open();
  dice.visit("ann");
  dice.visit("bob");
  dice.invite("cat", "ann");
  dice.invite("dan", "ann");
  dice.story.event(dice.partition, InviteIssued{.user = Story::ref("ann")}, "ann");
  dice.story.event(dice.partition, InviteShared{.user = Story::ref("ann")}, "ann");
  dice.story.event(
      dice.partition,
      OpenNotGranted{
          .invited = Story::ref("cat"), .inviter = Story::ref("bob"), .reason = OpenReason::already_credited},
      "cat");
  dice.adjust("bob", 3);
  dice.adjust("bob", -1);
  dice.win(LotteryStory::kGifticon);
  dice.win(LotteryStory::kPoints);
  dice.lose();
  dice.draw("cat");
  dice.story.event(dice.partition, SegmentPaused{.segment = dice.terms.segment.value});
  dice.story.later(kDayMs / 4);
  dice.open();
  dice.void_win(dice.win(LotteryStory::kGifticon));
  dice.lose();
}

class FsckOfALottery : public testing::Test {
 protected:
  Story story;
  LotteryStory dice{story};
};

TEST_F(FsckOfALottery, finds_nothing_in_one_that_obeys_all_rules) {
  live(dice);
  dice.go_to_the_end();
  dice.close();
  dice.run_second_chance();
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  for (const Invariant invariant : {Invariant::i5, Invariant::i6, Invariant::i7, Invariant::i8, Invariant::i10}) {
    EXPECT_GT(report.checks_of(invariant), 0) << name_of(invariant);
    EXPECT_TRUE(report.notes_of(invariant).empty()) << report.as_text();
  }
}

TEST_F(FsckOfALottery, takes_rejected_events_for_gone_that_are_not_kept_any_more) {
  live(dice);
  story.system(Inbound{.id = {1}, .type = Inbound::Type::page_visited, .user = Story::ref("ann"), .about = "dice"});
  story.event(dice.partition,
              InboundSettled{.id = {1}, .user = Story::ref("ann"), .dropped = true, .reason = "OUTSIDE_PERIOD"});
  const Report whole = story.judged();
  EXPECT_TRUE(whole.ok()) << whole.as_text();
  story.sql("update progress set dropped_before = (select max(at) + 1 from inbound_rejection)");
  story.sql("delete from inbound_rejection");
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  story.sql("update progress set dropped_before = 0");
  EXPECT_NE(found(story.fsck(), Invariant::i13).find("rows are missing"), std::string::npos);
}

TEST_F(FsckOfALottery, says_what_it_cannot_check_without_the_master_keys) {
  live(dice);
  dice.go_to_the_end();
  dice.close();
  dice.run_second_chance();
  story.save();
  story.project();
  std::filesystem::remove(story.keys());
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  ASSERT_EQ(report.notes_of(Invariant::i8).size(), 1U);
  EXPECT_TRUE(report.notes_of(Invariant::i8).front().starts_with("not checked: what ")) << report.as_text();
}

TEST_F(FsckOfALottery, without_a_second_chance_knows_what_nobody_got) {
  story.change(dice.partition, [](Promotion& p) { p.lottery->second_chance = false; });
  live(dice);
  dice.go_to_the_end();
  dice.close(false);
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST_F(FsckOfALottery, of_a_test_expects_no_effects) {
  Story tried;
  LotteryStory trial(tried, [](Promotion& p) { p.mode = Mode::test; });
  live(trial);
  const Report report = tried.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_EQ(report.checks_of(Invariant::i10), 0);
}

TEST_F(FsckOfALottery, finds_nothing_where_the_seed_was_sealed_anew) {
  dice.open();
  dice.lose();
  const std::string before = story.definition(dice.partition).secrets.sealed_seed;
  story.change(dice.partition, [](Promotion& p) { p.secrets.sealed_seed = LotteryStory::sealed_seed(p.id); });
  EXPECT_NE(story.definition(dice.partition).secrets.sealed_seed, before);
  dice.win();
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST_F(FsckOfALottery, finds_nothing_where_points_were_taken_back_before_they_were_paid) {
  dice.open();
  dice.win(LotteryStory::kPoints);
  dice.void_win(dice.win(LotteryStory::kPoints));
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_GE(report.checks_of(Invariant::i10), 2);
  story.sql("update lottery_total set accruals = accruals + 1");
  expect_only(story.fsck(), Invariant::i13, "");
}

TEST_F(FsckOfALottery, needs_no_key_that_was_withdrawn_since) {
  dice.open();
  dice.lose();
  story.change(dice.partition, [](Promotion& p) { p.secrets.sealed_seed = LotteryStory::sealed_seed(p.id, 's', 2); });
  dice.win();
  story.save();
  write_file(story.keys(), LotteryStory::keys_file({1, 2}));
  story.project();
  write_file(story.keys(), LotteryStory::keys_file({2}));
  const Report report = story.fsck();
  EXPECT_TRUE(report.ok()) << report.as_text();
  EXPECT_TRUE(report.notes_of(Invariant::i8).empty()) << report.as_text();
}

TEST_F(FsckOfALottery, finds_another_seed_behind_a_withdrawn_key) {
  dice.open();
  dice.lose();
  for (int i = 0; i < 4; ++i) dice.win();
  story.change(dice.partition, [](Promotion& p) { p.secrets.sealed_seed = LotteryStory::sealed_seed(p.id, 'x', 2); });
  story.save();
  write_file(story.keys(), LotteryStory::keys_file({1, 2}));
  story.project();
  write_file(story.keys(), LotteryStory::keys_file({2}));
  const Report report = story.fsck();
  EXPECT_NE(found(report, Invariant::i13).find("is not what follows from the seed"), std::string::npos)
      << report.as_text();
}

TEST_F(FsckOfALottery, finds_keys_that_do_not_open_the_seed) {
  dice.open();
  dice.lose();
  story.save();
  write_file(story.keys(), "windfall master keys 1\n1 " + std::string(64, '7') + "\n");
  expect_only(story.fsck(), Invariant::i8, "the seed of dice cannot be opened");
}

struct LotteryMutant {
  const char* name;
  Invariant invariant;
  const char* words;
  std::function<void(Story&, LotteryStory&)> plant;
};

class FsckOfLotteryMutants : public FsckOfALottery, public testing::WithParamInterface<LotteryMutant> {};

TEST_P(FsckOfLotteryMutants, finds_the_event_that_should_not_be) {
  GetParam().plant(story, dice);
  story.save();  // the ledger would not take some of them
  expect_only(story.fsck(), GetParam().invariant, GetParam().words);
}

template <class E>
E& in(Recorded& recorded) {
  return std::get<E>(recorded.event);
}

const std::vector<LotteryMutant> kMutants{
    {"revoked_more_than_held", Invariant::i5, "holds -1 tickets",
     [](Story&, LotteryStory& d) {
       d.visit("ann");
       d.adjust("ann", -3);
     }},
    {"visited_twice", Invariant::i6, "has visited before",
     [](Story&, LotteryStory& d) {
       d.visit("ann");
       d.visit("ann");
     }},
    {"visit_of_too_many", Invariant::i6, "grants 3 tickets instead of 2",
     [](Story&, LotteryStory& d) { d.visit("ann", 3); }},
    {"visit_after_the_period", Invariant::i6, "outside of the period",
     [](Story&, LotteryStory& d) {
       d.go_to_the_end();
       d.visit("ann");
     }},
    {"visit_while_paused", Invariant::i6, "paused",
     [](Story& s, LotteryStory& d) {
       s.change(d.partition, [](Promotion& p) { p.lifecycle = Lifecycle::paused; });
       d.visit("ann");
     }},
    {"visit_of_a_blocked_user", Invariant::i6, "the user is blocked",
     [](Story& s, LotteryStory& d) {
       s.system(UserBlocked{.user = Story::ref("ann"), .blocked = true, .audit = Story::audit("blockUser")});
       d.visit("ann");
     }},
    {"visit_while_all_is_paused", Invariant::i6, "everything is paused",
     [](Story& s, LotteryStory& d) {
       s.system(PausedAll{.paused = true, .audit = Story::audit("pauseAll")});
       d.visit("ann");
     }},
    {"visit_by_an_old_revision", Invariant::i6, "decided under revision 1",
     [](Story& s, LotteryStory& d) {
       s.change(d.partition, [](Promotion& p) { p.title = "other"; });
       d.visit("ann").revision = Revision{1};
     }},
    {"friend_twice", Invariant::i6, "was credited as a friend before",
     [](Story&, LotteryStory& d) {
       d.invite("ann", "bob");
       d.invite("ann", "cat");
     }},
    {"friend_who_has_visited", Invariant::i6, "only a first visit is credited",
     [](Story&, LotteryStory& d) {
       d.visit("ann");
       d.invite("ann", "bob");
     }},
    {"own_link", Invariant::i6, "an own link", [](Story&, LotteryStory& d) { d.invite("ann", "ann"); }},
    {"friend_gets_too_much", Invariant::i6, "a friend gets 2 tickets instead of 1",
     [](Story&, LotteryStory& d) { in<InviteOpened>(d.invite("ann", "bob")).friend_tickets = 2; }},
    {"inviter_gets_nothing", Invariant::i6, "an inviter gets 0 tickets instead of 1",
     [](Story&, LotteryStory& d) { in<InviteOpened>(d.invite("ann", "bob")).inviter_tickets = 0; }},
    {"limited_inviter_gets_some", Invariant::i6, "over the cap is granted tickets",
     [](Story&, LotteryStory& d) { in<InviteOpened>(d.invite("ann", "bob")).inviter_limited = true; }},
    {"inviter_over_the_cap", Invariant::i6, "more than 1 opens of a day",
     [](Story& s, LotteryStory& d) {
       s.change(d.partition,
                [](Promotion& p) { std::get<InviteGrant>(p.lottery->grants[1]).inviter_limit_per_day = 1; });
       d.invite("ann", "bob");
       d.invite("cat", "bob");
     }},
    {"inviter_is_blocked", Invariant::i6, "is credited, but blocked",
     [](Story& s, LotteryStory& d) {
       s.system(UserBlocked{.user = Story::ref("bob"), .blocked = true, .audit = Story::audit("blockUser")});
       d.invite("ann", "bob");
     }},
    {"counted_for_another_day", Invariant::i6, "which it is not",
     [](Story&, LotteryStory& d) { in<InviteOpened>(d.invite("ann", "bob")).day_index = 1; }},
    {"two_links", Invariant::i6, "has a link already",
     [](Story& s, LotteryStory& d) {
       s.event(d.partition, InviteIssued{.user = Story::ref("ann")});
       s.event(d.partition, InviteIssued{.user = Story::ref("ann")});
     }},
    {"refused_for_no_reason", Invariant::i6, "a reason that does not hold",
     [](Story& s, LotteryStory& d) {
       s.event(
           d.partition,
           OpenNotGranted{.invited = Story::ref("ann"), .inviter = Story::ref("bob"), .reason = OpenReason::own_link});
     }},
    {"refused_twice", Invariant::i6, "not granted twice",
     [](Story& s, LotteryStory& d) {
       for (int i = 0; i < 2; ++i) {
         s.event(d.partition,
                 OpenNotGranted{
                     .invited = Story::ref("ann"), .inviter = Story::ref("ann"), .reason = OpenReason::own_link});
       }
     }},
    {"judged_what_nobody_sent", Invariant::i6, "that nobody had sent",
     [](Story& s, LotteryStory& d) {
       s.event(d.partition, InboundSettled{.id = {1}, .user = Story::ref("ann"), .dropped = false, .reason = {}});
     }},
    {"draw_without_a_ticket", Invariant::i7, "draws without a ticket",
     [](Story&, LotteryStory& d) {
       d.open();
       d.draw("ann");
     }},
    {"one_draw_too_many", Invariant::i7, "draws without a ticket",
     [](Story&, LotteryStory& d) {
       d.open();
       const std::string user = d.lose().user;
       d.adjust(user, -1);
       d.draw(user);
     }},
    {"serial_left_out", Invariant::i7, "serial 1 of segment 2, but 0 is next",
     [](Story&, LotteryStory& d) {
       d.open();
       d.visit("ann");
       d.serial = 1;
       d.draw("ann");
     }},
    {"serial_twice", Invariant::i7, "is next",
     [](Story&, LotteryStory& d) {
       d.open();
       const std::int64_t lost = d.lose().place.serial;
       d.visit("ann");
       d.serial = lost;
       d.draw("ann");
     }},
    {"draw_in_a_segment_never_opened", Invariant::i7, "which is not open",
     [](Story&, LotteryStory& d) {
       d.open();
       d.visit("ann");
       in<Drew>(*d.draw("ann").recorded).segment = 5;
     }},
    {"draw_in_a_segment_that_is_over", Invariant::i7, "which is over",
     [](Story& s, LotteryStory& d) {
       d.open();
       d.visit("ann");
       s.later(kDayMs / 4);
       d.draw("ann");
     }},
    {"draw_with_a_wrong_number", Invariant::i7, "who has drawn 0 times",
     [](Story&, LotteryStory& d) {
       d.open();
       d.visit("ann");
       in<Drew>(*d.draw("ann").recorded).number = 1;
     }},
    {"draw_after_the_close", Invariant::i7, "the lottery is closed",
     [](Story& s, LotteryStory& d) {
       d.open();
       d.visit("ann");
       s.change(d.partition, [](Promotion& p) {
         p.lifecycle = Lifecycle::ended;
         p.secrets.second_chance = true;
       });
       d.close();
       s.change(d.partition, [](Promotion& p) { p.lifecycle = Lifecycle::open; });
       d.draw("ann");
     }},
    {"segment_opened_before_its_time", Invariant::i7, "opens before its time",
     [](Story& s, LotteryStory& d) {
       s.later(kDayMs / 4);
       d.open().time.ms -= kDayMs / 4;
     }},
    {"quota", Invariant::i8, "the deck has 7 items, the plan says 6",
     [](Story&, LotteryStory& d) { ++in<SegmentOpened>(d.open()).quota; }},
    {"length", Invariant::i8, "the deck is 13 long, the plan says 12",
     [](Story&, LotteryStory& d) { ++in<SegmentOpened>(d.open()).length; }},
    {"first_item", Invariant::i8, "but 1 were won",
     [](Story& s, LotteryStory& d) {
       d.open();
       d.win();
       s.later(kDayMs / 4);
       ++d.wins;
       d.open();
     }},
    {"too_many_wins_of_one", Invariant::i8, "draws after 1 wins of 1",
     [](Story&, LotteryStory& d) {
       d.open();
       d.draw(d.win().user);
     }},
    {"seed_changed", Invariant::i8, "the seed is no longer the one that draws began with",
     [](Story& s, LotteryStory& d) {
       d.open();
       s.change(d.partition, [](Promotion& p) { p.secrets.sealed_seed = LotteryStory::sealed_seed(p.id, 't'); });
     }},
    {"plan_changed", Invariant::i8, "the plan is no longer the one that draws began with",
     [](Story& s, LotteryStory& d) {
       d.open();
       s.change(d.partition, [](Promotion& p) { p.lottery->prizes[0].value = 5000; });
     }},
    {"closed_early", Invariant::i8, "closed before the end", [](Story&, LotteryStory& d) { d.close(); }},
    {"closed_without_the_second_chance", Invariant::i8, "closed without the second chance",
     [](Story&, LotteryStory& d) {
       d.go_to_the_end();
       d.close(false);
     }},
    {"shortfall", Invariant::i8, "a shortfall of ",
     [](Story& s, LotteryStory& d) {
       s.change(d.partition, [](Promotion& p) { p.lottery->second_chance = false; });
       d.open();
       d.lose();
       d.go_to_the_end();
       --in<LotteryClosed>(d.close(false)).shortfall;
     }},
    {"second_chance_of_another_user", Invariant::i8, "is another's, by the published function",
     [](Story& s, LotteryStory& d) {
       live(d);
       d.go_to_the_end();
       d.close();
       const auto winners = d.second_chance();
       s.event(d.partition, SecondChanceStarted{.prizes = d.items() - d.wins + 1,
                                                .pool = static_cast<std::uint32_t>(winners.size())});
       s.event(d.partition, SecondChanceWon{.user = winners.at(1).user, .place = 0, .item = winners.at(0).item});
     }},
    {"second_chance_for_too_many", Invariant::i8, "but there are",
     [](Story& s, LotteryStory& d) {
       live(d);
       d.go_to_the_end();
       d.close();
       s.event(d.partition, SecondChanceStarted{.prizes = d.items(), .pool = 99});
     }},
    {"void_of_what_lost", Invariant::i8, "there is no such win",
     [](Story& s, LotteryStory& d) {
       d.open();
       const auto lost = d.lose();
       s.event(d.partition,
               WinVoided{.user = Story::ref(lost.user), .win = lost.place, .audit = Story::audit("voidDraw")});
     }},
    {"void_twice", Invariant::i8, "was voided before",
     [](Story&, LotteryStory& d) {
       d.open();
       const auto won = d.win();
       d.void_win(won);
       d.void_win(won);
     }},
    {"adjusted_by_nobody", Invariant::i16, "without an actor",
     [](Story&, LotteryStory& d) { in<TicketsAdjusted>(d.adjust("ann", 1)).audit.actor.clear(); }},
};

INSTANTIATE_TEST_SUITE_P(Mutants, FsckOfLotteryMutants, testing::ValuesIn(kMutants),
                         [](const auto& info) { return std::string{info.param.name}; });

TEST_F(FsckOfALottery, finds_an_event_of_a_lottery_where_there_is_none) {
  const PartitionNo p = story.promotion("p");
  story.event(p, Visited{.user = Story::ref("ann"), .tickets = 1}, "ann");
  story.save();
  expect_only(story.fsck(), Invariant::i7, "where there is none");
}

TEST_F(FsckOfALottery, finds_a_segment_that_was_opened_before) {
  dice.open();
  in<SegmentOpened>(dice.open()).previous = 1;
  story.save();
  EXPECT_NE(found(story.fsck(), Invariant::i7).find("segment 2 follows 1, but 2 is open"), std::string::npos);
}

TEST_F(FsckOfALottery, finds_a_participation_in_it) {
  story.join(dice.partition, "ann");
  story.save();
  EXPECT_NE(found(story.fsck(), Invariant::i3).find("a participation in a lottery"), std::string::npos);
}

// --- The ledger

class FsckOfLotteryRows : public FsckOfALottery {
 protected:
  FsckOfLotteryRows() {
    live(dice);
    for (const LotteryStory::Drawn& drawn : dice.draws) {
      if (drawn.prize == LotteryStory::kPoints) points = drawn;
    }
    story.settle(*points.recorded);
    story.settle(*points.recorded, EffectSettled::Outcome::done, kNotificationIndex);
    story.save();
    story.project();
  }
  [[nodiscard]] std::string entry(int amount = 1000) const {
    return R"({"eventId":")" + codec::to_uuid_text(story.effect_of(*points.recorded)) + R"(","userId":")" +
           points.user + R"(","promotionId":"dice","amount":)" + std::to_string(amount) + R"(,"times":1})";
  }
  LotteryStory::Drawn points;
};

TEST_F(FsckOfLotteryRows, finds_nothing_in_rows_that_follow_from_the_journal) {
  const Report report = story.fsck(story.book(entry()));
  EXPECT_TRUE(report.ok()) << report.as_text();
}

TEST_F(FsckOfLotteryRows, joins_the_partners_book_with_the_wins) {
  expect_only(story.fsck(story.book("")), Invariant::i4, "is DONE, but not in the partner's book");
  expect_only(story.fsck(story.book(entry(999))), Invariant::i4, "another user, promotion or amount");
  std::filesystem::remove(story.keys());
  EXPECT_TRUE(story.fsck(story.book(entry())).ok());
}

TEST_F(FsckOfLotteryRows, finds_a_settlement_of_a_draw_that_lost) {
  Story other;
  LotteryStory game(other);
  game.open();
  other.settle(*game.lose().recorded);
  other.save();
  expect_only(other.fsck(), Invariant::i4, "was settled, but no acceptance and no win caused it");
}

struct RowMutant {
  const char* name;
  Invariant invariant;
  const char* script;
  const char* words;
};

class FsckOfTamperedLotteryRows : public FsckOfLotteryRows, public testing::WithParamInterface<RowMutant> {};

TEST_P(FsckOfTamperedLotteryRows, finds_the_row) {
  story.sql(GetParam().script);
  const Report report = story.fsck();
  EXPECT_FALSE(report.ok());
  EXPECT_NE(found(report, GetParam().invariant).find(GetParam().words), std::string::npos) << report.as_text();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, FsckOfTamperedLotteryRows,
    testing::Values(
        RowMutant{"tickets", Invariant::i13, "update ticket set tickets = tickets + 1 where seq = 1", "tickets is not"},
        RowMutant{"cause", Invariant::i13, "update ticket set cause = 3 where seq = 1", "cause is not"},
        RowMutant{"ticket_user", Invariant::i13, "update ticket set user = user + 1 where seq = 1", "user is not"},
        RowMutant{"other_side", Invariant::i13, "update ticket set other = null where seq = 3", "other is not"},
        RowMutant{"reason", Invariant::i13, "update ticket set reason = 'none' where reason is not null",
                  "reason is not"},
        RowMutant{"ticket_gone", Invariant::i13, "delete from ticket where seq = 2", "no row for these tickets"},
        RowMutant{"ticket_put_in", Invariant::i13,
                  "insert into ticket select 900, partition, user, cause, tickets, at, other, reason from ticket where "
                  "seq = 1",
                  "ticket 900: is no grant"},
        RowMutant{"draw_user", Invariant::i13, "update draw set user = user + 1 where serial = 0 and segment = 2",
                  "user is not"},
        RowMutant{"draw_time", Invariant::i13, "update draw set at = at + 1 where serial = 0 and segment = 2",
                  "at is not"},
        RowMutant{"draw_gone", Invariant::i13, "delete from draw where prize is null", "no row for this draw"},
        RowMutant{
            "draw_put_in", Invariant::i13,
            "insert into draw select 901, partition, epoch, sequence, user, segment, 999, at, test, null, null, null, "
            "null, null, 0 from draw where serial = 0 and segment = 2",
            "draw 901: is no draw"},
        RowMutant{"win_taken_away", Invariant::i13, "update draw set prize = null where prize = 1", "prize is not"},
        RowMutant{"win_made_up", Invariant::i13,
                  "update draw set prize = 0, item = 0, event_id = zeroblob(16) where prize is null",
                  "a win of a draw that lost"},
        RowMutant{"another_item", Invariant::i13, "update draw set item = item + 1 where prize = 1", "item is not"},
        RowMutant{"event_id", Invariant::i13, "update draw set event_id = zeroblob(16) where prize = 1",
                  "event_id is not"},
        RowMutant{"day_of_a_win", Invariant::i13, "update draw set day = day + 1 where prize = 1", "day is not"},
        RowMutant{"void_undone", Invariant::i13, "update draw set voided = 0 where voided <> 0", "voided is not"},
        RowMutant{"void_made_up", Invariant::i13, "update draw set voided = 1 where prize = 1", "voided is not"},
        RowMutant{"quota", Invariant::i13, "update segment set quota = quota + 1 where segment = 2",
                  "segment 2 of partition 1"},
        RowMutant{"paused", Invariant::i13, "update segment set paused = 0", "of partition 1: is not what"},
        RowMutant{"segment_gone", Invariant::i13, "delete from segment where segment = 3", "segment: 1 rows"},
        RowMutant{"coupon_gone", Invariant::i13, "delete from coupon", "without its coupon"},
        RowMutant{"coupon_put_in", Invariant::i13,
                  "insert into coupon (draw, partition, prize) select seq, partition, 0 from draw where prize = 1",
                  "a coupon without a win"},
        RowMutant{"coupon_of_another_prize", Invariant::i13, "update coupon set prize = 1", "of another prize"},
        RowMutant{"coupon_of_a_void", Invariant::i13, "update coupon set voided = 0", "the coupon is voided"},
        RowMutant{"coupon_of_no_draw", Invariant::i13, "insert into coupon (draw, partition, prize) values (902, 1, 0)",
                  "coupon of draw 902: there is no such draw"},
        RowMutant{"coupon_with_a_code", Invariant::i13, "update coupon set ordinal = 3", "its code is not what"},
        RowMutant{"coupon_of_another_issue", Invariant::i13, "update coupon set issue = issue + 1",
                  "issue is not what"},
        RowMutant{"coupon_issued", Invariant::i13, "update coupon set issued_at = 1", "issued_at is not what"},
        RowMutant{"coupon_used", Invariant::i13, "update coupon set used_at = 1", "used_at is not what"},
        RowMutant{"coupon_kept_longer", Invariant::i13, "update coupon set expires_at = coalesce(expires_at, 0) + 1",
                  "the coupon expires at another time"},
        RowMutant{"total", Invariant::i13, "update lottery_total set won = won + 1", "lottery_total of partition 1"},
        RowMutant{"total_gone", Invariant::i13, "delete from lottery_total", "is missing"},
        RowMutant{"entry", Invariant::i13, "update progress set entry = entry - 1", "the last entry"},
        RowMutant{"notification_count", Invariant::i13, "update notification_count set count = count + 1",
                  "notification_count"},
        RowMutant{"rejection_put_in", Invariant::i13,
                  "insert into inbound_rejection (at, id, user, dropped, reason) values (1, zeroblob(16), 1, 1, 'x')",
                  "inbound_rejection"},
        RowMutant{"accrual_gone", Invariant::i4, "delete from effect where kind = 0", "is missing in the ledger"},
        RowMutant{"accrual_not_named", Invariant::i4, "update draw set effect = null where prize = 1",
                  "a win of points without its accrual"},
        RowMutant{"accrual_of_a_loss", Invariant::i4,
                  "update draw set effect = (select no from effect where kind = 0) where prize is null",
                  "an accrual of a draw that lost"},
        RowMutant{"accrual_amount", Invariant::i4, "update effect set amount = 9 where kind = 0",
                  "is of 9 instead of 1000"},
        RowMutant{"accrual_user", Invariant::i4, "update effect set user = user + 1 where kind = 0",
                  "for another user"},
        RowMutant{"accrual_undone", Invariant::i4, "update effect set state = 0 where kind = 0",
                  "is PENDING in the ledger"},
        RowMutant{
            "accrual_twice", Invariant::i4,
            "insert into effect (no, id, ordinal, partition, user, amount, occurred_at, state, next_try, updated_at, "
            "kind) select 999, randomblob(16), 0, partition, user, amount, occurred_at, 3, 0, 0, 0 from effect where "
            "kind = 0 limit 1",
            "follows from no event"},
        RowMutant{"notification_gone", Invariant::i10, "delete from effect where kind = 1", "is missing in the ledger"},
        RowMutant{
            "notification_twice", Invariant::i10,
            "insert into effect (no, id, ordinal, partition, user, amount, occurred_at, state, next_try, updated_at, "
            "kind) select 999, randomblob(16), 0, partition, user, amount, occurred_at, 3, 0, 0, 2 from effect where "
            "kind = 2 limit 1",
            "follows from no event"},
        RowMutant{"notification_of_another_kind", Invariant::i10,
                  "update effect set kind = 1, prize = 0 where kind = 2", "is of another kind"},
        RowMutant{"audit_of_an_adjustment", Invariant::i16,
                  "update audit set reason = 'x' where action = 'adjustTickets'", "is not the action"}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace windfall::proof
