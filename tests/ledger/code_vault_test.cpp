// The vault's contract over PostgreSQL, and what only a database that several processes share can suffer: two imports
// at once, connections that break while they hold a prize, rows that somebody has changed.
#include "adapters/postgres/code_vault.hpp"

#include <cstdlib>
#include <thread>

#include "adapters/vault/key_seals.hpp"
#include "ledger/code_vault_contract.hpp"
#include "ledger/postgres_fixture.hpp"

namespace windfall {
namespace contract {
namespace {

std::string new_schema() {
  PostgresServer* server = postgres::shared_server();
  EXPECT_NE(server, nullptr) << PostgresServer::kMissing << ": run scripts/bootstrap";
  return server == nullptr ? std::string{} : server->new_schema();
}

class PostgresVaultUnderTest final : public VaultUnderTest {
 public:
  explicit PostgresVaultUnderTest(std::string_view keys) { EXPECT_TRUE(open(keys, 1)); }
  CodeVault& vault() override { return *vault_; }
  Result<bool> reopen(std::string_view keys, std::uint32_t first) override { return open(keys, first); }

 private:
  Result<bool> open(std::string_view keys, std::uint32_t first) {
    vault_.reset();
    seals_ = vault::KeySeals::make(vault::keys_of(keys, first)).value();
    auto opened = postgres::PostgresCodeVault::open(connection_, *seals_);
    if (!opened) return tl::unexpected(opened.error());
    vault_ = std::move(*opened);
    return true;
  }
  const std::string connection_ = new_schema();
  std::unique_ptr<vault::KeySeals> seals_;
  std::unique_ptr<postgres::PostgresCodeVault> vault_;
};

const VaultBackend kPostgresVault{.name = "schema",
                                  .make = [](std::string_view keys) -> std::unique_ptr<VaultUnderTest> {
                                    return std::make_unique<PostgresVaultUnderTest>(keys);
                                  }};

INSTANTIATE_TEST_SUITE_P(Postgres, CodeVaultContract, testing::Values(kPostgresVault), name_of_vault);

}  // namespace
}  // namespace contract

namespace postgres {
namespace {

using contract::Codes;
using contract::kCake;
using contract::kCoffee;
using Lines = std::vector<std::uint64_t>;

constexpr std::string_view kPlanted = "PLANTED-CODE-4711";

/// Two processes over one database.
class SharedCodes : public testing::Test {
 protected:
  std::unique_ptr<PostgresCodeVault> open(vault::KeySeals& seals) {
    return PostgresCodeVault::open(connection_, seals).value();
  }
  static CodeVault::Import import(PostgresCodeVault& vault, const PrizeOfCodes& prize, std::vector<std::string> codes) {
    const auto running = vault.begin_import(prize, 0).value();
    EXPECT_TRUE(vault.append(running, Codes(std::move(codes)).lines()));
    return running;
  }
  /// Ends every connection of the vaults; whoever holds a prize loses it.
  void break_connections() {
    sql(connection_,
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where pid <> pg_backend_pid() and "
        "application_name = 'windfall'");
    reconnect();
  }
  /// A connection that broke unnoticed costs its next users a failure or two.
  void reconnect() {
    for (PostgresCodeVault* vault : {one_.get(), other_.get()}) {
      int failures = 0;
      while (failures < 5 && !vault->counts("")) ++failures;
      EXPECT_LT(failures, 5);
    }
  }
  template <class T>
  static FailureCode failure_of(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? FailureCode::overloaded : result.error().code;
  }
  void expect_damaged(const PrizeOfCodes& prize, std::uint64_t ordinal) {
    const auto read = one_->read(prize, ordinal);
    EXPECT_EQ(failure_of(read), FailureCode::damaged);
    const std::string row =
        "promotion " + prize.promotion_id + ", prize " + prize.prize_id + ", ordinal " + std::to_string(ordinal);
    EXPECT_NE(read.error().message.find(row), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().message.find("PLANTED"), std::string::npos) << read.error().message;
    bool named = false;
    const std::vector<std::string> problems = one_->integrity().value();
    for (const std::string& problem : problems) named |= problem.find(row) != std::string::npos;
    EXPECT_TRUE(named);
  }

  const std::string connection_ = contract::new_schema();
  const std::unique_ptr<vault::KeySeals> seals_ = vault::KeySeals::make(vault::keys_of("k")).value();
  const std::unique_ptr<PostgresCodeVault> one_ = open(*seals_);
  const std::unique_ptr<PostgresCodeVault> other_ = open(*seals_);
};

TEST_F(SharedCodes, OfTwoProcessesOneImportsAPrize) {
  const auto running = import(*one_, kCoffee, {"A"});
  EXPECT_EQ(failure_of(other_->begin_import(kCoffee, 0)), FailureCode::conflict);
  EXPECT_EQ(failure_of(other_->rewind(kCoffee, 0)), FailureCode::conflict);
  EXPECT_TRUE(other_->begin_import(kCake, 0)) << "another prize is free";
  ASSERT_EQ(one_->finish_import(running), 1U);
  ASSERT_TRUE(one_->end_import(running, 1));
  EXPECT_TRUE(other_->begin_import(kCoffee, 1));
  EXPECT_EQ(other_->read(kCoffee, 0), "A");
}

TEST_F(SharedCodes, ACodeIsUniqueWhoeverImportsIt) {
  const auto coffee = one_->begin_import(kCoffee, 0).value();
  const auto cake = other_->begin_import(kCake, 0).value();
  std::vector<std::string> same;
  for (int i = 0; i < 500; ++i) same.push_back("code-" + std::to_string(i));
  std::vector<std::string> backwards(same.rbegin(), same.rend());
  std::size_t refused_to_one = 0;
  {
    const std::jthread thread([&] { refused_to_one = one_->append(coffee, Codes(same).lines())->size(); });
    const std::size_t refused = other_->append(cake, Codes(backwards).lines())->size();
    EXPECT_TRUE(refused == 0 || refused == same.size());
  }
  EXPECT_TRUE(refused_to_one == 0 || refused_to_one == same.size());
  EXPECT_EQ(*one_->finish_import(coffee) + *other_->finish_import(cake), same.size());
  EXPECT_EQ(one_->integrity()->size(), 0U);
}

TEST_F(SharedCodes, AProcessThatLostItsConnectionWritesNoMore) {
  const auto lost = import(*one_, kCoffee, {"A", "B"});
  break_connections();
  const auto next = other_->begin_import(kCoffee, 0);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(failure_of(one_->append(lost, Codes({"C"}).lines())), FailureCode::unavailable);
  EXPECT_EQ(failure_of(one_->finish_import(lost)), FailureCode::unavailable) << "so nobody announces A and B";
  EXPECT_TRUE(one_->end_import(lost, 0));
  EXPECT_EQ(*other_->append(*next, Codes({"B", "D"}).lines()), Lines{});
  ASSERT_EQ(other_->finish_import(*next), 2U);
  ASSERT_TRUE(other_->end_import(*next, 2));
  EXPECT_EQ(one_->read(kCoffee, 1), "D");
  EXPECT_TRUE(one_->integrity()->empty());
}

TEST_F(SharedCodes, WhatIsFinishedIsNotTakenAwayBeforeItCanBeAnnounced) {
  const auto finished = import(*one_, kCoffee, {"A", "B"});
  ASSERT_EQ(one_->finish_import(finished), 2U);
  break_connections();
  EXPECT_EQ(failure_of(other_->begin_import(kCoffee, 0)), FailureCode::conflict);
  EXPECT_TRUE(one_->end_import(finished, 2)) << "the commit went through all the same";
  EXPECT_EQ(other_->counts("spring")->front().committed, 2U);
  EXPECT_EQ(failure_of(other_->begin_import(kCoffee, 2)), FailureCode::conflict) << "for its time";
  sql(connection_, "update code_prize set announcing_until = now()");
  EXPECT_EQ(failure_of(other_->begin_import(kCoffee, 0)), FailureCode::conflict) << "they are committed";
  EXPECT_TRUE(other_->begin_import(kCoffee, 2));
  EXPECT_EQ(other_->read(kCoffee, 1), "B");
}

TEST_F(SharedCodes, ACrashOfTheServerKeepsWhatAppendHasReturned) {
  const auto running = import(*one_, kCoffee, {"A", "B"});
  contract::PostgresServer* server = postgres::shared_server();
  ASSERT_NE(server, nullptr);
  server->stop();
  EXPECT_EQ(failure_of(one_->append(running, Codes({"C"}).lines())), FailureCode::unavailable);
  ASSERT_EQ(server->start(), "");
  reconnect();
  ASSERT_TRUE(one_->end_import(running, 0));
  const auto kept = other_->read(kCoffee, 1);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(*kept, "B");
  const auto again = one_->begin_import(kCoffee, 2);
  EXPECT_TRUE(again) << "as announced by a commit that the vault was not told of";
}

TEST_F(SharedCodes, UnderANewKeyAreKnownToEverybodyOrRefused) {
  import(*one_, kCoffee, {"A"});
  const auto both = vault::KeySeals::make(vault::keys_of("kl")).value();
  const auto newer = open(*both);
  const auto cake = newer->begin_import(kCake, 0).value();
  EXPECT_EQ(*newer->append(cake, Codes({"A", "B"}).lines()), Lines{1});
  const auto tea = other_->begin_import({.promotion_id = "spring", .prize_id = "tea"}, 0).value();
  const auto refused = other_->append(tea, Codes({"B"}).lines());
  EXPECT_EQ(failure_of(refused), FailureCode::conflict) << "it could not tell whether B is there";
  EXPECT_NE(refused.error().message.find("master key 2"), std::string::npos) << refused.error().message;
  EXPECT_EQ(other_->read(kCoffee, 0), "A");
  EXPECT_EQ(failure_of(other_->read(kCake, 0)), FailureCode::conflict);
  EXPECT_EQ(newer->read(kCoffee, 0), "A");
}

TEST_F(SharedCodes, HoldNothingOfACodeThatCouldBeRead) {
  import(*one_, kCoffee, {std::string{kPlanted}});
  for (const char* table : {"code", "code_prize", "code_key"}) {
    const auto rows =
        sql(connection_,
            std::string("select encode(convert_to(t::text, 'UTF8'), 'escape') || t::text from ") + table + " t");
    ASSERT_FALSE(rows.empty());
    for (const std::string& row : rows) {
      EXPECT_EQ(row.find("PLANTED"), std::string::npos) << table;
      EXPECT_EQ(row.find("504c414e544544"), std::string::npos) << table << ", in hexadecimal digits";
    }
  }
}

TEST_F(SharedCodes, WithAChangedByteAreDamagedAndNameTheRow) {
  import(*one_, kCoffee, {"A", std::string{kPlanted}, "C"});
  sql(connection_, "create table kept as select sealed, digest from code where ordinal = 1");
  for (int at = 0; at < 12 + 17 + 16; at += 4) {
    const std::string place = std::to_string(at);
    sql(connection_, "update code set sealed = set_byte(sealed, " + place + ", get_byte(sealed, " + place +
                         ") # 1) where ordinal = 1");
    expect_damaged(kCoffee, 1);
    sql(connection_, "update code set sealed = (select sealed from kept) where ordinal = 1");
  }
  EXPECT_EQ(one_->read(kCoffee, 1), kPlanted);
  sql(connection_, "update code set digest = decode(repeat('00', 32), 'hex') where ordinal = 1");
  expect_damaged(kCoffee, 1);
  sql(connection_, "update code set digest = (select digest from kept), sealed = '\\x00' where ordinal = 1");
  expect_damaged(kCoffee, 1);
  EXPECT_EQ(one_->read(kCoffee, 2), "C");
}

TEST_F(SharedCodes, WithSwappedPlacesAreDamaged) {
  import(*one_, kCoffee, {std::string{kPlanted}, "B"});
  import(*one_, kCake, {"C"});
  sql(connection_,
      "update code set ordinal = -1 where prize = 1 and ordinal = 0; update code set ordinal = 0 where prize = 1 and "
      "ordinal = 1; update code set ordinal = 1 where ordinal = -1");
  expect_damaged(kCoffee, 0);
  expect_damaged(kCoffee, 1);
  sql(connection_,
      "update code_prize set prize_id = 'x' where no = 1; update code_prize set prize_id = 'americano' where no = 2; "
      "update code_prize set prize_id = 'cake' where no = 1");
  expect_damaged(kCoffee, 0);
  expect_damaged(kCake, 0);
}

TEST_F(SharedCodes, WithARowTakenOutSaySo) {
  import(*one_, kCoffee, {"A", "B"});
  ASSERT_TRUE(one_->integrity()->empty());
  sql(connection_, "delete from code where ordinal = 0");
  EXPECT_EQ(failure_of(one_->read(kCoffee, 0)), FailureCode::not_found);
  ASSERT_EQ(one_->integrity()->size(), 1U);
  EXPECT_NE(one_->integrity()->front().find("prize americano"), std::string::npos);
}

TEST_F(SharedCodes, AreLookedThroughPageByPage) {
  std::vector<std::string> codes;
  for (int i = 0; i < 10'000; ++i) codes.push_back("code-" + std::to_string(i));
  import(*one_, kCoffee, codes);
  ASSERT_TRUE(one_->integrity()->empty());
  sql(connection_,
      "update code set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where ordinal in (0, 4095, 4096, 9999)");
  EXPECT_EQ(one_->integrity()->size(), 4U);
}

}  // namespace
}  // namespace postgres
}  // namespace windfall
