// Strong types for what would otherwise be naked integers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace windfall {

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
struct Instant {
  std::int64_t ms = 0;
  auto operator<=>(const Instant&) const = default;
};

inline constexpr Instant kBeginningOfTime{INT64_MIN};
inline constexpr Instant kEndOfTime{INT64_MAX};

/// Days since 1970-01-01 UTC, by whose parity accepted commands are kept.
[[nodiscard]] constexpr std::int64_t utc_day(Instant at) {
  constexpr std::int64_t kDayMs = 86'400'000;
  return at.ms >= 0 ? at.ms / kDayMs : ((at.ms + 1) / kDayMs) - 1;
}

/// A calendar date without a zone: days since 1970-01-01.
struct LocalDay {
  std::int32_t days = 0;
  auto operator<=>(const LocalDay&) const = default;
};

/// 128-bit keyed hash of a user id: all that the hot state knows of a person. Zero means "no user".
struct UserRef {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  auto operator<=>(const UserRef&) const = default;
};

/// Number of a partition in one lineage, in order of creation. One promotion is one partition.
struct PartitionNo {
  std::uint32_t value = 0;
  auto operator<=>(const PartitionNo&) const = default;
};

/// The partition of pause-all, the block list and keys; it exists from the start.
inline constexpr PartitionNo kSystemPartition{0};

/// Position of an event in its partition, from 1.
struct Sequence {
  std::uint64_t value = 0;
  auto operator<=>(const Sequence&) const = default;
};

/// Version of a promotion's definition, from 1.
struct Revision {
  std::uint32_t value = 0;
  auto operator<=>(const Revision&) const = default;
};

/// Incremented whenever the hot state of a partition is rebuilt from elsewhere; 1 in the embedded mode.
struct Epoch {
  std::uint32_t value = 1;
  auto operator<=>(const Epoch&) const = default;
};

/// 128 bits that identify a command: hash of caller, method, path and Idempotency-Key.
struct CommandHash {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  auto operator<=>(const CommandHash&) const = default;
};

/// An id that others see: RFC 9562, 16 bytes in the order of its text.
using Uuid = std::array<std::uint8_t, 16>;

/// Points or money in the smallest unit; an integer always.
using Amount = std::int64_t;

/// A sum that would pass 64 bits stays at the end of the scale, wherever it is built: so sums of the same amounts are
/// equal in whatever order and groups they were added, as long as all have the same sign.
constexpr void add_saturating(std::int64_t& sum, std::int64_t by) {
  if (__builtin_add_overflow(sum, by, &sum)) sum = by > 0 ? INT64_MAX : INT64_MIN;
}

}  // namespace windfall
