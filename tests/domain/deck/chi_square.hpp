// Chi-square statistics, as standard deviations from what chance would give.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

namespace windfall::test {

/// Standard deviations from what is expected of a fair dealer; beyond that one is called biased. By chance alone about
/// one table in 15,000 is.
inline constexpr double kSuspicious = 4.0;

/// How far a chi-square statistic is from its mean, in standard deviations.
inline double deviations(double statistic, double degrees) { return (statistic - degrees) / std::sqrt(2 * degrees); }

/// Counts that should be equal. `drawn_together` of them are counted at once without repetition, which makes them
/// vary less.
inline double unevenness(const std::vector<double>& counts, double drawn_together = 1) {
  const auto cells = static_cast<double>(counts.size());
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / cells;
  double sum = 0;
  for (const double count : counts) sum += (count - mean) * (count - mean);
  const double less = (cells - drawn_together) / (cells - 1);
  return deviations(sum / mean / less, cells - 1);
}

}  // namespace windfall::test
