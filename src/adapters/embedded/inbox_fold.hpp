// What the embedded store knows of events that came in: which ids it has seen, for 30 days, and which events are not
// settled yet. A fold of the log, as the kept answers are.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "application/port/inbox.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::embedded {

class InboxFold {
 public:
  using Id = std::array<std::uint8_t, 16>;

  /// Remembers the id; false if it is remembered already.
  bool remember(const Id& id, Instant now);
  /// It was not stored after all.
  void forget(const Id& id);

  /// A durable event waits to be judged. Events added later come later, those put back come at their old place.
  void add(InboundEvent event);
  void put_back(InboundEvent event) { waiting_.emplace(event.order, std::move(event)); }
  std::optional<InboundEvent> next();
  /// The log says that this one is over.
  void settled(const Id& id);
  /// Whose id may not be used any more.
  void erase_identity(UserRef user);

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  /// Ids first seen within one stretch of time; a stretch is forgotten as a whole.
  struct Stretch {
    std::int64_t number = 0;
    SlotTable<std::int64_t> seen;  ///< 1 + when; 0 = not stored after all
  };
  /// Four or five stretches are looked through for an id; more would cost time, fewer memory.
  static constexpr std::int64_t kStretchMs = Inbox::kRememberedMs / 4;

  void drop_old(Instant now);

  std::deque<Stretch> stretches_;                  ///< ascending
  std::vector<SlotTable<std::int64_t>> dropped_;   ///< given back piece by piece
  std::map<std::uint64_t, InboundEvent> waiting_;  ///< by order
  std::map<Id, std::uint64_t> order_;              ///< of those that wait
  std::uint64_t next_order_ = 1;
};

}  // namespace windfall::embedded
