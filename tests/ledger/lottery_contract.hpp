// What every ledger promises about lotteries, in the words of application/port/lottery_ledger.hpp: one line of a
// backend, as for LedgerContract.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/system/time_zone.hpp"
#include "ledger/ledger_contract.hpp"
#include "ledger/lottery_log.hpp"

namespace windfall::contract {

class LotteryContract : public LedgerContract {
 protected:
  LotteryLedger& lotteries() { return store(); }
  std::vector<TicketEntry> tickets(const std::string& user, LotteryLedger::Page page = {}) {
    page.user = ref_of(user);
    return lotteries().tickets(page).value();
  }
  std::vector<DrawRow> draws(const LotteryLedger::Page& page) { return lotteries().draws(page).value(); }
  std::vector<CouponRow> coupons_of(const std::string& user) {
    return lotteries().coupons({.user = ref_of(user)}).value();
  }
  std::map<EffectId, DueEffect> due() {
    std::map<EffectId, DueEffect> out;
    for (const PartnerEndpoint of : {PartnerEndpoint::accruals, PartnerEndpoint::notifications}) {
      std::vector<DueEffect> taken = effects().take_due(of, {1000}, 256).value();
      for (DueEffect& effect : taken) out.emplace(effect.id, std::move(effect));
    }
    return out;
  }
  /// A day and a half; draws go on behind the end of each deck but one.
  void play(LotteryLog& lottery) {
    for (std::uint32_t segment = 0; segment < 6; ++segment) {
      lottery.open(segment);
      const std::uint32_t draws = segment == 2 ? 3 : lottery.terms().length + 2;
      for (std::uint32_t i = 0; i < draws; ++i) lottery.draw("u" + std::to_string((i * 7 + segment) % 11));
      apply();
      if (segment == 3) under_test_->reopen();
    }
  }
  static bool same(const DrawRow& row, const LotteryLog::Drawn& drawn) {
    return row.user_id == drawn.user && row.user == ref_of(drawn.user) && row.place == drawn.place &&
           row.prize == drawn.prize && row.item == drawn.item && row.sequence == drawn.sequence && row.at == drawn.at;
  }
};

// --- Tickets

TEST_P(LotteryContract, EntriesOfAnAccountAddUpToWhatIsHeld) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const PartitionNo p = lottery.partition();
  for (const char* user : {"ann", "bob", "eve"}) log_.name(user);
  log_.add(p, Visited{.user = ref_of("ann"), .tickets = 2});
  log_.add(p, Visited{.user = ref_of("bob"), .tickets = 0});
  log_.add(p, InviteOpened{.invited = ref_of("eve"),
                           .inviter = ref_of("ann"),
                           .friend_tickets = 1,
                           .inviter_tickets = 3,
                           .day_index = 0,
                           .inviter_limited = false});
  log_.add(p, InviteOpened{.invited = ref_of("bob"),
                           .inviter = ref_of("ann"),
                           .friend_tickets = 1,
                           .inviter_tickets = 0,
                           .day_index = 0,
                           .inviter_limited = true});
  log_.add(p, TicketsAdjusted{.user = ref_of("ann"), .tickets = 5, .audit = log_.audit("adjustTickets")});
  log_.add(p, TicketsAdjusted{.user = ref_of("ann"), .tickets = -4, .audit = log_.audit("adjustTickets")});
  lottery.open(0);
  lottery.draw("ann");
  apply();

  const std::vector<TicketEntry> ann = tickets("ann");
  ASSERT_EQ(ann.size(), 5U);
  EXPECT_EQ(ann[0].type, TicketEntry::Type::grant);
  EXPECT_EQ(ann[0].cause, GrantCause::visit);
  EXPECT_EQ(ann[0].promotion_id, "dice");
  EXPECT_EQ(ann[1].cause, GrantCause::invite_sent);
  EXPECT_EQ(ann[1].other_user, "eve");
  EXPECT_EQ(ann[2].cause, GrantCause::adjustment);
  EXPECT_EQ(ann[2].reason, "because");
  EXPECT_EQ(ann[3].type, TicketEntry::Type::revocation);
  EXPECT_EQ(ann[3].cause, GrantCause::adjustment);
  EXPECT_EQ(ann[4].type, TicketEntry::Type::draw);
  EXPECT_EQ(ann[4].cause, std::nullopt);
  EXPECT_EQ(ann[4].at, log_.now());
  std::int64_t held = 0;
  std::int64_t last = 0;
  for (const TicketEntry& entry : ann) {
    held += entry.tickets;
    EXPECT_GT(entry.seq, std::exchange(last, entry.seq));
  }
  EXPECT_EQ(held, 2 + 3 + 5 - 4 - 1);

  ASSERT_EQ(tickets("bob").size(), 1U);
  EXPECT_EQ(tickets("bob")[0].cause, GrantCause::invite_opened);
  EXPECT_EQ(tickets("bob")[0].other_user, "ann");
  EXPECT_EQ(tickets("eve").at(0).tickets, 1);
  EXPECT_TRUE(tickets("nobody").empty());

  const std::vector<AuditRow> audit = ledger().audit(0, 100).value();
  ASSERT_EQ(audit.size(), 3U) << "the definition and two adjustments";
  EXPECT_EQ(audit.back().subject, "ann");
  EXPECT_EQ(audit[1].before, R"({"promotionId":"dice","held":5})");
  EXPECT_EQ(audit[1].after, R"({"promotionId":"dice","tickets":5,"held":10})");
  EXPECT_EQ(audit[2].before, R"({"promotionId":"dice","held":10})");
  EXPECT_EQ(audit[2].after, R"({"promotionId":"dice","tickets":-4,"held":6})");
}

TEST_P(LotteryContract, AnAdjustmentIsAuditedWithWhatWasHeldBeforeAndAfter) {
  LotteryLog lottery(log_, small_lottery("dice"));
  LotteryLog other(log_, small_lottery("other"));
  log_.name("ann");
  const auto adjust = [&](std::int64_t tickets) {
    log_.add(lottery.partition(),
             TicketsAdjusted{.user = ref_of("ann"), .tickets = tickets, .audit = log_.audit("adjustTickets")});
  };
  const auto last = [&] {
    const AuditRow row = ledger().audit(0, 100).value().back();
    return row.before + " " + row.after;
  };
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 3});
  log_.add(other.partition(), Visited{.user = ref_of("ann"), .tickets = 70});
  lottery.open(0);
  lottery.draw("ann");
  apply();
  under_test_->reopen();
  adjust(2);
  apply();
  EXPECT_EQ(last(), R"({"promotionId":"dice","held":2} {"promotionId":"dice","tickets":2,"held":4})");

  // All in one batch, and with a win of the second chance, which takes no ticket.
  const LotteryLog::Drawn won = lottery.win(kPoints);
  lottery.void_win(won);
  lottery.draw("ann");
  log_.add(lottery.partition(), LotteryClosed{.second_chance = true, .shortfall = 0});
  log_.add(lottery.partition(), SecondChanceStarted{.prizes = 1, .pool = 1});
  lottery.second("ann", 0, *won.item);
  adjust(-1);
  apply();
  EXPECT_EQ(last(), R"({"promotionId":"dice","held":3} {"promotionId":"dice","tickets":-1,"held":2})");
  adjust(-2);
  apply();
  EXPECT_EQ(last(), R"({"promotionId":"dice","held":2} {"promotionId":"dice","tickets":-2,"held":0})");
}

TEST_P(LotteryContract, EntriesOfAUserComeInPagesAndByPromotion) {
  LotteryLog one(log_, small_lottery("one"));
  LotteryLog two(log_, small_lottery("two"));
  log_.name("ann");
  for (int i = 0; i < 5; ++i) {
    log_.add(one.partition(), TicketsAdjusted{.user = ref_of("ann"), .tickets = 10 + i, .audit = log_.audit("a")});
    log_.add(two.partition(), TicketsAdjusted{.user = ref_of("ann"), .tickets = 20 + i, .audit = log_.audit("a")});
  }
  apply();
  EXPECT_EQ(tickets("ann").size(), 10U);
  std::vector<std::int64_t> seen;
  LotteryLedger::Page page{.partition = two.partition(), .limit = 2};
  for (auto rows = tickets("ann", page); !rows.empty(); rows = tickets("ann", page)) {
    EXPECT_LE(rows.size(), 2U);
    for (const TicketEntry& row : rows) seen.push_back(row.tickets);
    page.after = rows.back().seq;
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{20, 21, 22, 23, 24}));
}

TEST_P(LotteryContract, AGrantNotifiesEachSideUnderItsOwnKeyWhereThatIsSwitchedOn) {
  Promotion promotion = small_lottery("dice");
  promotion.lottery->notifications.ticket_granted = true;
  LotteryLog lottery(log_, promotion);
  log_.name("ann");
  log_.name("eve");
  const Sequence opened = log_.add(lottery.partition(), InviteOpened{.invited = ref_of("eve"),
                                                                     .inviter = ref_of("ann"),
                                                                     .friend_tickets = 1,
                                                                     .inviter_tickets = 2,
                                                                     .day_index = 0,
                                                                     .inviter_limited = false});
  log_.add(lottery.partition(),
           TicketsAdjusted{.user = ref_of("ann"), .tickets = -1, .audit = log_.audit("adjustTickets")});
  apply();
  const auto effects_due = due();
  ASSERT_EQ(effects_due.size(), 2U) << "nobody is told of what was taken away";
  const DueEffect& friends = effects_due.at(lottery.effect_id(opened, kNotificationIndex));
  EXPECT_EQ(friends.kind, EffectKind::notification_ticket_granted);
  EXPECT_EQ(friends.user_id, "eve");
  EXPECT_EQ(friends.amount, 1);
  EXPECT_EQ(friends.promotion_title, "행운 주사위");
  const DueEffect& inviters = effects_due.at(lottery.effect_id(opened, kInviterNotificationIndex));
  EXPECT_EQ(inviters.user_id, "ann");
  EXPECT_EQ(inviters.amount, 2);
}

// --- Draws

TEST_P(LotteryContract, EveryDrawHasTheOutcomeOfThePureFunctions) {
  LotteryLog lottery(log_, small_lottery("dice"));
  play(lottery);
  ASSERT_GT(lottery.wins(), 5U);
  const std::vector<LotteryLog::Drawn>& expected = lottery.draws();
  std::vector<DrawRow> rows = draws({.partition = lottery.partition(), .limit = 10'000});
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_TRUE(same(rows[i], expected[i])) << i;

  std::vector<DrawRow> each;
  EXPECT_TRUE(lotteries()
                  .each_draw(lottery.partition(),
                             [&](const DrawRow& row) {
                               each.push_back(row);
                               return true;
                             })
                  .value());
  ASSERT_EQ(each.size(), rows.size());
  for (std::size_t i = 0; i < each.size(); ++i) EXPECT_EQ(each[i].seq, rows[i].seq);
  int seen = 0;
  EXPECT_FALSE(lotteries().each_draw(lottery.partition(), [&](const DrawRow&) { return ++seen < 3; }).value());
  EXPECT_EQ(seen, 3);

  const std::vector<DrawRow> winners = lotteries().winners({.partition = lottery.partition(), .limit = 3}).value();
  ASSERT_EQ(winners.size(), 3U);
  const auto last_win = std::find_if(expected.rbegin(), expected.rend(), [](const auto& d) { return d.prize; });
  EXPECT_TRUE(same(winners[0], *last_win));
  EXPECT_GT(winners[0].seq, winners[1].seq);
  EXPECT_EQ(lotteries().winners({.partition = lottery.partition(), .limit = 1000})->size(), lottery.wins());
}

TEST_P(LotteryContract, SegmentsAndWinsOfEachDayAreListed) {
  LotteryLog lottery(log_, small_lottery("dice"));
  play(lottery);
  log_.add(lottery.partition(), SegmentPaused{.segment = 4});
  apply();
  const std::vector<SegmentRow> segments = lotteries().segments(lottery.partition()).value();
  ASSERT_EQ(segments.size(), 6U);
  EXPECT_EQ(segments[5].segment, 5U);
  EXPECT_EQ(segments[5].previous, 4);
  EXPECT_EQ(segments[5].quota, lottery.terms().quota);
  EXPECT_EQ(segments[5].length, lottery.terms().length);
  EXPECT_EQ(segments[5].first_item, lottery.terms().first_item);
  EXPECT_TRUE(segments[4].paused);
  EXPECT_FALSE(segments[3].paused);

  std::map<std::pair<std::int32_t, std::uint32_t>, std::int64_t> expected;
  for (const LotteryLog::Drawn& drawn : lottery.draws()) {
    if (drawn.prize) {
      ++expected[{kFirstDay.days + static_cast<std::int32_t>(drawn.place.segment / kSegmentsPerDay), *drawn.prize}];
    }
  }
  std::map<std::pair<std::int32_t, std::uint32_t>, std::int64_t> found;
  const std::vector<DailyWins> days = lotteries().wins_by_day(lottery.partition()).value();
  for (const DailyWins& day : days) {
    found[{day.day.days, day.prize}] = day.wins;
    EXPECT_EQ(day.second_chance, 0);
  }
  EXPECT_EQ(found, expected);
}

TEST_P(LotteryContract, APauseCountsForASegmentThatIsOpenedWhenItIsOver) {
  LotteryLog lottery(log_, small_lottery("dice"));
  LotteryLog other(log_, small_lottery("other"));
  lottery.open(0);
  log_.add(lottery.partition(), SegmentPaused{.segment = 0});
  log_.add(lottery.partition(), SegmentPaused{.segment = 1});
  log_.add(lottery.partition(), SegmentPaused{.segment = 3});
  lottery.open(1);
  apply();
  log_.add(lottery.partition(), SegmentPaused{.segment = 2});
  log_.add(lottery.partition(), SegmentPaused{.segment = 3});
  apply();
  under_test_->reopen();
  lottery.open(2);
  lottery.open(3);
  lottery.open(4);
  other.open(2);
  apply();
  const auto paused = [&](PartitionNo partition) {
    std::vector<std::uint32_t> out;
    const std::vector<SegmentRow> rows = lotteries().segments(partition).value();
    for (const SegmentRow& row : rows) {
      if (row.paused) out.push_back(row.segment);
    }
    return out;
  };
  EXPECT_EQ(paused(lottery.partition()), (std::vector<std::uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(lotteries().segments(lottery.partition())->size(), 5U);
  EXPECT_TRUE(paused(other.partition()).empty());
}

TEST_P(LotteryContract, DrawsOfAUserComeInPages) {
  LotteryLog lottery(log_, small_lottery("dice"));
  play(lottery);
  std::vector<LotteryLog::Drawn> expected;
  std::ranges::copy_if(lottery.draws(), std::back_inserter(expected), [](const auto& d) { return d.user == "u3"; });
  ASSERT_GT(expected.size(), 4U);
  LotteryLedger::Page page{.user = ref_of("u3"), .limit = 3};
  std::size_t at = 0;
  for (auto rows = draws(page); !rows.empty(); rows = draws(page)) {
    for (const DrawRow& row : rows) {
      ASSERT_LT(at, expected.size());
      EXPECT_TRUE(same(row, expected[at++]));
    }
    page.after = rows.back().seq;
  }
  EXPECT_EQ(at, expected.size());
}

TEST_P(LotteryContract, DrawsOfAPromotionComeInPagesWhateverOthersDraw) {
  LotteryLog lottery(log_, small_lottery("dice"));
  LotteryLog other(log_, small_lottery("other"));
  other.open(0);
  for (std::uint32_t segment = 0; segment < 3; ++segment) {
    lottery.open(segment);
    for (int i = 0; i < 5; ++i) {
      lottery.draw("ann");
      other.draw("bob");
    }
  }
  lottery.second("ann", 0, 0);
  apply();
  for (const std::optional<PartitionNo> partition :
       {std::optional{lottery.partition()}, std::optional<PartitionNo>{}}) {
    LotteryLedger::Page page{.partition = partition, .limit = 4};
    std::vector<std::int64_t> seen;
    for (auto rows = draws(page); !rows.empty(); rows = draws(page)) {
      for (const DrawRow& row : rows) seen.push_back(row.seq);
      page.after = rows.back().seq;
    }
    EXPECT_EQ(seen.size(), partition ? 16U : 31U);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
  }
  const std::int64_t others = draws({.partition = other.partition(), .limit = 1}).at(0).seq;
  EXPECT_EQ(draws({.partition = lottery.partition(), .after = others, .limit = 100}).size(), 15U)
      << "any seq is a place to start behind";
}

TEST_P(LotteryContract, AWinIsFoundByItsEvent) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn coffee = lottery.win(kAmericano);
  const LotteryLog::Drawn points = lottery.win(kPoints);
  apply();
  EXPECT_TRUE(same(lotteries().draw_of(lottery.event_id(points)).value().value(), points));
  EXPECT_TRUE(same(lotteries().coupon_of(lottery.event_id(coffee)).value().value().draw, coffee));
  EXPECT_FALSE(lotteries().coupon_of(lottery.event_id(points)).value().has_value());
  EXPECT_FALSE(lotteries().draw_of(EffectId{1}).value().has_value());
}

TEST_P(LotteryContract, ABatchThatNeedsAnotherSeedOrAnUnknownSegmentStopsTheLedger) {
  Promotion promotion = small_lottery("dice");
  promotion.secrets.sealed_seed = "sealed for another";
  LotteryLog lottery(log_, promotion);
  apply();
  const std::uint64_t before = ledger().position().value();
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  lottery.open(0);
  lottery.draw("ann");
  const LogBatch batch = log_.batch();
  for (int i = 0; i < 2; ++i) {
    const auto applied = ledger().apply(batch);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, FailureCode::damaged);
    EXPECT_EQ(ledger().position().value(), before);
    EXPECT_TRUE(tickets("ann").empty()) << "all or nothing";
  }
}

TEST_P(LotteryContract, ADrawInASegmentThatWasNeverOpenedStopsTheLedger) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.add(lottery.partition(), Drew{.user = ref_of("ann"), .segment = 3, .number = 0}, {0});
  const auto applied = ledger().apply(log_.batch());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, FailureCode::damaged);
}

TEST_P(LotteryContract, ASeedThatCouldNotBeOpenedIsTriedAgain) {
  Promotion promotion = small_lottery("dice");
  LotteryLog lottery(log_, promotion);
  lottery.open(0);
  const LogBatch opened = log_.batch();
  ASSERT_TRUE(ledger().apply(opened));
  promotion.secrets.sealed_seed = "sealed for another";
  log_.define(lottery.partition(), codec::encode_definition(promotion));
  lottery.draw("ann");
  LogBatch wrong = log_.batch();
  ASSERT_FALSE(ledger().apply(wrong));
  wrong.events.erase(wrong.events.begin());  // the definition never changed after all
  --wrong.events.front().sequence.value;
  ASSERT_TRUE(ledger().apply(wrong));
  EXPECT_EQ(draws({.user = ref_of("ann")}).size(), 1U);
}

// --- Effects

TEST_P(LotteryContract, AWinOfPointsIsAccruedAndEveryWinIsToldOnce) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn coffee = lottery.win(kAmericano);
  const LotteryLog::Drawn points = lottery.win(kPoints);
  const LogBatch batch = log_.batch();
  ASSERT_TRUE(ledger().apply(batch).value());
  ASSERT_FALSE(ledger().apply(batch).value());
  std::size_t accruals = 0;
  std::size_t wins = 0;
  for (const LotteryLog::Drawn& drawn : lottery.draws()) {
    if (drawn.prize) ++wins;
    if (drawn.prize == kPoints) ++accruals;
  }
  const auto effects_due = due();
  EXPECT_EQ(effects_due.size(), wins + accruals);
  const DueEffect& accrual = effects_due.at(lottery.effect_id(points.sequence, kAccrualIndex));
  EXPECT_EQ(accrual.kind, EffectKind::accrual);
  EXPECT_EQ(accrual.amount, 1000);
  EXPECT_EQ(accrual.user_id, points.user);
  EXPECT_EQ(accrual.occurred_at, points.at);
  const DueEffect& told = effects_due.at(lottery.effect_id(coffee.sequence, kNotificationIndex));
  EXPECT_EQ(told.kind, EffectKind::notification_win);
  EXPECT_EQ(told.promotion_title, "행운 주사위");
  EXPECT_EQ(told.prize_name, "아메리카노");
  EXPECT_FALSE(told.unknown);
  EXPECT_FALSE(effects_due.contains(lottery.effect_id(coffee.sequence, kAccrualIndex)));
}

TEST_P(LotteryContract, AccrualsAndNotificationsWaitInQueuesOfTheirOwn) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn coffee = lottery.win(kAmericano);
  const LotteryLog::Drawn points = lottery.win(kPoints);
  apply();
  const EffectId owed = lottery.effect_id(points.sequence, kAccrualIndex);
  std::vector<DueEffect> taken = effects().take_due(PartnerEndpoint::accruals, {1000}, 1).value();
  ASSERT_EQ(taken.size(), 1U) << "whatever was to be told before";
  EXPECT_EQ(taken[0].kind, EffectKind::accrual);
  while (!taken.empty() && taken[0].id != owed)
    taken = effects().take_due(PartnerEndpoint::accruals, {1000}, 1).value();
  ASSERT_FALSE(taken.empty());
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), kEndOfTime);
  EXPECT_LE(effects().next_due(PartnerEndpoint::notifications).value(), Instant{1000});
  const std::vector<DueEffect> told = effects().take_due(PartnerEndpoint::notifications, {1000}, 256).value();
  EXPECT_EQ(std::ranges::count(told, EffectKind::accrual, &DueEffect::kind), 0);
  EXPECT_EQ(std::ranges::count(told, lottery.effect_id(coffee.sequence, kNotificationIndex), &DueEffect::id), 1);
  EXPECT_EQ(effects().next_due(PartnerEndpoint::notifications).value(), kEndOfTime);

  const auto kept = effects().retry_later({{.id = owed, .next_try = {7000}, .error = "503"}});
  ASSERT_TRUE(kept.value());
  EXPECT_EQ(effects().next_due(PartnerEndpoint::accruals).value(), Instant{7000});
  EXPECT_EQ(effects().next_due(PartnerEndpoint::notifications).value(), kEndOfTime);
}

TEST_P(LotteryContract, ATestMakesNoEffectsAndItsCouponsWaitForNoCode) {
  Promotion promotion = small_lottery("dice");
  promotion.mode = Mode::test;
  promotion.lottery->notifications.ticket_granted = true;
  LotteryLog lottery(log_, promotion);
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  const LotteryLog::Drawn coffee = lottery.win(kAmericano);
  lottery.win(kPoints);
  apply();
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(coupons_of(coffee.user).size(), 1U);
  EXPECT_TRUE(lotteries().pending_coupons(lottery.partition(), kAmericano, 10)->empty());
  EXPECT_TRUE(lotteries().winners({.partition = lottery.partition(), .limit = 1})->at(0).test);
  EXPECT_EQ(lotteries().winners({.partition = lottery.partition(), .limit = 100})->size(), lottery.wins());
}

TEST_P(LotteryContract, EffectsOfWinsAreSettledRedrivenAndCountedLikeAnyOther) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn won = lottery.win(kPoints);
  apply();
  const EffectId accrual = lottery.effect_id(won.sequence, kAccrualIndex);
  const EffectId notification = lottery.effect_id(won.sequence, kNotificationIndex);
  EXPECT_EQ(ledger().totals(lottery.partition()).value()->accruals_pending, 1);
  EXPECT_TRUE(effects().open_for(ref_of(won.user)).value());
  due();
  log_.settle(accrual, EffectSettled::Outcome::done);
  log_.settle(notification, EffectSettled::Outcome::dead, "HTTP 400");
  apply();
  EXPECT_FALSE(effects().open_for(ref_of(won.user)).value());
  const LedgerTotals totals = ledger().totals(lottery.partition()).value().value();
  EXPECT_EQ(totals.participations, 0);
  EXPECT_EQ(totals.accruals_pending, 0);
  EXPECT_EQ(totals.accruals_done, 1);
  EXPECT_EQ(totals.accruals_failed, 0) << "a notification is no accrual";
  const std::vector<DeadLetter> dead = effects().dead_letters(0, 10).value();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].kind, "NOTIFICATION");
  EXPECT_EQ(dead[0].user_id, won.user);
  const std::vector<RewardRow> rewards = ledger().rewards(ref_of(won.user), lottery.partition()).value();
  ASSERT_EQ(rewards.size(), 2U);
  EXPECT_EQ(rewards[0].kind, EffectKind::accrual);
  EXPECT_EQ(rewards[0].state, "DONE");
  EXPECT_EQ(rewards[1].kind, EffectKind::notification_win);
  EXPECT_EQ(rewards[1].state, "DEAD");
  log_.settle(notification, EffectSettled::Outcome::redriven);
  apply();
  EXPECT_TRUE(due().at(notification).unknown);
}

TEST_P(LotteryContract, ARebuiltLedgerDoesNotKnowWhetherItsEffectsWereSent) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn first = lottery.win(kPoints);
  const LotteryLog::Drawn second = lottery.win(kPoints);
  log_.settle(lottery.effect_id(first.sequence, kAccrualIndex), EffectSettled::Outcome::done);
  under_test_ = GetParam().make({.rebuild_until = log_.position()});
  apply();
  const auto effects_due = due();
  EXPECT_FALSE(effects_due.contains(lottery.effect_id(first.sequence, kAccrualIndex)));
  EXPECT_TRUE(effects_due.at(lottery.effect_id(second.sequence, kAccrualIndex)).unknown);
  EXPECT_TRUE(effects_due.at(lottery.effect_id(first.sequence, kNotificationIndex)).unknown);
}

// --- Voids

TEST_P(LotteryContract, AnAccrualThatIsHeldBackIsOverWithTheVoid) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn won = lottery.win(kPoints);
  const EffectId accrual = lottery.effect_id(won.sequence, kAccrualIndex);
  apply();
  EXPECT_TRUE(lotteries().cancel_effect(accrual).value());
  EXPECT_FALSE(lotteries().cancel_effect(accrual).value()) << "it is held back already";
  EXPECT_FALSE(due().contains(accrual));
  lottery.void_win(won);
  apply();
  EXPECT_FALSE(due().contains(accrual));
  const auto rewards = ledger().rewards(ref_of(won.user), std::nullopt).value();
  EXPECT_EQ(rewards.at(0).state, "VOID");
  EXPECT_EQ(rewards.at(0).tries, 0);
  EXPECT_TRUE(lotteries().draw_of(lottery.event_id(won)).value()->voided);
  under_test_->reopen();
  EXPECT_EQ(effects().recover().value(), static_cast<std::int64_t>(lottery.wins()) - 1)
      << "the notifications of the wins that stand";
  EXPECT_FALSE(due().contains(accrual));
}

TEST_P(LotteryContract, WhatWasHeldBackForAVoidThatNeverCameIsSentAfterAll) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const EffectId given_back = lottery.effect_id(lottery.win(kPoints).sequence, kAccrualIndex);
  const EffectId crashed = lottery.effect_id(lottery.win(kPoints).sequence, kAccrualIndex);
  apply();
  ASSERT_TRUE(lotteries().cancel_effect(given_back).value());
  ASSERT_TRUE(lotteries().cancel_effect(crashed).value());
  ASSERT_TRUE(effects()
                  .retry_later({{.id = given_back, .unknown = false, .counted = false, .next_try = {0}, .error = ""}})
                  .value());
  EXPECT_EQ(due().at(given_back).tries, 0);
  under_test_->reopen();
  ASSERT_TRUE(effects().recover());
  EXPECT_TRUE(due().at(crashed).unknown);
}

TEST_P(LotteryContract, WhatSomeoneWasToldOfIsNotHeldBack) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn won = lottery.win(kPoints);
  const EffectId accrual = lottery.effect_id(won.sequence, kAccrualIndex);
  apply();
  due();
  EXPECT_FALSE(lotteries().cancel_effect(accrual).value()) << "on its way";
  ASSERT_TRUE(effects().retry_later({{.id = accrual, .next_try = {0}, .error = "503"}}).value());
  EXPECT_FALSE(lotteries().cancel_effect(accrual).value()) << "tried";
  log_.settle(accrual, EffectSettled::Outcome::done);
  apply();
  EXPECT_FALSE(lotteries().cancel_effect(accrual).value()) << "over";
  EXPECT_FALSE(lotteries().cancel_effect(EffectId{1}).value()) << "unknown";
}

TEST_P(LotteryContract, ARebuildDoesNotPayForAVoidedWin) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn won = lottery.win(kPoints);
  lottery.void_win(won);
  under_test_ = GetParam().make({.rebuild_until = log_.position()});
  apply();
  EXPECT_FALSE(due().contains(lottery.effect_id(won.sequence, kAccrualIndex)));
}

}  // namespace windfall::contract
