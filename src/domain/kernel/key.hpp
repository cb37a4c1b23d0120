// Keys of the hot state: small typed values, never strings. What a kind means is the business of the rules
// (promotion/keys.hpp), not of a store.
#pragma once

#include <compare>
#include <cstdint>

#include "domain/kernel/ids.hpp"

namespace windfall {

/// A number that counts up. Missing is 0. Belongs to the partition (`user` zero), for example one per day (`index`).
struct CounterKey {
  PartitionNo partition;
  std::uint8_t kind = 0;
  std::int32_t index = 0;
  UserRef user;
  auto operator<=>(const CounterKey&) const = default;
};

/// A set of small numbers that one user has in one partition. Kind 0 is dense (members 0..kMaxDenseMember), kinds 1..15
/// hold the single member 0.
struct SetKey {
  PartitionNo partition;
  std::uint8_t kind = 0;
  UserRef user;
  auto operator<=>(const SetKey&) const = default;
};

inline constexpr std::uint8_t kDenseSet = 0;
/// Kinds of "user's own bit" sets, bounded by the 16 bits beside the 48 days in a slot.
inline constexpr std::uint8_t kMaxBitSet = 15;
/// A period has at most 366 days, and its end may be moved: two years are plenty and bound a user's words to 16.
inline constexpr std::uint32_t kMaxDenseMember = 767;

}  // namespace windfall
