// What one process of the distributed mode does for all: it leads, by a lease that bounds time and a term that bounds
// truth, and has what the hot state has lost put together again (rebuilding.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/client/lease.hpp"
#include "adapters/redis/store/mirror.hpp"
#include "app/wiring/rebuilding.hpp"
#include "application/port/blocking.hpp"
#include "application/port/epoch_book.hpp"
#include "application/port/timer.hpp"

namespace windfall::app {

/// Loop thread only.
class Leading {
 public:
  /// All of it outlives this.
  struct Parts {
    redis::Lease& lease;
    EpochBook& book;
    const redis::Mirror& mirror;
    Blocking& writes;
    Timer& timer;
    std::function<void(const char* event, const std::string& why)> trouble;
  };

  /// A leader that is gone is followed by another after this long.
  static constexpr std::int64_t kLeaseMs = 6'000;
  /// Between two looks whether a partition has to be rebuilt.
  static constexpr std::int64_t kLookMs = 100;
  /// Between two tries of a rebuild that fails: a promotion serves again within 5 s of what it waited for.
  static constexpr std::int64_t kLongestPauseMs = 2'000;

  explicit Leading(Parts parts) : parts_(std::move(parts)) {}
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;

  /// `rebuilding` outlives this.
  void start(Rebuilding& rebuilding);
  Task<void> finish();
  /// False once finish() was called.
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// The present term, if it still is the newest one; a leader of an earlier one stops leading. Failures: conflict,
  /// unavailable.
  Task<Result<Term>> in_term();
  /// True while nobody else can think that it leads, but for as long as it takes to notice; what must not be late goes
  /// by the term.
  [[nodiscard]] bool leads() const { return parts_.lease.held().has_value(); }
  /// 0: it does not lead, or could not say so where terms are kept. Any thread.
  [[nodiscard]] std::uint64_t term() const { return term_; }

 private:
  Task<void> keep_lease();
  Task<void> look_at_term();
  Task<void> keep_whole(Rebuilding* rebuilding);
  Task<Result<Term>> begin_term();
  Task<void> step_down(std::string why);

  Parts parts_;
  std::atomic<std::uint64_t> term_{0};
  bool looking_at_term_ = false;
  std::string told_;  ///< why there was no term, as it was logged last
  bool stopped_ = false;
};

}  // namespace windfall::app
