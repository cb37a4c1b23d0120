// The ledger contract, run over SQLite.
#include "sqlite/effects_contract.hpp"
#include "sqlite/ledger_contract.hpp"
#include "sqlite/lottery_afterwards_contract.hpp"
#include "sqlite/lottery_contract.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::contract {
namespace {

const LedgerBackend kSqlite{.name = "file",
                            .make = [](std::uint64_t rebuild_until) -> std::unique_ptr<LedgerUnderTest> {
                              return std::make_unique<sqlite::SqliteUnderTest>(rebuild_until);
                            }};

INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerContract, testing::Values(kSqlite), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, EffectsContract, testing::Values(kSqlite), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, LotteryContract, testing::Values(kSqlite), name_of_backend);

}  // namespace
}  // namespace windfall::contract
