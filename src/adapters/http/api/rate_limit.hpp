// Token buckets, one per user: a flood of one user costs nobody else anything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "domain/kernel/ids.hpp"

namespace windfall::http {

class RateLimit {
 public:
  struct Settings {
    std::int64_t per_second = 20;  ///< 0 = no limit
    std::int64_t burst = 40;
  };
  explicit RateLimit(Settings settings) : settings_(settings) {}

  /// Takes a token of the user's; false if there is none.
  bool allow(UserRef user, std::int64_t monotonic_ms) {
    if (settings_.per_second == 0) return true;
    if (buckets_.size() >= kMaxBuckets) forget_full(monotonic_ms);
    auto [found, first] = buckets_.try_emplace(user.lo, Bucket{.thousandths = settings_.burst * 1000, .at = monotonic_ms});
    Bucket& bucket = found->second;
    if (!first) {
      bucket.thousandths = std::min(settings_.burst * 1000,
                                    bucket.thousandths + ((monotonic_ms - bucket.at) * settings_.per_second));
      bucket.at = monotonic_ms;
    }
    if (bucket.thousandths < 1000) return false;
    bucket.thousandths -= 1000;
    return true;
  }

 private:
  struct Bucket {
    std::int64_t thousandths;
    std::int64_t at;
  };
  /// Some 8 MB. A bucket that has filled up again says nothing, so it can be forgotten.
  static constexpr std::size_t kMaxBuckets = 131'072;

  void forget_full(std::int64_t monotonic_ms) {
    std::erase_if(buckets_, [&](const auto& entry) {
      const Bucket& bucket = entry.second;
      return bucket.thousandths + ((monotonic_ms - bucket.at) * settings_.per_second) >= settings_.burst * 1000;
    });
    // Everyone at once within two seconds: start over rather than grow without bound.
    if (buckets_.size() >= kMaxBuckets) buckets_.clear();
  }

  Settings settings_;
  std::unordered_map<std::uint64_t, Bucket> buckets_;
};

}  // namespace windfall::http
