// Time as the application sees it. Periods, days and the life of keys follow now(), which a development server can set;
// time-outs, retries and rate limits follow monotonic_ms(), which always runs.
#pragma once

#include <cstdint>

#include "domain/kernel/ids.hpp"

namespace windfall {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock time; may jump either way. Thread-safe.
  [[nodiscard]] virtual Instant now() const = 0;
  /// Milliseconds since an arbitrary start; never decreases. Thread-safe.
  [[nodiscard]] virtual std::int64_t monotonic_ms() const = 0;
};

}  // namespace windfall
