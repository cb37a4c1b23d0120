// The ledger of the distributed mode, as the configuration chooses it: PostgreSQL, or a MongoDB beside a PostgreSQL
// that keeps effects.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/postgres/postgres_ledger.hpp"
#include "app/config.hpp"
#include "application/port/kept_ledger.hpp"

namespace windfall::app {

/// A server that is away is connected to when it is first asked.
struct LedgerAway {
  bool postgres = false;  ///< known to be
  /// That MongoDB is; without it that is a failure.
  std::function<void(const std::string& why)> told;
};

/// `options`: of the ledger in PostgreSQL; the other one gets the same. Failures name the setting.
Result<std::unique_ptr<KeptLedger>> open_distributed_ledger(const Config& config, postgres::Options options,
                                                            const LedgerAway& away);

}  // namespace windfall::app
