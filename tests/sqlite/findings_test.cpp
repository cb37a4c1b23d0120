// A forged audit, where the forgery needs SQLite's own words; the rest is in the ledger contract. And counts made anew.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ledger/lottery_log.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

class AuditChain : public testing::TestWithParam<const char*> {};

TEST_P(AuditChain, CatchesTampering) {
  SqliteUnderTest under_test({});
  contract::LogBuilder log;
  for (int i = 0; i < 6; ++i)
    log.add(kSystemPartition, Audited{.audit = contract::LogBuilder::audit("redrive"), .subject = std::to_string(i)});
  ASSERT_TRUE(under_test.store().apply(log.batch()));
  ASSERT_FALSE(under_test.store().first_broken_audit().value());
  under_test.sql(GetParam());
  EXPECT_TRUE(under_test.store().first_broken_audit().value());
}

INSTANTIATE_TEST_SUITE_P(Each, AuditChain,
                         testing::Values("update audit set at = at + 1 where seq = 6",
                                         "update audit set subject_user = zeroblob(16) where seq = 2"));

/// A ledger of a daily promotion and of a lottery, in which everything that is counted happened.
class Counts : public testing::Test {
 protected:
  Counts() {
    contract::LogBuilder log;
    const PartitionNo daily = log.promotion("daily");
    for (const char* user : {"ann", "ben"}) {
      log.name(user);
      log.add(daily,
              Participated{.user = contract::ref_of(user), .day = contract::kFirstDay, .day_index = 0, .amount = 500});
    }
    contract::LotteryLog lottery(log, contract::small_lottery("dice"));
    log.add(lottery.partition(), Visited{.user = contract::ref_of("ann"), .tickets = 2});
    log.add(lottery.partition(),
            TicketsAdjusted{.user = contract::ref_of("ann"), .tickets = -1, .audit = log.audit("a")});
    lottery.void_win(lottery.win(contract::kPoints));
    log.add(lottery.partition(), SecondChanceStarted{.prizes = 1, .pool = 1});
    lottery.second("ann", 0, 0);
    drawn_ = lottery.draws().size();
    daily_ = daily;
    lottery_ = lottery.partition();
    const auto ledger = open();
    EXPECT_TRUE(ledger->apply(log.batch()).value());
    EXPECT_TRUE(ledger->integrity()->empty());
  }
  std::unique_ptr<SqliteLedger> open() { return SqliteLedger::open(test_options(path_)).value(); }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.db");
  PartitionNo daily_;
  PartitionNo lottery_;
  std::size_t drawn_ = 0;
};

TEST_F(Counts, AreMadeAnewFromTheRows) {
  const auto ledger = open();
  const std::set<PartitionNo> all{daily_, lottery_, PartitionNo{77}};
  const LedgerRows::Wrong everything{.joins = all, .effects = all, .lotteries = all};
  EXPECT_EQ(ledger->recount(everything).value(), 0) << "they were right";
  for (const char* damage :
       {"update total set participations = participations + 2", "update total set spent = 0", "delete from total",
        "insert into total values (77, 1, 1)",
        "update effect_count set count = count + 1 where state = 0 and partition = 1", "delete from notification_count",
        "insert into effect_count values (77, 3, 9)", "insert into notification_count values (77, 3, 9)",
        "update lottery_total set visit = 9, drawn = 0",
        "update lottery_total set second_won = 5, voided = 0, won = 0, revoked = 7, accruals = 1000",
        "delete from lottery_total", "delete from participation", "delete from ticket where tickets < 0"}) {
    sql(path_, damage);
    EXPECT_FALSE(ledger->integrity()->empty()) << damage;
    EXPECT_GT(ledger->recount(everything).value(), 0) << damage;
    EXPECT_TRUE(ledger->integrity()->empty()) << damage;
  }
}

TEST_F(Counts, StayAsTheyAreWhereTheyAreRight) {
  const auto ledger = open();
  sql(path_, "delete from participation");
  sql(path_, "delete from ticket");
  const std::set<PartitionNo> other{PartitionNo{77}};
  EXPECT_EQ(ledger->recount({.joins = other, .effects = other, .lotteries = other}).value(), 0);
  EXPECT_EQ(ledger->recount({.joins = {lottery_}, .effects = {daily_}, .lotteries = {daily_}}).value(), 0);
  EXPECT_GT(ledger->recount({.joins = {daily_}, .effects = {}, .lotteries = {}}).value(), 0);
  EXPECT_GT(ledger->recount({.joins = {}, .effects = {}, .lotteries = {lottery_}}).value(), 0);
}

TEST_F(Counts, SayNothingOfARowThatIsMissingButThePersonDoes) {
  const auto ledger = open();
  const auto sums_of = [&](const std::string& id) {
    std::map<PartitionNo, LedgerRows::Sums> sums;
    const std::vector<LedgerRows::OfUser> everybody = ledger->rows_of_users(0, 1'000).value();
    for (const LedgerRows::OfUser& one : everybody) {
      if (one.user_id != id) continue;
      for (const LedgerRows::Sums& of : one.sums) sums[of.partition] = of;
    }
    return sums;
  };
  EXPECT_EQ(sums_of("ann").at(daily_).joins, 1);
  EXPECT_EQ(sums_of("ann").at(lottery_).held, 1) << "two granted, one taken away, none drawn by the second chance";
  EXPECT_EQ(sums_of("ann").at(lottery_).draws, 0);
  EXPECT_FALSE(sums_of("ben").contains(lottery_));
  EXPECT_EQ(sums_of("guest-0").at(lottery_).draws, 1);
  sql(path_, "delete from ticket where tickets = 2");
  EXPECT_EQ(sums_of("ann").at(lottery_).held, -1);
}

TEST_F(Counts, ArePagedByPeople) {
  const auto ledger = open();
  std::size_t people = 0;
  std::size_t drew = 0;
  std::int64_t after = 0;
  for (auto page = ledger->rows_of_users(after, 3).value(); !page.empty();
       page = ledger->rows_of_users(after, 3).value()) {
    EXPECT_LE(page.size(), 3U);
    for (const LedgerRows::OfUser& one : page) {
      EXPECT_GT(one.number, after);
      after = one.number;
      ++people;
      for (const LedgerRows::Sums& of : one.sums) drew += static_cast<std::size_t>(of.draws);
    }
  }
  EXPECT_EQ(people, drawn_ + 2);
  EXPECT_EQ(drew, drawn_);
  EXPECT_TRUE(ledger->rows_of_users(0, 0)->empty());
}

}  // namespace
}  // namespace windfall::sqlite
