// Seeded dice for model tests: the same seed gives the same run on every compiler, which std's distributions do not
// promise.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace windfall::model {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  /// splitmix64
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }
  /// 0..n-1
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  /// low..high, both included
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool percent(std::uint64_t chance) { return below(100) < chance; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

/// The seed of a run: WINDFALL_SEED repeats one, else `fixed`.
inline std::uint64_t seed_or(std::uint64_t fixed) {
  const char* given = std::getenv("WINDFALL_SEED");
  return given == nullptr ? fixed : std::strtoull(given, nullptr, 10);
}

}  // namespace windfall::model
