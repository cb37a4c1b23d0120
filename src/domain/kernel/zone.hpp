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

  /// First instant at which the local date is `day` or later.
  [[nodiscard]] Instant start_of(LocalDay day) const;

 private:
  [[nodiscard]] std::size_t index_at(Instant at) const;
};

}  // namespace windfall
