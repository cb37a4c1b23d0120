// What a ledger says about a promotion, as two numbers that the fold of the log can be compared with.
#pragma once

#include <cstdint>

#include "domain/kernel/ids.hpp"

namespace windfall::sqlite {

/// Equal for equal sets of participations, in whatever order they are added. Against accidents, not against forgers.
struct ParticipationDigest {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void add(UserRef user, LocalDay day, Amount amount, Sequence sequence) {
    std::uint64_t mixed = mix(user.hi);
    mixed = mix(mixed ^ user.lo);
    mixed = mix(mixed ^ static_cast<std::uint64_t>(std::int64_t{day.days}));
    mixed = mix(mixed ^ static_cast<std::uint64_t>(amount));
    mixed = mix(mixed ^ sequence.value);
    ++count;
    sum += mixed;
  }
  bool operator==(const ParticipationDigest&) const = default;

 private:
  /// SplitMix64's finaliser: every input bit reaches every output bit.
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }
};

}  // namespace windfall::sqlite
