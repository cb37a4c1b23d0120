// The part of LotteryContract about what follows a draw: coupons, winners as they stand, the second chance, erasure.
#pragma once

#include <limits>

#include "ledger/lottery_contract.hpp"

namespace windfall::contract {

// --- Coupons

TEST_P(LotteryContract, ACouponIsAssignedReissuedUsedAndVoided) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const PartitionNo p = lottery.partition();
  const LotteryLog::Drawn first = lottery.win(kAmericano);
  const LotteryLog::Drawn second = lottery.win(kAmericano);
  log_.add(p, CodesImported{.prize = kAmericano, .count = 3, .audit = log_.audit("importCodes")});
  apply();
  std::vector<CouponRow> pending = lotteries().pending_coupons(p, kAmericano, 10).value();
  ASSERT_EQ(pending.size(), 2U);
  EXPECT_TRUE(same(pending[0].draw, first)) << "oldest win first";
  EXPECT_EQ(pending[0].ordinal, std::nullopt);
  EXPECT_EQ(lotteries().pending_coupons(p, kAmericano, 1)->size(), 1U);
  EXPECT_TRUE(lotteries().pending_coupons(p, kPoints, 10)->empty());
  const Zone seoul = system::load_zone("Asia/Seoul").value();
  EXPECT_EQ(pending[0].expires_at, seoul.start_of({seoul.day_at(first.at).days + 31}))
      << "the whole of the thirtieth day after the win";

  const auto assign = [&](const LotteryLog::Drawn& won, std::uint32_t issue, std::int64_t ordinal) {
    log_.add(p, CodeAssigned{.user = ref_of(won.user), .win = won.place, .prize = kAmericano, .issue = issue},
             {ordinal});
  };
  assign(first, 0, 0);
  const Instant issued = log_.now();
  log_.add(p, CouponUsed{.user = ref_of(first.user), .win = first.place});
  apply();
  CouponRow coupon = coupons_of(first.user).at(0);
  EXPECT_EQ(coupon.ordinal, 0);
  EXPECT_EQ(coupon.issued_at, issued);
  EXPECT_EQ(coupon.used_at, log_.now());
  EXPECT_EQ(lotteries().pending_coupons(p, kAmericano, 10)->size(), 1U);

  log_.add(p, CouponReissued{.user = ref_of(first.user), .win = first.place, .issue = 1, .audit = log_.audit("r")});
  apply();
  coupon = lotteries().coupon_of(lottery.event_id(first)).value().value();
  EXPECT_EQ(coupon.issue, 1U);
  EXPECT_EQ(coupon.ordinal, std::nullopt);
  EXPECT_EQ(coupon.used_at, std::nullopt);
  EXPECT_EQ(lotteries().pending_coupons(p, kAmericano, 10)->size(), 2U);
  assign(first, 1, 2);
  lottery.void_win(second);
  apply();
  EXPECT_EQ(coupons_of(first.user).at(0).ordinal, 2);
  EXPECT_TRUE(coupons_of(second.user).at(0).draw.voided);
  EXPECT_TRUE(lotteries().pending_coupons(p, kAmericano, 10)->empty()) << "a voided win gets no code";
}

TEST_P(LotteryContract, ACouponUsesNoDaysUpWhileItWaitsForItsCode) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const PartitionNo p = lottery.partition();
  const LotteryLog::Drawn waits = lottery.win(kAmericano);
  const LotteryLog::Drawn at_once = lottery.win(kAmericano);
  const Zone seoul = system::load_zone("Asia/Seoul").value();
  const auto days_after = [&](Instant at) { return seoul.start_of({seoul.day_at(at).days + 31}); };
  const auto assign = [&](const LotteryLog::Drawn& won, std::uint32_t issue, std::int64_t ordinal) {
    log_.add(p, CodeAssigned{.user = ref_of(won.user), .win = won.place, .prize = kAmericano, .issue = issue},
             {ordinal});
  };
  const auto expiry = [&](const LotteryLog::Drawn& won) { return coupons_of(won.user).at(0).expires_at; };
  log_.add(p, CodesImported{.prize = kAmericano, .count = 9, .audit = log_.audit("importCodes")});
  assign(at_once, 0, 0);
  apply();
  EXPECT_EQ(expiry(waits), days_after(waits.at));
  EXPECT_EQ(expiry(at_once), days_after(at_once.at));

  log_.go_to({log_.now().ms + 40 * 24 * kHourMs});
  assign(waits, 0, 1);
  const Instant assigned = log_.now();
  apply();
  EXPECT_EQ(expiry(waits), days_after(assigned));
  EXPECT_EQ(expiry(at_once), days_after(at_once.at));

  // Another code: its days begin anew, and again when it has to be waited for.
  log_.go_to({log_.now().ms + 24 * kHourMs});
  log_.add(p, CouponReissued{.user = ref_of(waits.user), .win = waits.place, .issue = 1, .audit = log_.audit("r")});
  apply();
  EXPECT_EQ(expiry(waits), days_after(log_.now()));
  log_.go_to({log_.now().ms + 24 * kHourMs});
  assign(waits, 1, 2);
  apply();
  under_test_->reopen();
  EXPECT_EQ(expiry(waits), days_after(log_.now()));
}

TEST_P(LotteryContract, NobodyIsToldOfAWinThatWasVoidedBeforeTheCallWentOut) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn stays = lottery.win(kAmericano);
  const LotteryLog::Drawn goes = lottery.win(kAmericano);
  apply();
  lottery.void_win(goes);
  apply();
  const auto effects_due = due();
  EXPECT_TRUE(effects_due.contains(lottery.effect_id(stays.sequence, kNotificationIndex)));
  EXPECT_FALSE(effects_due.contains(lottery.effect_id(goes.sequence, kNotificationIndex)));

  // What is on its way is not called back, but it is not tried again.
  lottery.void_win(stays);
  apply();
  ASSERT_TRUE(effects().retry_later(
      {{.id = lottery.effect_id(stays.sequence, kNotificationIndex), .next_try = {500}, .error = "no answer"}}));
  EXPECT_TRUE(due().empty());
}

TEST_P(LotteryContract, NobodyIsToldOfAVoidedWinByARedrive) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn won = lottery.win(kAmericano);
  const EffectId notification = lottery.effect_id(won.sequence, kNotificationIndex);
  apply();
  due();
  log_.settle(notification, EffectSettled::Outcome::dead, "HTTP 422");
  apply();
  ASSERT_EQ(effects().dead_letters(0, 10)->size(), 1U);
  under_test_->reopen();
  lottery.void_win(won);
  apply();
  EXPECT_TRUE(effects().dead_letters(0, 10)->empty());
  EXPECT_EQ(effects().gauges()->dead, 0);
  log_.settle(notification, EffectSettled::Outcome::redriven);
  apply();
  EXPECT_FALSE(due().contains(notification));
  EXPECT_EQ(ledger().rewards(ref_of(won.user), lottery.partition())->at(0).state, "VOID");
}

TEST_P(LotteryContract, ANotificationThatNeverWentOutIsNotToldAsDone) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn at_once = lottery.win(kAmericano);
  lottery.void_win(at_once);
  const LotteryLog::Drawn waits = lottery.win(kAmericano);
  const LotteryLog::Drawn leaves = lottery.win(kAmericano);
  const LotteryLog::Drawn told = lottery.win(kAmericano);
  apply();
  lottery.void_win(waits);
  apply();
  due();
  log_.settle(lottery.effect_id(told.sequence, kNotificationIndex), EffectSettled::Outcome::done);
  lottery.void_win(leaves);
  lottery.void_win(told);
  apply();
  under_test_->reopen();
  const auto state_of = [&](const LotteryLog::Drawn& won) {
    return ledger().rewards(ref_of(won.user), lottery.partition())->at(0).state;
  };
  EXPECT_EQ(state_of(at_once), "VOID") << "in the batch of its win";
  EXPECT_EQ(state_of(waits), "VOID");
  EXPECT_EQ(state_of(leaves), "DONE") << "it was on its way";
  EXPECT_EQ(state_of(told), "DONE");
}

TEST_P(LotteryContract, FiguresCountNoPointsOfVoidedWins) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn stays = lottery.win(kPoints);
  const LotteryLog::Drawn goes = lottery.win(kPoints);
  apply();
  const auto accruals = [&] { return lotteries().lottery_totals(lottery.partition())->accruals; };
  const auto standing = [&] {
    std::int64_t sum = 0;
    const std::vector<DailyWins> days = lotteries().wins_by_day(lottery.partition()).value();
    for (const DailyWins& day : days) {
      if (day.prize == kPoints) sum += day.wins + day.second_chance - day.voided;
    }
    return sum;
  };
  EXPECT_EQ(accruals(), 2);
  EXPECT_EQ(standing(), 2);
  lottery.void_win(goes);
  apply();
  EXPECT_EQ(accruals(), 1);
  EXPECT_EQ(standing(), 1);
  lottery.void_win(stays);
  apply();
  EXPECT_EQ(accruals(), 0);
  EXPECT_EQ(standing(), 0);
}

// --- Winners

TEST_P(LotteryContract, WinnersComeInPagesLatestFirstAndWhatStaysListedIsSeenOnce) {
  LotteryLog lottery(log_, small_lottery("dice"));
  LotteryLog other(log_, small_lottery("other"));
  for (std::uint32_t segment = 0; segment < 4; ++segment) {
    lottery.open(segment);
    other.open(segment);
    for (std::uint32_t i = 0; i < lottery.terms().length; ++i) {
      lottery.draw("u" + std::to_string(i % 11));
      other.draw("v" + std::to_string(i % 11));
    }
  }
  apply();
  const auto page = [&](std::int64_t before, int limit) {
    return lotteries().winners({.partition = lottery.partition(), .before = before, .limit = limit}).value();
  };
  const std::vector<DrawRow> all = lotteries().winners({.partition = lottery.partition(), .limit = 1000}).value();
  ASSERT_EQ(all.size(), lottery.wins());
  ASSERT_GT(all.size(), 6U);
  std::vector<std::int64_t> seen;
  for (const DrawRow& row : page(all.front().seq + 1, 2)) seen.push_back(row.seq);
  ASSERT_EQ(seen, (std::vector<std::int64_t>{all[0].seq, all[1].seq}));

  // Between two pages the last win shown is voided, and one that would have come.
  log_.add(lottery.partition(), WinVoided{.user = all[1].user, .win = all[1].place, .audit = log_.audit("voidDraw")});
  log_.add(lottery.partition(), WinVoided{.user = all[3].user, .win = all[3].place, .audit = log_.audit("voidDraw")});
  apply();
  std::int64_t last = seen.back();
  for (auto rows = page(last, 2); !rows.empty(); rows = page(last, 2)) {
    EXPECT_LE(rows.size(), 2U);
    for (const DrawRow& row : rows) {
      EXPECT_FALSE(row.voided);
      seen.push_back(row.seq);
    }
    last = rows.back().seq;
  }
  std::vector<std::int64_t> expected;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i != 3) expected.push_back(all[i].seq);
  }
  EXPECT_EQ(seen, expected);
  EXPECT_TRUE(page(all.back().seq, 10).empty());
  for (const std::int64_t before : {std::int64_t{0}, std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_TRUE(page(before, 10).empty()) << "a cursor that no list has given";
  }
}

// --- The second chance

TEST_P(LotteryContract, TheSecondChanceIsForThoseWhoLostAndMayStillWin) {
  LotteryLog lottery(log_, small_lottery("dice"));
  play(lottery);
  std::map<std::string, std::pair<int, int>> by_user;  // wins, losses
  for (const LotteryLog::Drawn& drawn : lottery.draws()) {
    ++(drawn.prize ? by_user[drawn.user].first : by_user[drawn.user].second);
  }
  for (const int allowed : {1, 2, 3}) {
    std::set<UserRef> expected;
    for (const auto& [user, count] : by_user) {
      if (count.second > 0 && count.first < allowed) expected.insert(ref_of(user));
    }
    const std::vector<UserRef> pool = lotteries().second_chance_pool(lottery.partition(), allowed).value();
    EXPECT_EQ(std::set<UserRef>(pool.begin(), pool.end()), expected);
    EXPECT_EQ(pool.size(), expected.size());
  }
}

TEST_P(LotteryContract, WhatTheSecondChanceGaveIsAWinThatChangesNeitherItsPoolNorTheAccount) {
  LotteryLog lottery(log_, small_lottery("dice"));
  play(lottery);
  const auto won = std::find_if(lottery.draws().begin(), lottery.draws().end(), [](const auto& d) { return d.prize; });
  const auto later = std::find_if(won + 1, lottery.draws().end(), [](const auto& d) { return d.prize; });
  lottery.void_win(*won);
  apply();
  const auto pool = lotteries().second_chance_pool(lottery.partition(), 3).value();
  ASSERT_FALSE(pool.empty());
  EXPECT_EQ(lotteries().voided_items(lottery.partition()).value(), std::vector<std::uint32_t>{*won->item});
  const auto entries = tickets("u3").size();

  log_.go_to({log_.now().ms + 48 * kHourMs});
  log_.add(lottery.partition(), LotteryClosed{.second_chance = true, .shortfall = 0});
  log_.add(lottery.partition(), SecondChanceStarted{.prizes = 1, .pool = 1});
  const Sequence sequence = lottery.second("u3", 0, *won->item);
  const Instant at = log_.now();
  log_.add(lottery.partition(), SecondChanceEnded{.shortfall = 0});
  lottery.void_win(*later);
  apply();
  const DrawRow row = draws({.user = ref_of("u3"), .limit = 1000}).back();
  EXPECT_EQ(row.place, (WinPlace{.segment = WinPlace::kSecondChance, .serial = 0}));
  EXPECT_EQ(row.item, won->item);
  EXPECT_EQ(row.prize, won->prize);
  EXPECT_EQ(row.sequence, sequence);
  EXPECT_EQ(tickets("u3").size(), entries) << "no ticket was drawn";
  EXPECT_EQ(lotteries().second_chance_pool(lottery.partition(), 3).value(), pool);
  EXPECT_EQ(lotteries().voided_items(lottery.partition()).value(), std::vector<std::uint32_t>{*won->item})
      << "a later void leaves nothing to give";
  const auto told = [&](const LotteryLog::Drawn& drawn) {
    return *lotteries().draw_of(lottery.event_id(drawn)).value();
  };
  EXPECT_TRUE(told(*won).voided && !told(*won).voided_late);
  EXPECT_TRUE(told(*later).voided && told(*later).voided_late);
  std::int64_t second = 0;
  const std::vector<DailyWins> days = lotteries().wins_by_day(lottery.partition()).value();
  for (const DailyWins& day : days) {
    second += day.second_chance;
    if (day.second_chance > 0) EXPECT_EQ(day.day, system::load_zone("Asia/Seoul")->day_at(at));
  }
  EXPECT_EQ(second, 1);
  EXPECT_TRUE(due().contains(lottery.effect_id(sequence, kNotificationIndex)));
}

// --- People

TEST_P(LotteryContract, AnErasedPersonHasNoIdAndNoWordsAreKeptAboutThem) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.name("ann");
  log_.name("eve");
  log_.add(lottery.partition(),
           TicketsAdjusted{.user = ref_of("ann"), .tickets = 2, .audit = {.actor = "key-1", .reason = "ann called"}});
  log_.add(lottery.partition(), InviteOpened{.invited = ref_of("eve"),
                                             .inviter = ref_of("ann"),
                                             .friend_tickets = 1,
                                             .inviter_tickets = 1,
                                             .day_index = 0,
                                             .inviter_limited = false});
  lottery.open(0);
  lottery.draw("ann");
  apply();
  log_.erase("ann");
  apply();
  EXPECT_EQ(tickets("ann").at(0).reason, "");
  EXPECT_EQ(tickets("eve").at(0).other_user, "");
  EXPECT_EQ(draws({.user = ref_of("ann")}).at(0).user_id, "");
  EXPECT_EQ(tickets("ann").at(0).user_id, "");
  EXPECT_EQ(tickets("eve").at(0).user_id, "eve");
  lottery.draw("ann");
  apply();
  EXPECT_EQ(draws({.user = ref_of("ann")}).at(0).user_id, "ann") << "who comes back has an id again";
}

}  // namespace windfall::contract
