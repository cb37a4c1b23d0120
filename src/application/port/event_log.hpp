// The ordered log that consumers read, at least once. Blocking; used from a consumer's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// A stretch of the log. Positions grow; equal positions name equal prefixes of the log.
struct LogBatch {
  struct Named {
    UserRef user;
    std::string id;  ///< empty if erased
  };
  std::vector<Recorded> events;  ///< in log order
  std::vector<Named> identities;
  std::uint64_t position = 0;  ///< to continue after this batch
};

class EventLog {
 public:
  virtual ~EventLog() = default;
  /// Durable events after `position` (0 = from the start), about `max_events` of them; empty if there are none yet.
  /// Thread-safe.
  virtual Result<LogBatch> read(std::uint64_t position, std::size_t max_events) = 0;
};

}  // namespace windfall
