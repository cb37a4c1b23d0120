// How far the ledger is behind what the hot state has decided, in events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/redis/commit_reply.hpp"
#include "application/port/kept_ledger.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

struct LedgerLag {
  std::uint64_t events = 0;
  std::uint64_t partitions = 0;  ///< that have such events, or an epoch that the ledger does not know
};

/// `decided` was read before `applied`, or some of what is applied is not among what was decided.
[[nodiscard]] LedgerLag lag_of(const std::vector<std::pair<PartitionNo, redis::Header>>& decided,
                               const std::vector<KeptLedger::Place>& applied);

/// The lag as it was when somebody last looked.
class LedgerLook {
 public:
  /// For the table of jobs. Where the ledger cannot be asked, which is its failure, it counts from where it was last: a
  /// ledger that is away falls further behind.
  Result<std::string> look(const std::vector<std::pair<PartitionNo, redis::Header>>& decided,
                           const Result<std::vector<KeptLedger::Place>>& applied);
  /// Events; nullopt until the ledger was asked once.
  [[nodiscard]] std::optional<std::uint64_t> behind() const { return behind_; }

 private:
  std::optional<std::vector<KeptLedger::Place>> applied_;
  std::optional<std::uint64_t> behind_;
};

}  // namespace windfall::app
