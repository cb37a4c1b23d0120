// The part of the ledger contract about what a ledger notices in lotteries by itself, and knows of one person.
#pragma once

#include "ledger/findings_contract.hpp"
#include "ledger/lottery_log.hpp"

namespace windfall::contract {

class LotteryFindingsContract : public LedgerContract {};

TEST_P(LotteryFindingsContract, CountsFitTheirRowsAndOneThatDoesNotIsTold) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 2});
  log_.add(lottery.partition(), TicketsAdjusted{.user = ref_of("ann"), .tickets = -1, .audit = log_.audit("a")});
  lottery.win(kAmericano);
  lottery.void_win(lottery.win(kPoints));
  log_.add(lottery.partition(), SecondChanceStarted{.prizes = 1, .pool = 1});
  lottery.second("ann", 0, 0);
  apply();
  EXPECT_TRUE(store().findings()->empty());
  EXPECT_TRUE(store().integrity()->empty());
  EXPECT_EQ(under_test_->sql("select revoked || ' ' || second_won || ' ' || voided from lottery_total"),
            std::vector<std::string>{"1 1 1"});
  for (const char* damage : {"update lottery_total set drawn = drawn + 1",
                             "update lottery_total set drawn = drawn - 1; "
                             "update notification_count set count = count + 1 where state = 0"}) {
    under_test_->sql(damage);
    EXPECT_EQ(store().integrity()->size(), 1U) << damage;
  }
}

TEST_P(LotteryFindingsContract, AnotherDrawOfAPlaceIsAFindingAndTheSameOneAgainIsNot) {
  LotteryLog lottery(log_, small_lottery("dice"));
  lottery.open(0);
  lottery.draw("ann");
  LogBatch batch = log_.batch();
  ASSERT_TRUE(store().apply(batch));
  batch.position += 10;
  batch.events.erase(batch.events.begin(), batch.events.end() - 1);
  ASSERT_TRUE(store().apply(batch));
  EXPECT_TRUE(store().findings()->empty());
  batch.position += 10;
  batch.events.back().sequence.value += 1;
  ASSERT_TRUE(store().apply(batch));
  ASSERT_EQ(store().findings()->size(), 1U);
  EXPECT_EQ(store().findings()->at(0).kind, "DRAWN_TWICE");
  EXPECT_EQ(store().draws({})->size(), 1U);
}

TEST_P(LotteryFindingsContract, ACodeForWhatNeverWonIsAFinding) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn points = lottery.win(kPoints);
  const PartitionNo p = lottery.partition();
  log_.add(p, CodeAssigned{.user = ref_of("ann"), .win = {.segment = 0, .serial = 99}, .prize = 0, .issue = 0}, {0});
  log_.add(p, CodeAssigned{.user = ref_of("ann"), .win = points.place, .prize = 0, .issue = 0}, {1});
  apply();
  ASSERT_EQ(store().findings()->size(), 2U);
  EXPECT_EQ(store().findings()->at(0).kind, "NO_SUCH_WIN");
  EXPECT_EQ(store().findings()->at(1).kind, "NO_SUCH_COUPON");
}

TEST_P(LotteryFindingsContract, AnEventThatGrantedNothingIsARefusalOfItsPromotion) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.name("ann");
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  log_.add(lottery.partition(),
           InboundSettled{.id = {7}, .user = ref_of("ann"), .dropped = false, .reason = "NOT_FIRST_VISIT"});
  log_.add(kSystemPartition,
           InboundSettled{.id = {8}, .user = ref_of("ann"), .dropped = true, .reason = "INVITE_INVALID"});
  apply();
  const RefusalRow call{.at = {log_.now().ms + 1}, .promotion_id = "dice", .code = "NO_TICKET", .detail = "draw"};
  ASSERT_TRUE(store().add_refusals({{ref_of("ann"), call}}));
  const std::vector<RefusalRow> refusals = store().refusals(ref_of("ann")).value();
  ASSERT_EQ(refusals.size(), 2U) << "of what was about no promotion nobody is told by promotion";
  EXPECT_EQ(refusals[0].promotion_id, "dice");
  EXPECT_EQ(refusals[0].code, "NOT_FIRST_VISIT");
  EXPECT_EQ(refusals[1].code, "NO_TICKET");
  const UserExport ann = store().export_user(ref_of("ann")).value();
  ASSERT_EQ(ann.inbound.size(), 2U);
  EXPECT_EQ(ann.inbound[0].promotion_id, "dice");
  EXPECT_EQ(ann.inbound[1].promotion_id, "");
  EXPECT_EQ(ann.refusals.size(), 1U);
  EXPECT_GE(store().drop_older_than(Ledger::Retention::of_all({log_.now().ms + 1})).value(), 2);
  EXPECT_EQ(store().refusals(ref_of("ann"))->size(), 1U);
  log_.erase("ann");
  apply();
  EXPECT_TRUE(store().refusals(ref_of("ann"))->empty());
}

TEST_P(LotteryFindingsContract, AnExportHoldsAllThatIsKnownOfAPerson) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  const LotteryLog::Drawn won = lottery.win(kAmericano);
  log_.add(kSystemPartition,
           InboundSettled{.id = {7}, .user = ref_of("ann"), .dropped = true, .reason = "OUTSIDE_PERIOD"});
  log_.add(kSystemPartition, InboundSettled{.id = {8}, .user = ref_of("ann"), .dropped = false, .reason = ""});
  apply();
  const UserExport ann = store().export_user(ref_of("ann")).value();
  EXPECT_EQ(ann.tickets.size(), 1U);
  ASSERT_EQ(ann.inbound.size(), 1U);
  EXPECT_EQ(ann.inbound[0].reason, "OUTSIDE_PERIOD");
  EXPECT_EQ(ann.inbound[0].id[0], 7);
  const UserExport winner = store().export_user(ref_of(won.user)).value();
  EXPECT_EQ(winner.draws.size(), 1U);
  EXPECT_EQ(winner.coupons.size(), 1U);
  log_.erase("ann");
  apply();
  EXPECT_TRUE(store().export_user(ref_of("ann"))->inbound.empty());
}

}  // namespace windfall::contract
