// The ledger of the distributed mode, as the configuration chooses it: PostgreSQL, or a MongoDB beside a PostgreSQL
// that keeps effects.
#pragma once

#include <memory>

#include "adapters/postgres/postgres_ledger.hpp"
#include "app/config.hpp"
#include "application/port/kept_ledger.hpp"

namespace windfall::app {

/// `options`: of the ledger in PostgreSQL; the other one gets the same. `later`: PostgreSQL is away, and is connected
/// to when it is first asked; a MongoDB has to be there. Failures name the setting.
Result<std::unique_ptr<KeptLedger>> open_distributed_ledger(const Config& config, postgres::Options options,
                                                            bool later);

}  // namespace windfall::app
