// What the sandbox partner does wrong on purpose, and how often. A seed makes the order of faults repeatable.
#pragma once

#include <cstdint>

namespace windfall::http {

/// Shares of calls, 0..1, together at most 1.
struct Faults {
  double fail = 0;              ///< 503 before anything is booked; POST and GET
  double timeout = 0;           ///< booked, but answered long after the caller has given up; POST
  double duplicate = 0;         ///< booked, but answered 409 as if it had been before; POST
  std::int64_t latency_ms = 0;  ///< before every answer of the partner

  /// Longest latency: beyond any caller's time-out.
  static constexpr std::int64_t kMaxLatencyMs = 60'000;
  [[nodiscard]] bool valid() const {
    return fail >= 0 && timeout >= 0 && duplicate >= 0 && fail + timeout + duplicate <= 1 && latency_ms >= 0 &&
           latency_ms <= kMaxLatencyMs;
  }
};

enum class Fault : std::uint8_t { none, fail, timeout, duplicate };

class FaultDice {
 public:
  explicit FaultDice(std::uint64_t seed) : state_(seed) {}

  /// One throw per call, whatever the call, so that the sequence depends on the seed alone.
  Fault next(const Faults& faults) {
    state_ += 0x9e3779b97f4a7c15U;  // splitmix64
    std::uint64_t x = state_;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    x ^= x >> 31U;
    const double throw_of_dice = static_cast<double>(x >> 11U) * 0x1.0p-53;
    if (throw_of_dice < faults.fail) return Fault::fail;
    if (throw_of_dice < faults.fail + faults.timeout) return Fault::timeout;
    if (throw_of_dice < faults.fail + faults.timeout + faults.duplicate) return Fault::duplicate;
    return Fault::none;
  }

 private:
  std::uint64_t state_;
};

}  // namespace windfall::http
