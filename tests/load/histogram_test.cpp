// The histogram against sorting.
#include "app/load/histogram.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace windfall::load {
namespace {

std::uint64_t exact(std::vector<std::uint64_t> values, double q) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

TEST(Histogram, AnEmptyOneHasNothingToSay) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
}

TEST(Histogram, SmallValuesAreKeptExactly) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 200; ++value) histogram.add(value % 100);
  EXPECT_EQ(histogram.count(), 200U);
  EXPECT_EQ(histogram.quantile(0), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 49U);
  EXPECT_EQ(histogram.quantile(0.99), 98U);
  EXPECT_EQ(histogram.quantile(1), 99U);
}

TEST(Histogram, TheLargestValueIsExactAndCapsEveryQuantile) {
  Histogram histogram;
  histogram.add(1'000'001);
  EXPECT_EQ(histogram.max(), 1'000'001U);
  EXPECT_EQ(histogram.quantile(0.5), 1'000'001U);
}

TEST(Histogram, WhatIsTooLargeCountsAsTheLargest) {
  Histogram histogram;
  histogram.add(~std::uint64_t{0});
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.max(), Histogram::kLargest);
  EXPECT_EQ(histogram.quantile(0.5), Histogram::kLargest);
}

RC_GTEST_PROP(Histogram, QuantilesAreThoseOfSortingToOnePartIn128, ()) {
  // Sizes over all powers of two, so that every width of bucket is met.
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::map(rc::gen::pair(rc::gen::inRange(1U, Histogram::kValueBits), rc::gen::arbitrary<std::uint64_t>()),
                   [](const std::pair<unsigned, std::uint64_t>& drawn) {
                     return drawn.second % (std::uint64_t{1} << drawn.first);
                   })));
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.add(value);
  RC_ASSERT(histogram.count() == values.size());
  RC_ASSERT(histogram.max() == *std::ranges::max_element(values));
  for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::uint64_t right = exact(values, q);
    const std::uint64_t found = histogram.quantile(q);
    RC_ASSERT(found >= right);
    RC_ASSERT(found - right <= right >> Histogram::kPrecisionBits);
  }
}

}  // namespace
}  // namespace windfall::load
