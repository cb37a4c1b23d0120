// Events that were decided and are kept beside the hot state until a stream has them. Several relays may read and trim
// at once. Loop thread only.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "application/port/event_log.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// Of an entry: epoch and sequence of its last event. Entries of a promotion are in this order.
struct OutboxId {
  Epoch epoch{0};
  Sequence sequence;
  auto operator<=>(const OutboxId&) const = default;
};

/// What one commit to a promotion wrote.
struct OutboxEntry {
  OutboxId id;
  std::vector<Recorded> events;
  std::vector<LogBatch::Named> identities;  ///< of users that the events name
};

class Outbox {
 public:
  struct Backlog {
    std::string promotion_id;  ///< empty for the system partition
    std::uint64_t entries = 0;
  };

  virtual ~Outbox() = default;

  /// Promotions that have entries. Failure: unavailable.
  virtual Task<Result<std::vector<Backlog>>> backlogs() = 0;
  /// The oldest entries after that one (nullopt: from the oldest), about so many events, at least one entry if there is
  /// any. Only what is durable: an entry that could still be lost with its master is not handed out yet. Failures:
  /// unavailable; damaged (an entry cannot be read; the message names it).
  virtual Task<Result<std::vector<OutboxEntry>>> read(std::string promotion_id, std::optional<OutboxId> after,
                                                      std::size_t max_events) = 0;
  /// Drops the entries up to and including that one; those that are gone already are no error. Failure: unavailable.
  virtual Task<Result<bool>> trim(std::string promotion_id, OutboxId up_to) = 0;
};

}  // namespace windfall
