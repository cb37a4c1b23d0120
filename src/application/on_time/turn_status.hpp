// Opens and closes promotions: notices each change of status that the calendar makes, tells whoever listens, and has
// the ledger synced.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "application/on_time/sync_ledger.hpp"

namespace windfall {

class TurnStatus {
 public:
  /// Frequent enough that what is due is done within 2 s; deciding itself never waits for this job.
  static constexpr std::int64_t kIntervalMs = 1'000;
  using Told = std::function<void(const Definition&, Status before, Status after)>;

  TurnStatus(PromotionStore& store, SyncLedger& sync, Told told) : store_(store), sync_(sync), told_(std::move(told)) {}

  Task<Result<std::string>> operator()();

 private:
  PromotionStore& store_;
  SyncLedger& sync_;
  Told told_;
  std::map<PartitionNo, Status> last_;
};

}  // namespace windfall
