// The rule at the end of a zone file (a POSIX TZ string, RFC 9636 section 3.3.1), which says what holds after the
// file's last listed change. The date library does not read it, and compact zone files list nothing after the year in
// which the rule was last changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/kernel/zone.hpp"

namespace windfall::system {

/// When, in any year, clocks change: a day by one of three ways to name it, and a time of that day.
struct TzChange {
  enum class Kind : std::uint8_t { weekday_of_month, julian_without_leap_day, day_of_year } kind{};
  std::uint32_t month = 0;             ///< 1..12
  std::uint32_t week = 0;              ///< 1..5, 5 = last
  std::uint32_t day = 0;               ///< weekday 0..6 from Sunday, or day of the year
  std::chrono::seconds time_of_day{};  ///< -167..167 h, by the clock in force before the change

  /// The change in a year, as seconds since 1970 by that clock.
  [[nodiscard]] std::chrono::seconds in_year(std::int32_t year) const;
};

struct TzRule {
  struct Summer {
    std::int32_t offset_seconds = 0;
    TzChange starts;
    TzChange ends;
  };
  std::int32_t offset_seconds = 0;  ///< east of UTC, outside of summer
  std::optional<Summer> summer;

  /// Both changes of each year in [first, last], ascending.
  [[nodiscard]] std::vector<Zone::Transition> transitions(std::int32_t first, std::int32_t last) const;
};

/// nullopt if the text is no such rule.
[[nodiscard]] std::optional<TzRule> parse_tz_rule(std::string_view text);

}  // namespace windfall::system
