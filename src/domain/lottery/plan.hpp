// The plan of a lottery: what is fixed and committed to when it is activated. Which prizes there are, how many of them
// each day and each segment gets, and in which order they go out. docs/fairness.md describes it for strangers.
//
// A segment is a stretch of the local day; segments are numbered through: day index × segments of a day + segment of
// the day. They follow the wall clock and never go back: an hour that a zone repeats stays in the later segment, which
// the guard of the store sees to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/lottery/lottery.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall {

/// Names everything that docs/fairness.md describes; another way of drawing needs another name.
inline constexpr std::string_view kFairnessAlgorithm = "windfall-fairness-1";

/// The number of a segment in its promotion.
struct SegmentNo {
  std::uint32_t value = 0;
  auto operator<=>(const SegmentNo&) const = default;
};

struct Plan {
  std::string promotion;  ///< its id
  LocalDay start;
  LocalDay end;  ///< inclusive
  std::string timezone;
  std::uint32_t segment_minutes = 60;
  std::optional<TrafficCurve> traffic_curve;
  WinRatePermille win_rate;
  std::optional<std::int64_t> expected_draws_per_day;
  std::uint32_t max_wins_per_user = 1;
  std::vector<Prize> prizes;
  std::vector<std::uint32_t> day_quotas;  ///< one per day from start to end
  bool operator==(const Plan&) const = default;
};

struct PlanPeriod {
  LocalDay start;
  LocalDay end;
  std::string timezone;
};

/// The plan of a valid lottery. `period` has 1..kMaxLotteryDays days.
[[nodiscard]] Plan make_plan(std::string promotion, const PlanPeriod& period, const Lottery& lottery);

/// Number of items, all prizes together.
[[nodiscard]] std::uint32_t items_of(const std::vector<Prize>& prizes);
/// Items laid evenly over days: the remainder goes to the earliest.
[[nodiscard]] std::vector<std::uint32_t> quotas_by_day(std::uint32_t items, std::uint32_t days);

/// Canonical JSON (RFC 8785) of the plan, as published.
[[nodiscard]] std::string plan_text(const Plan& plan);
/// Lower-case hex of SHA-256(seed ‖ text).
[[nodiscard]] std::string commitment_of(const Seed& seed, std::string_view text);

/// The order in which items go out: for each item the index of its prize in `prizes`.
[[nodiscard]] std::vector<std::uint16_t> item_order(const Seed& seed, const std::vector<Prize>& prizes);

[[nodiscard]] constexpr std::uint32_t segments_per_day(std::uint32_t segment_minutes) {
  return kMinutesPerDay / segment_minutes;
}
/// The segment of a local time of day, minutes since midnight, on the day with that index (0 = start).
[[nodiscard]] constexpr SegmentNo segment_of(std::uint32_t segment_minutes, std::uint32_t day_index,
                                             std::uint32_t minute_of_day) {
  return {(day_index * segments_per_day(segment_minutes)) + (minute_of_day / segment_minutes)};
}

/// Where items and expected draws lie in time. Holds what is computed once per plan.
class Schedule {
 public:
  explicit Schedule(const Plan& plan);

  [[nodiscard]] std::uint32_t segments_of_a_day() const { return per_day_; }
  [[nodiscard]] std::uint32_t items() const { return until_day_.back(); }

  /// Items that lie in that segment or before; days behind the plan's last one have none of their own. What is not won
  /// when a segment opens is items_until(segment) - wins so far: its Q.
  [[nodiscard]] std::uint32_t items_until(SegmentNo segment) const;

  /// Draws expected in a segment that has no history: the day's expectation, laid out like items.
  [[nodiscard]] std::int64_t first_expectation(SegmentNo segment) const;

  /// L: the positions of a deck with `quota` items. `earlier_draws`: those of the latest earlier day on which this
  /// segment of the day had draws and was not paused.
  [[nodiscard]] std::uint32_t deck_length(SegmentNo segment, std::uint32_t quota,
                                          std::optional<std::int64_t> earlier_draws) const;

 private:
  /// ⌊amount × W(h) / W⌋, W(h) the weight of the first h segments of a day.
  [[nodiscard]] std::int64_t part_until(std::int64_t amount, std::uint32_t segment_of_day) const {
    return amount * weight_until_[segment_of_day] / weight_until_.back();
  }

  std::uint32_t per_day_;
  std::vector<std::int64_t> weight_until_;  ///< W(0), …, W(per_day_)
  std::vector<std::uint32_t> until_day_;    ///< items before day d; one more than there are days
  std::optional<std::int64_t> expected_draws_per_day_;
  WinRatePermille win_rate_;
};

/// What earlier days say about a segment of the day. Segments are told in order.
class DrawHistory {
 public:
  explicit DrawHistory(std::uint32_t segments_of_a_day) : latest_(segments_of_a_day) {}

  /// A segment is over. A pause at any time in it makes its draws useless as a forecast.
  enum class Paused : bool { no, yes };
  void over(SegmentNo segment, std::int64_t draws, Paused paused);
  [[nodiscard]] std::optional<std::int64_t> before(SegmentNo segment) const {
    return latest_[segment.value % latest_.size()];
  }

 private:
  std::vector<std::optional<std::int64_t>> latest_;
};

}  // namespace windfall
