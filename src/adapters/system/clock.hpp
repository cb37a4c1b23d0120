// The clocks of a process: real time, and a development clock that can be set and then stands still.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "application/port/clock.hpp"

namespace windfall::system {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    const std::int64_t set = set_.load(std::memory_order_relaxed);
    return set == kRunning ? real_now() : Instant{set};
  }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  /// Stands still at `instant` until set again; nullopt gives real time back.
  void set(std::optional<Instant> instant) { set_.store(instant ? instant->ms : kRunning, std::memory_order_relaxed); }

  [[nodiscard]] static Instant real_now() {
    return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }

 private:
  static constexpr std::int64_t kRunning = INT64_MIN;
  std::atomic<std::int64_t> set_{kRunning};
};

/// Real time always, whatever the development clock says: for whatever a partner sees.
class RealClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return SystemClock::real_now(); }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return clock_.monotonic_ms(); }

 private:
  SystemClock clock_;
};

/// Real time as it was when this was made, moved on by the monotonic clock: for retries, which a clock that is set back
/// must not hold up, nor one that is set forward make due. A new process takes the wall clock's word again.
class UnsetClock final : public Clock {
 public:
  explicit UnsetClock(const Clock& wall) : wall_(wall), offset_ms_(wall.now().ms - wall.monotonic_ms()) {}
  [[nodiscard]] Instant now() const override { return {offset_ms_ + wall_.monotonic_ms()}; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return wall_.monotonic_ms(); }

 private:
  const Clock& wall_;
  std::int64_t offset_ms_;
};

}  // namespace windfall::system
