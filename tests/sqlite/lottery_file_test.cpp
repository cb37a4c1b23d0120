// The SQLite file of lotteries: what it notices by itself, its views, and what it knows of one person.
#include <gtest/gtest.h>

#include "sqlite/lottery_log.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

using contract::kAmericano;
using contract::kPoints;
using contract::LotteryLog;
using contract::ref_of;
using contract::small_lottery;

class LotteryFile : public testing::Test {
 protected:
  void apply() {
    const auto applied = ledger_->apply(log_.batch());
    ASSERT_TRUE(applied) << applied.error().message;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.db");
  std::unique_ptr<SqliteLedger> ledger_ = SqliteLedger::open(test_options(path_)).value();
  contract::LogBuilder log_;
};

TEST_F(LotteryFile, CountsFitTheirRowsAndOneThatDoesNotIsTold) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 2});
  log_.add(lottery.partition(), TicketsAdjusted{.user = ref_of("ann"), .tickets = -1, .audit = log_.audit("a")});
  lottery.win(kAmericano);
  lottery.void_win(lottery.win(kPoints));
  log_.add(lottery.partition(), SecondChanceStarted{.prizes = 1, .pool = 1});
  lottery.second("ann", 0, 0);
  apply();
  EXPECT_TRUE(ledger_->findings()->empty());
  EXPECT_TRUE(ledger_->integrity()->empty());
  EXPECT_EQ(sql(path_, "select revoked || ' ' || second_won || ' ' || voided from lottery_total"),
            std::vector<std::string>{"1 1 1"});
  for (const char* damage : {"update lottery_total set drawn = drawn + 1",
                             "update lottery_total set drawn = drawn - 1; "
                             "update notification_count set count = count + 1 where state = 0"}) {
    sql(path_, damage);
    EXPECT_EQ(ledger_->integrity()->size(), 1U) << damage;
  }
}

TEST_F(LotteryFile, AnotherDrawOfAPlaceIsAFindingAndTheSameOneAgainIsNot) {
  LotteryLog lottery(log_, small_lottery("dice"));
  lottery.open(0);
  lottery.draw("ann");
  LogBatch batch = log_.batch();
  ASSERT_TRUE(ledger_->apply(batch));
  batch.position += 10;
  batch.events.erase(batch.events.begin(), batch.events.end() - 1);
  ASSERT_TRUE(ledger_->apply(batch));
  EXPECT_TRUE(ledger_->findings()->empty());
  batch.position += 10;
  batch.events.back().sequence.value += 1;
  ASSERT_TRUE(ledger_->apply(batch));
  ASSERT_EQ(ledger_->findings()->size(), 1U);
  EXPECT_EQ(ledger_->findings()->at(0).kind, "DRAWN_TWICE");
  EXPECT_EQ(ledger_->draws({})->size(), 1U);
}

TEST_F(LotteryFile, ACodeForWhatNeverWonIsAFinding) {
  LotteryLog lottery(log_, small_lottery("dice"));
  const LotteryLog::Drawn points = lottery.win(kPoints);
  const PartitionNo p = lottery.partition();
  log_.add(p, CodeAssigned{.user = ref_of("ann"), .win = {.segment = 0, .serial = 99}, .prize = 0, .issue = 0}, {0});
  log_.add(p, CodeAssigned{.user = ref_of("ann"), .win = points.place, .prize = 0, .issue = 0}, {1});
  apply();
  ASSERT_EQ(ledger_->findings()->size(), 2U);
  EXPECT_EQ(ledger_->findings()->at(0).kind, "NO_SUCH_WIN");
  EXPECT_EQ(ledger_->findings()->at(1).kind, "NO_SUCH_COUPON");
}

TEST_F(LotteryFile, ViewsShowWhatPeopleCanRead) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.name("ann");
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  const LotteryLog::Drawn won = lottery.win(kAmericano);
  apply();
  EXPECT_EQ(
      sql(path_, "select user || ' ' || type || ' ' || cause || ' ' || tickets from v_ticket where type = 'GRANT'"),
      std::vector<std::string>{"ann GRANT VISIT 1"});
  EXPECT_EQ(sql(path_,
                "select user || ' ' || prize || ' ' || day from v_draw where prize = 'americano' order by seq limit 1"),
            std::vector<std::string>{won.user + " americano 2025-06-21"});
  EXPECT_EQ(sql(path_, "select state || ' ' || expires_at from v_coupon where user = '" + won.user + "'"),
            std::vector<std::string>{"PENDING_CODE 2025-07-21T15:00:00.000Z"});
  EXPECT_EQ(sql(path_, "select distinct kind from v_effect where kind = 'WIN'"), std::vector<std::string>{"WIN"});
}

TEST_F(LotteryFile, AnExportHoldsAllThatIsKnownOfAPerson) {
  LotteryLog lottery(log_, small_lottery("dice"));
  log_.add(lottery.partition(), Visited{.user = ref_of("ann"), .tickets = 1});
  const LotteryLog::Drawn won = lottery.win(kAmericano);
  log_.add(kSystemPartition,
           InboundSettled{.id = {7}, .user = ref_of("ann"), .dropped = true, .reason = "OUTSIDE_PERIOD"});
  log_.add(kSystemPartition, InboundSettled{.id = {8}, .user = ref_of("ann"), .dropped = false, .reason = ""});
  apply();
  const UserExport ann = ledger_->export_user(ref_of("ann")).value();
  EXPECT_EQ(ann.tickets.size(), 1U);
  ASSERT_EQ(ann.inbound.size(), 1U);
  EXPECT_EQ(ann.inbound[0].reason, "OUTSIDE_PERIOD");
  EXPECT_EQ(ann.inbound[0].id[0], 7);
  const UserExport winner = ledger_->export_user(ref_of(won.user)).value();
  EXPECT_EQ(winner.draws.size(), 1U);
  EXPECT_EQ(winner.coupons.size(), 1U);
  log_.erase("ann");
  apply();
  EXPECT_TRUE(ledger_->export_user(ref_of("ann"))->inbound.empty());
}

}  // namespace
}  // namespace windfall::sqlite
