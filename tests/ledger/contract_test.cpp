// The ledger contract, run over every ledger there is.
#include "ledger/effects_contract.hpp"
#include "ledger/findings_contract.hpp"
#include "ledger/ledger_contract.hpp"
#include "ledger/lottery_afterwards_contract.hpp"
#include "ledger/lottery_contract.hpp"
#include "ledger/lottery_findings_contract.hpp"
#include "ledger/postgres_fixture.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::contract {
namespace {

std::unique_ptr<LedgerUnderTest> make_sqlite(LedgerSetup setup) {
  return std::make_unique<sqlite::SqliteUnderTest>(std::move(setup));
}

std::unique_ptr<LedgerUnderTest> make_postgres(LedgerSetup setup) {
  PostgresServer* server = postgres::shared_server();
  if (server == nullptr) return nullptr;
  return std::make_unique<postgres::PostgresUnderTest>(server->new_schema(), std::move(setup));
}

const auto kBackends = testing::Values(LedgerBackend{.name = "Sqlite", .make = make_sqlite},
                                       LedgerBackend{.name = "Postgres", .make = make_postgres});

INSTANTIATE_TEST_SUITE_P(Each, LedgerContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, EffectsContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, LotteryContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, FindingsContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, LotteryFindingsContract, kBackends, name_of_backend);

}  // namespace
}  // namespace windfall::contract
