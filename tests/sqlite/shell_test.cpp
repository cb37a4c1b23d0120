// The file as anyone sees it who opens it with the sqlite3 shell.
#include <gtest/gtest.h>

#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

using Strings = std::vector<std::string>;

TEST(Views, ShowTimesAndIdsAsPeopleWriteThem) {
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const auto ledger = SqliteLedger::open(test_options(path)).value();
  contract::LogBuilder log;
  const PartitionNo p = log.promotion("p");
  const EffectId effect = log.join(p, "ann");  // at kStart + 2 ms
  log.join(p, "bob", {.test = true});
  log.add(
      kSystemPartition,
      UserBlocked{.user = contract::ref_of("ann"), .blocked = true, .audit = contract::LogBuilder::audit("blockUser")});
  ASSERT_TRUE(ledger->apply(log.batch()));
  ASSERT_TRUE(ledger->add_refusals(
      {{contract::ref_of("ann"),
        RefusalRow{.at = {1750464000123}, .promotion_id = "p", .code = "BLOCKED", .detail = ""}}}));

  EXPECT_EQ(
      sql(path,
          "select user || ' ' || promotion || ' ' || day || ' ' || at || ' ' || accrual from v_participation order by "
          "ordinal"),
      (Strings{"ann p 2025-06-21 2025-06-21T00:00:00.002Z PENDING", "bob p 2025-06-21 2025-06-21T00:00:00.003Z DONE"}));
  const std::string id = sql(path, "select id from v_effect")[0];
  EXPECT_EQ(id, ledger->rewards(contract::ref_of("ann"), std::nullopt)->at(0).effect_id);
  EXPECT_EQ(sql(path, "select state || ' ' || occurred_at from v_effect"),
            (Strings{"PENDING 2025-06-21T00:00:00.002Z"}));
  log.settle(effect, EffectSettled::Outcome::done);
  ASSERT_TRUE(ledger->apply(log.batch()));
  EXPECT_EQ(sql(path, "select state from v_effect"), Strings{"DONE"});
  EXPECT_EQ(sql(path, "select accrual from v_participation"), (Strings{"DONE", "DONE"}));
  EXPECT_EQ(sql(path, "select subject || ' ' || action || ' ' || at from v_audit where seq = 2"),
            (Strings{"ann blockUser 2025-06-21T00:00:00.004Z"}));
  EXPECT_EQ(sql(path, "select title || ' ' || created from v_promotion"),
            (Strings{"Promotion p 2025-06-21T00:00:00.001Z"}));
  EXPECT_EQ(sql(path, "select user || ' ' || code || ' ' || at from v_refusal"),
            (Strings{"ann BLOCKED 2025-06-21T00:00:00.123Z"}));
}

TEST(Settings, EveryCommitIsSyncedAndReadersDoNotWait) {
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const auto ledger = SqliteLedger::open(test_options(path)).value();
  EXPECT_EQ(sql(path, "pragma journal_mode"), Strings{"wal"});
}

}  // namespace
}  // namespace windfall::sqlite
