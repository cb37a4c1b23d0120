// Where decided events go so that others learn of them: a stream that keeps the order of each promotion, at least once.
// Loop thread only.
#pragma once

#include <string>
#include <vector>

#include "application/port/event_log.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// Consecutive events of one promotion, with the ids of the users that they name, as far as they are known.
struct PromotionEvents {
  std::string promotion_id;  ///< empty for the system partition
  std::vector<Recorded> events;
  std::vector<LogBatch::Named> identities;
};

class EventPublisher {
 public:
  virtual ~EventPublisher() = default;
  /// Completes when every event is acknowledged and will not be lost. After a failure any of them may be in the stream
  /// or not: the same events are published again, and readers drop what they have seen. Batches of one promotion are
  /// published one after the other, those of different promotions may overlap. Failures: unavailable; overloaded (too
  /// much is under way); invalid (the stream will never take one of the events).
  virtual Task<Result<bool>> publish(PromotionEvents batch) = 0;
};

}  // namespace windfall
