// What a use case hands to a store: conditions, takes and events, decided upon as one. The set of conditions and
// changes is closed; every store interprets it the same way and knows no business word.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "domain/kernel/event.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/key.hpp"

namespace windfall {

/// counter < limit
struct Below {
  CounterKey counter;
  std::int64_t limit = 0;
};
/// counter >= amount
struct AtLeast {
  CounterKey counter;
  std::int64_t amount = 0;
};
/// counter == value
struct Equals {
  CounterKey counter;
  std::int64_t value = 0;
};
/// member is not in set
struct Absent {
  SetKey set;
  std::uint32_t member = 0;
};
/// the set has fewer members than that; `than` 0 never holds
struct Fewer {
  SetKey set;
  std::int64_t than = 0;
};

using Guard = std::variant<Below, AtLeast, Equals, Absent, Fewer>;

/// The next number of a counter: the value before the increment. The only value that a store makes.
struct Take {
  CounterKey counter;
};

/// What an answer shows beside the verdict, read in the same atomic step.
struct MemberOf {
  SetKey set;
  std::uint32_t member = 0;  ///< read as 0 or 1
};
struct SizeOf {
  SetKey set;  ///< read as the number of members
};
using Look = std::variant<CounterKey, MemberOf, SizeOf>;

/// Time interval [from, until) in which the proposal is right. A store answers Stale outside of it.
struct Window {
  Instant from = kBeginningOfTime;
  Instant until = kEndOfTime;
  [[nodiscard]] bool holds(Instant at) const { return from <= at && at < until; }
};

/// All or nothing: if every guard holds, the takes are made, the changes of every event are applied and the events are
/// kept.
struct Proposal {
  PartitionNo partition;
  std::optional<Command> command;  ///< present if the caller may repeat it; the log keeps it beside the first event
  Revision revision;               ///< of the definition it was made from; must still be in force
  Window window;
  std::vector<Guard> guards;  ///< checked in order; the first that fails is named
  std::vector<Take> takes;
  std::vector<Look> looks;  ///< values for the answer, read after an acceptance, or at the refusal
  std::vector<Event> events;
};

/// What a proposal that is being prepared will ask for: sets of this user, if any, what is kept under this command, and
/// these counters of users. Refers to what its maker holds.
struct Expected {
  PartitionNo partition;
  UserRef user;
  const std::optional<Command>& command;
  std::span<const CounterKey> counters{};
};

/// What a store adds to the events that it keeps.
struct Assignment {
  Epoch epoch;
  Sequence sequence;  ///< of the proposal's first event; the others follow
  Instant time;
  std::vector<std::int64_t> taken;
};

/// An accepted command as remembered for repetition.
struct Accepted {
  Assignment assignment;
  std::vector<std::int64_t> looks;
};
struct Refused {
  std::uint32_t guard = 0;  ///< index of the first guard that failed
  Instant time;             ///< the partition's time of the refusal
  std::vector<std::int64_t> looks;
};
/// Revision or window no longer fit: reload the definition and propose again.
struct Stale {
  Instant now;
  Revision revision;
};
/// The same command was accepted before.
struct Repeated {
  CommandRecord record;
};

using Verdict = std::variant<Accepted, Refused, Stale, Repeated>;

}  // namespace windfall
