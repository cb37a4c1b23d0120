#include "app/load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace windfall::load {

void Histogram::add(std::uint64_t value) {
  value = std::min(value, kLargest);
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
}

std::uint64_t Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp(static_cast<std::uint64_t>(wanted), std::uint64_t{1}, count_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::min(last_of(bucket), max_);
  }
  return max_;
}

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kHalf) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPrecisionBits;
  return (shift + 1) * kHalf + static_cast<std::size_t>((value >> shift) - kHalf);
}

std::uint64_t Histogram::last_of(std::size_t bucket) {
  if (bucket < kHalf) return bucket;
  const std::size_t shift = bucket / kHalf - 1;
  const std::uint64_t first = std::uint64_t{kHalf + bucket % kHalf} << shift;
  return first + (std::uint64_t{1} << shift) - 1;
}

}  // namespace windfall::load
