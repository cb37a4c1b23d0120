// What was refused: counted for operators, and kept for customer service with its reason. A refused call changes
// nothing that is decided, so this log is best effort: bounded, asynchronous, dropped rather than in anybody's way. Of
// a rejected event that came in asynchronously it is all that anybody hears: keep() waits until it stands there.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
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

  /// Between two tries to write what has to be kept.
  static constexpr std::int64_t kRetryMs = 1'000;

  /// Why what has to be kept is not written yet, once for each reason.
  using Trouble = std::function<void(const std::string& why)>;
  Refusals(Ledger& ledger, Blocking& writer, Timer& timer, Trouble trouble = {})
      : ledger_(ledger), writer_(writer), timer_(timer), trouble_(std::move(trouble)) {}

  void add(UserRef user, PartitionNo partition, RefusalRow row);
  /// Completes when the row is in the ledger, however long that takes, or is one that it will not have; false once
  /// finish() was called. Counts nothing.
  Task<bool> keep(UserRef user, RefusalRow row);
  /// Counts one that the log itself keeps, or keep().
  void count(PartitionNo partition, const std::string& code);
  /// Completes when everything added before is in the ledger, or could not be written.
  Task<void> flush();
  /// One more try to write what keep() has; whoever waits is told then.
  Task<void> finish();

  /// Refusals since the start of the process, by code.
  using Counts = std::map<std::string, std::int64_t, std::less<>>;
  [[nodiscard]] const Counts& counts(PartitionNo partition) { return by_partition_[partition]; }
  [[nodiscard]] const Counts& counts() const { return total_; }
  [[nodiscard]] std::int64_t dropped() const { return dropped_; }

 private:
  using Rows = std::vector<std::pair<UserRef, RefusalRow>>;
  struct Kept {
    Rows::value_type row;
    Completion<bool>* written;
  };
  void schedule();
  Task<void> write_kept();
  Task<bool> write_some(std::size_t most);
  /// One at a time: behind a ledger that hangs, batches would pile up without a limit.
  Task<void> flush_in_turn();

  Ledger& ledger_;
  Blocking& writer_;
  Timer& timer_;
  Trouble trouble_;
  Rows waiting_;
  std::deque<Kept> kept_;
  std::string told_;
  bool writing_ = false;
  bool finished_ = false;
  bool scheduled_ = false;
  std::map<PartitionNo, Counts> by_partition_;
  Counts total_;
  std::int64_t dropped_ = 0;
};

}  // namespace windfall
