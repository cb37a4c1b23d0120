// New users in order, and now and then one who has been there before.
#pragma once

#include <cstdint>
#include <optional>

#include "app/load/generator.hpp"

namespace windfall::load {

/// splitmix64: the same seed gives the same numbers on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }
  /// True for that share of calls.
  bool chance(double share) { return unit() < share; }
  /// 0 <= unit < 1
  double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

class RepeatingCrowd {
 public:
  struct Settings {
    std::uint32_t first_user = 0;
    std::uint32_t users = 0;  ///< different ones; 0 = without end
    double repeats = 0;       ///< share of visits by a user who has made one before
    std::uint64_t seed = 1;
  };

  explicit RepeatingCrowd(Settings settings) : settings_(settings), dice_(settings.seed) {}

  std::optional<Visit> next() {
    if (seen_ > 0 && dice_.chance(settings_.repeats)) {
      return Visit{.user = settings_.first_user + static_cast<std::uint32_t>(dice_.next() % seen_)};
    }
    if (settings_.users > 0 && seen_ == settings_.users) return std::nullopt;
    return Visit{.user = settings_.first_user + seen_++};
  }

 private:
  Settings settings_;
  Dice dice_;
  std::uint32_t seen_ = 0;
};

}  // namespace windfall::load
