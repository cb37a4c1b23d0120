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
  /// What a relay may carry now.
  struct Turn {
    bool elsewhere = false;  ///< another relay has the lease: nothing is handed out
    bool leased = false;     ///< for as long as was asked for, others are told that it is elsewhere
    std::vector<OutboxEntry> entries = {};
  };

  virtual ~Outbox() = default;

  /// Promotions that have entries. Failure: unavailable.
  virtual Task<Result<std::vector<Backlog>>> backlogs() = 0;
  /// The oldest entries after that one (nullopt: from the oldest), about so many events, at least one entry if there is
  /// any. Only what is durable: an entry that could still be lost with its master is not handed out yet. Failures:
  /// unavailable; damaged (an entry cannot be read; the message names it).
  virtual Task<Result<std::vector<OutboxEntry>>> read(std::string promotion_id, std::optional<OutboxId> after,
                                                      std::size_t max_events) = 0;
  /// As read(), for whoever publishes them; fewer may come. Takes or lengthens the lease if more than one entry is
  /// there, and drops it if none is. A lease saves work and promises nothing: it may be lost, end early, or not be
  /// given at all, and then several relays carry the same entries. It ends by itself when its holder is gone.
  virtual Task<Result<Turn>> take_turn(std::string promotion_id, std::optional<OutboxId> after, std::size_t max_events,
                                       std::int64_t lease_ms) = 0;
  /// Ends the lease, if it is this one's. Failure: unavailable; it ends by itself.
  virtual Task<Result<bool>> give_back(std::string promotion_id) = 0;
  /// Drops the entries up to and including that one; those that are gone already are no error. Failure: unavailable.
  virtual Task<Result<bool>> trim(std::string promotion_id, OutboxId up_to) = 0;
};

}  // namespace windfall
