// Latencies in a fixed amount of memory: log-linear buckets, so that every value is kept to within one part in 128
// whatever its size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace windfall::load {

/// Not thread-safe. Values are microseconds by convention only.
class Histogram {
 public:
  /// A bucket is at most 1/2^kPrecisionBits of its values wide: 0.8 %, finer than two runs ever agree.
  static constexpr unsigned kPrecisionBits = 7;
  /// Larger values count as this one: 2^40 us are twelve days.
  static constexpr unsigned kValueBits = 40;
  static constexpr std::uint64_t kLargest = (std::uint64_t{1} << kValueBits) - 1;

  void add(std::uint64_t value);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Exact; 0 if empty.
  [[nodiscard]] std::uint64_t max() const { return max_; }
  /// The smallest value that at least the share `q` (0..1) of all values does not exceed, rounded up by less than
  /// 1/2^kPrecisionBits of itself, never beyond max(). 0 if empty.
  [[nodiscard]] std::uint64_t quantile(double q) const;

 private:
  static constexpr std::size_t kHalf = std::size_t{1} << kPrecisionBits;
  /// Values below 2^kPrecisionBits have a bucket each; every further power of two is cut into kHalf.
  static constexpr std::size_t kBuckets = (kValueBits - kPrecisionBits + 1) * kHalf;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t last_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace windfall::load
