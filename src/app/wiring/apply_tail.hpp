// What the stream has and the ledger has not, applied at once, for partitions that are to be rebuilt: the ledger's
// group may have to find itself again first, which takes longer than a rebuild may.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/kafka/tail.hpp"
#include "application/port/kept_ledger.hpp"

namespace windfall::app {

/// Reads to the end that the topic has now, and applies the events of these promotions (empty id: the system partition)
/// that follow what the ledger has; the group skips them when it comes there. How many messages were read. Blocking.
Result<std::uint64_t> apply_tail(const kafka::Tail& tail, KeptLedger& ledger,
                                 const std::vector<std::string>& promotion_ids);

}  // namespace windfall::app
