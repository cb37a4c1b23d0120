// Hands a ledger over to a new lineage: the restore's part that concerns ledger.db.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/codec/eras.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

using codec::Lineage;

struct Relabelling {
  Lineage from;
  Lineage to;
  std::uint64_t position = 0;  ///< of the same event in the new journal as the ledger's position in the old one
  Instant now;
};

/// Chains the audit anew from the new lineage, and makes every effect that is not settled UNKNOWN. How many those are.
/// damaged: the audit's old chain does not hold, so nothing was changed.
Result<std::int64_t> relabel(const std::string& ledger, const Relabelling& relabelling);

}  // namespace windfall::proof
