// The views of lotteries in the SQLite file.
#include <gtest/gtest.h>

#include "ledger/lottery_log.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

using contract::kAmericano;
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

}  // namespace
}  // namespace windfall::sqlite
