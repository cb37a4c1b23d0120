// Unbiased choices from a key: the one way in which chance enters a lottery. Each call draws from HMAC-SHA-256(key,
// counter), so whoever has the key makes the same choices; docs/fairness.md describes every byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "domain/kernel/sha256.hpp"

namespace windfall {

/// Numbers from a key: block c is HMAC-SHA-256(key, c as 8 bytes big-endian), c = 0, 1, …; it holds eight numbers of
/// 32 bits, big-endian, used from first to last.
class Choices {
 public:
  explicit Choices(const Digest& key) : hmac_(key) {}

  /// Uniform in [0, bound), bound ≥ 1. Takes one number; numbers ≥ the greatest multiple of `bound` that is at most
  /// 2^32 are rejected and the next one is taken.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound);

 private:
  static constexpr std::size_t kNumbersPerBlock = 8;
  [[nodiscard]] std::uint32_t next();

  HmacSha256 hmac_;
  std::uint64_t counter_ = 0;
  Digest block_{};
  std::size_t used_ = kNumbersPerBlock;
};

/// The first `count` places of a Fisher–Yates shuffle of 0, 1, …, size-1: for i = 0, 1, … exchange places i and
/// i + below(size - i). count ≤ size. Time and memory grow with `count` only.
[[nodiscard]] std::vector<std::uint32_t> shuffled(Choices& choices, std::uint32_t size, std::uint32_t count);

}  // namespace windfall
