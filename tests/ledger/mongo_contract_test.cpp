// The ledger contract, run over the MongoDB ledger: a program of its own, since it starts two servers.
#include "ledger/effects_contract.hpp"
#include "ledger/findings_contract.hpp"
#include "ledger/ledger_contract.hpp"
#include "ledger/lottery_afterwards_contract.hpp"
#include "ledger/lottery_contract.hpp"
#include "ledger/lottery_findings_contract.hpp"
#include "ledger/mongo_fixture.hpp"

namespace windfall::contract {
namespace {

std::unique_ptr<LedgerUnderTest> make_mongo(LedgerSetup setup) {
  FerretServer* server = mongo::shared_ferret();
  if (server == nullptr) return nullptr;
  return std::make_unique<mongo::MongoUnderTest>(*server, postgres::shared_server()->new_schema(), std::move(setup));
}

const auto kBackends = testing::Values(LedgerBackend{.name = "Mongo", .make = make_mongo});

INSTANTIATE_TEST_SUITE_P(Each, LedgerContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, EffectsContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, LotteryContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, FindingsContract, kBackends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Each, LotteryFindingsContract, kBackends, name_of_backend);

}  // namespace
}  // namespace windfall::contract
