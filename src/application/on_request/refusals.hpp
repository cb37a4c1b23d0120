// What was refused: counted for operators, and kept for customer service with its reason. A refused call changes
// nothing that is decided, so this log is best effort: bounded, asynchronous, dropped rather than in anybody's way.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/ledger.hpp"
#include "application/port/timer.hpp"

namespace windfall {

class Refusals {
 public:
  /// Rows waiting for the ledger, so at most 5,000 a second: writing more would cost the joins of a flood what its
  /// refusals are worth.
  static constexpr std::size_t kMaxWaiting = 1'000;
  static constexpr std::int64_t kFlushMs = 200;

  Refusals(Ledger& ledger, Blocking& writer, Timer& timer) : ledger_(ledger), writer_(writer), timer_(timer) {}

  void add(UserRef user, PartitionNo partition, RefusalRow row);
  /// Counts one that the log itself keeps.
  void count(PartitionNo partition, const std::string& code);
  /// Completes when everything added before is in the ledger, or could not be written.
  Task<void> flush();

  /// Refusals since the start of the process, by code.
  using Counts = std::map<std::string, std::int64_t, std::less<>>;
  [[nodiscard]] const Counts& counts(PartitionNo partition) { return by_partition_[partition]; }
  [[nodiscard]] const Counts& counts() const { return total_; }
  [[nodiscard]] std::int64_t dropped() const { return dropped_; }

 private:
  void schedule();
  /// One at a time: behind a ledger that hangs, batches would pile up without a limit.
  Task<void> flush_in_turn();

  Ledger& ledger_;
  Blocking& writer_;
  Timer& timer_;
  std::vector<std::pair<UserRef, RefusalRow>> waiting_;
  bool scheduled_ = false;
  std::map<PartitionNo, Counts> by_partition_;
  Counts total_;
  std::int64_t dropped_ = 0;
};

}  // namespace windfall
