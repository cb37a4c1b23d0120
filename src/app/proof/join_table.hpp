// Who joined which promotion on which days: 32 bytes a person and promotion, apart from the hot state, so that a
// mistake of the one is no mistake of the other.
#pragma once

#include <cstdint>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall::proof {

/// SplitMix64's finaliser: a bijection that reaches every bit.
constexpr std::uint64_t scatter(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

/// A key for SlotTable: uniformly distributed, never zero.
constexpr UserRef table_key(std::uint64_t hi, std::uint64_t lo, std::uint64_t salt) {
  const UserRef key{.hi = scatter(hi + scatter(salt)), .lo = scatter(lo ^ scatter(salt + 1))};
  return key == UserRef{} ? UserRef{.hi = 0, .lo = 1} : key;
}

class JoinTable {
 public:
  /// Counts a join; false if that day was taken already.
  bool add(UserRef user, PartitionNo partition, LocalDay day) {
    const std::int32_t word = day.days >> 6;  // floor, also before 1970
    const std::uint64_t bit = std::uint64_t{1} << (static_cast<std::uint32_t>(day.days) & 63U);
    Entry& entry = entries_.at(table_key(user.hi, user.lo, partition.value));
    if (entry.joins == 0) entry.first_word = word;
    ++entry.joins;
    std::uint64_t& days = word == entry.first_word ? entry.days : later_.at(later_key(user, partition, word));
    const bool fresh = (days & bit) == 0;
    days |= bit;
    return fresh;
  }

  [[nodiscard]] std::uint32_t joins(UserRef user, PartitionNo partition) const {
    const Entry* entry = entries_.find(table_key(user.hi, user.lo, partition.value));
    return entry == nullptr ? 0 : entry->joins;
  }

 private:
  struct Entry {
    std::int32_t first_word = 0;  ///< of 64 days each, since 1970
    std::uint32_t joins = 0;
    std::uint64_t days = 0;  ///< of the first word
  };
  static UserRef later_key(UserRef user, PartitionNo partition, std::int32_t word) {
    return table_key(user.hi, user.lo,
                     (std::uint64_t{partition.value} << 32U) | (static_cast<std::uint32_t>(word) + 1));
  }

  SlotTable<Entry> entries_;
  SlotTable<std::uint64_t> later_;
};

}  // namespace windfall::proof
