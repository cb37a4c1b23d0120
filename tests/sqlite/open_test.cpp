// Whose ledger it is, and of which schema.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

class LedgerFile : public testing::Test {
 protected:
  std::unique_ptr<SqliteLedger> open() { return SqliteLedger::open(test_options(path_)).value(); }
  FailureCode failure_of(Options options) {
    const auto opened = SqliteLedger::open(std::move(options));
    EXPECT_FALSE(opened);
    return opened ? FailureCode::invalid : opened.error().code;
  }
  FailureCode failure() { return failure_of(test_options(path_)); }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.db");
};

TEST_F(LedgerFile, OfAnotherLineageIsRefused) {
  open();
  Options other = test_options(path_);
  other.lineage[15] = 1;
  EXPECT_EQ(failure_of(std::move(other)), FailureCode::conflict);
  open();
}

TEST_F(LedgerFile, OfANewerSchemaIsRefused) {
  open();
  sql(path_, "insert into schema_history values (1000, '1000_future', 'x', 0)");
  EXPECT_EQ(failure(), FailureCode::conflict);
}

TEST_F(LedgerFile, WithAnotherMigrationThanOursIsRefused) {
  open();
  sql(path_, "update schema_history set checksum = 'x' where version = 1");
  EXPECT_EQ(failure(), FailureCode::damaged);
}

TEST_F(LedgerFile, ThatIsSomeOtherDatabaseIsRefusedAndLeftAlone) {
  sql(path_, "create table accounts (id integer)");
  EXPECT_EQ(failure(), FailureCode::conflict);
  EXPECT_EQ(sql(path_, "select group_concat(name) from sqlite_schema"), std::vector<std::string>{"accounts"});
}

TEST_F(LedgerFile, ThatIsNoDatabaseIsDamaged) {
  std::FILE* file = std::fopen(path_.c_str(), "w");
  for (int i = 0; i < 1000; ++i) std::fputs("not a database ", file);
  std::fclose(file);
  EXPECT_EQ(failure(), FailureCode::damaged);
}

TEST_F(LedgerFile, InAFolderThatDoesNotExistIsUnavailable) {
  EXPECT_EQ(failure_of(test_options(folder_.file("no/such/ledger.db"))), FailureCode::unavailable);
}

TEST_F(LedgerFile, RemembersItsMigrations) {
  open();
  open();
  EXPECT_EQ(sql(path_, "select count(*) from schema_history where length(checksum) = 64 and applied_at > 0"),
            std::vector<std::string>{std::to_string(migrations().size())});
}

TEST_F(LedgerFile, IsCopiedBeforeItIsMigrated) {
  std::vector<Migration> known(migrations().begin(), migrations().end());
  open();
  EXPECT_FALSE(std::filesystem::exists(path_ + ".before-v" + std::to_string(known.size())));
  const int next = static_cast<int>(known.size()) + 1;
  known.push_back({next, "999_next", "create table added_later (id integer)"});
  {
    Connection connection(path_, Access::write);
    migrate(connection, path_, known);
    migrate(connection, path_, known);
  }
  EXPECT_EQ(sql(path_, "select count(*) from sqlite_schema where name = 'added_later'"), std::vector<std::string>{"1"});
  const std::string copy = path_ + ".before-v" + std::to_string(next);
  ASSERT_TRUE(std::filesystem::exists(copy));
  EXPECT_EQ(sql(copy, "select count(*) from sqlite_schema where name = 'added_later'"), std::vector<std::string>{"0"});
  EXPECT_TRUE(SqliteLedger::open(test_options(copy)));
}

TEST_F(LedgerFile, KeepsTheSchemaItHadIfAMigrationFails) {
  std::vector<Migration> known(migrations().begin(), migrations().end());
  open();
  known.push_back({static_cast<int>(known.size()) + 1, "999_bad",
                   "create table half (id integer); create table half (id integer)"});
  {
    Connection connection(path_, Access::write);
    EXPECT_THROW(migrate(connection, path_, known), SqlError);
  }
  EXPECT_EQ(sql(path_, "select count(*) from sqlite_schema where name = 'half'"), std::vector<std::string>{"0"});
  open();
}

TEST_F(LedgerFile, CanBeBackedUpWhileOpen) {
  const auto ledger = open();
  contract::LogBuilder log;
  const PartitionNo p = log.promotion("p");
  log.join(p, "ann");
  ASSERT_TRUE(ledger->apply(log.batch()));
  const std::string copy = folder_.file("copy.db");
  ASSERT_TRUE(ledger->backup_to(copy));
  log.join(p, "bob");
  ASSERT_TRUE(ledger->apply(log.batch()));
  const auto restored = SqliteLedger::open(test_options(copy)).value();
  EXPECT_EQ(restored->participations({})->size(), 1U);
  EXPECT_TRUE(restored->integrity()->empty());
  const auto again = ledger->backup_to(copy);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, FailureCode::conflict);
}

}  // namespace
}  // namespace windfall::sqlite
