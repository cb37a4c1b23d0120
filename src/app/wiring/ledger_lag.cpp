#include "app/wiring/ledger_lag.hpp"

#include <algorithm>

namespace windfall::app {

LedgerLag lag_of(const std::vector<std::pair<PartitionNo, redis::Header>>& decided,
                 const std::vector<KeptLedger::Place>& applied) {
  LedgerLag lag;
  for (const auto& [partition, header] : decided) {
    const std::uint64_t last = header.sequence.value;
    if (last == 0) continue;
    const auto place = std::ranges::find(applied, partition, &KeptLedger::Place::partition);
    const KeptLedger::Place reached = place != applied.end() ? *place : KeptLedger::Place{};
    if (reached.epoch > header.epoch) continue;
    const std::uint64_t missing = last - std::min(last, reached.sequence.value);
    if (missing == 0 && reached.epoch == header.epoch) continue;
    lag.events += missing;
    ++lag.partitions;
  }
  return lag;
}

Result<std::string> LedgerLook::look(const std::vector<std::pair<PartitionNo, redis::Header>>& decided,
                                     const Result<std::vector<KeptLedger::Place>>& applied) {
  if (applied) applied_ = *applied;
  if (!applied_) return tl::unexpected(applied.error());
  const LedgerLag lag = lag_of(decided, *applied_);
  behind_ = lag.events;
  if (!applied) return tl::unexpected(applied.error());
  if (lag.partitions == 0) return std::string("it has everything");
  return std::to_string(lag.events) + " events of " + std::to_string(lag.partitions) +
         (lag.partitions == 1 ? " promotion are not in it" : " promotions are not in it");
}

}  // namespace windfall::app
