// Later calls on the loop thread, by time that always runs.
#pragma once

#include <cstdint>
#include <functional>

#include "application/port/task.hpp"

namespace windfall {

class Timer {
 public:
  virtual ~Timer() = default;
  /// Runs `call` on the loop thread in `delay_ms` or a little later. Called on the loop thread.
  virtual void after(std::int64_t delay_ms, std::function<void()> call) = 0;
};

/// Suspends the caller for at least that long.
inline Task<void> sleep_for(Timer& timer, std::int64_t delay_ms) {
  Completion<bool> woken;
  timer.after(delay_ms, [&woken] { woken.complete(true); });
  co_await woken;
}

}  // namespace windfall
