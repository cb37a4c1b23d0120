// Time zones as data: the rules of a zone are read from the system once, outside; what follows from them is pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/proposal.hpp"

namespace windfall {

/// An IANA time zone. Before the first transition the first offset holds.
struct Zone {
  struct Transition {
    Instant from;                 ///< first instant of the offset
    std::int32_t offset_seconds;  ///< local time = UTC + offset
  };
  std::string name;                     ///< "Asia/Seoul"
  std::vector<Transition> transitions;  ///< ascending, at least one

  /// Local date at an instant.
  [[nodiscard]] LocalDay day_at(Instant at) const;

  /// The longest interval around `at` in which the local date stays the same. Midnight follows the zone's own rules: a
  /// day may start at 01:00 where clocks jump over midnight.
  [[nodiscard]] Window day_window(Instant at) const;

  /// Minutes since local midnight by the wall clock, 0..1439.
  [[nodiscard]] std::uint32_t minute_at(Instant at) const;

  /// The interval around `at` in which the wall clock shows the same date and a minute in the same stretch of
  /// `minutes`, without a change of offset in between. `minutes` divides a day.
  [[nodiscard]] Window stretch_window(Instant at, std::uint32_t minutes) const;

  /// First instant at which the local date is `day` or later.
  [[nodiscard]] Instant start_of(LocalDay day) const;

  /// True if there is a day in the period, both ends included: a zone may skip a date, as Samoa did 2011-12-30.
  [[nodiscard]] bool has_day(LocalDay first, LocalDay last) const;

 private:
  [[nodiscard]] std::size_t index_at(Instant at) const;
};

}  // namespace windfall
