#include "domain/kernel/zone.hpp"

#include <algorithm>
#include <cassert>

namespace windfall {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kMinuteMs = 60'000;

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return (a / b) - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

std::int64_t local_ms(Instant at, std::int32_t offset_seconds) { return at.ms + (std::int64_t{offset_seconds} * 1000); }

}  // namespace

std::size_t Zone::index_at(Instant at) const {
  assert(!transitions.empty());
  if (at >= transitions.back().from) return transitions.size() - 1;  // nearly always: many zones change no more
  const auto after = std::upper_bound(transitions.begin(), transitions.end(), at,
                                      [](Instant t, const Transition& transition) { return t < transition.from; });
  return after == transitions.begin() ? 0 : static_cast<std::size_t>(after - transitions.begin()) - 1;
}

LocalDay Zone::day_at(Instant at) const {
  const std::int64_t days = floor_div(local_ms(at, transitions[index_at(at)].offset_seconds), kDayMs);
  return LocalDay{static_cast<std::int32_t>(days)};
}

Window Zone::day_window(Instant at) const {
  const LocalDay day = day_at(at);
  const std::size_t here = index_at(at);
  Window window;
  // Walk outwards, offset by offset, while the date stays the same at the border.
  for (std::size_t i = here;; ++i) {
    const std::int64_t offset_ms = std::int64_t{transitions[i].offset_seconds} * 1000;
    window.until = Instant{((std::int64_t{day.days} + 1) * kDayMs) - offset_ms};
    if (i + 1 == transitions.size() || window.until < transitions[i + 1].from) break;
    window.until = transitions[i + 1].from;
    if (day_at(window.until) != day) break;
  }
  for (std::size_t i = here;; --i) {
    const std::int64_t offset_ms = std::int64_t{transitions[i].offset_seconds} * 1000;
    window.from = Instant{(std::int64_t{day.days} * kDayMs) - offset_ms};
    if (i == 0 || window.from > transitions[i].from) break;
    window.from = transitions[i].from;
    if (day_at(Instant{window.from.ms - 1}) != day) break;
  }
  return window;
}

std::uint32_t Zone::minute_at(Instant at) const {
  const std::int64_t local = local_ms(at, transitions[index_at(at)].offset_seconds);
  return static_cast<std::uint32_t>((local - (floor_div(local, kDayMs) * kDayMs)) / kMinuteMs);
}

Window Zone::stretch_window(Instant at, std::uint32_t minutes) const {
  const std::size_t here = index_at(at);
  const std::int64_t offset_ms = std::int64_t{transitions[here].offset_seconds} * 1000;
  const std::int64_t stretch_ms = std::int64_t{minutes} * kMinuteMs;  // divides a day, so that midnight is a border
  const std::int64_t from = floor_div(at.ms + offset_ms, stretch_ms) * stretch_ms;
  Window window{.from = Instant{from - offset_ms}, .until = Instant{from + stretch_ms - offset_ms}};
  if (here > 0) window.from = std::max(window.from, transitions[here].from);
  if (here + 1 < transitions.size()) window.until = std::min(window.until, transitions[here + 1].from);
  return window;
}

Instant Zone::start_of(LocalDay day) const {
  // No offset is further from UTC than a day, so the first instant lies within two days of the naive one.
  Instant at{(std::int64_t{day.days} * kDayMs) - (2 * kDayMs)};
  while (day_at(at) < day) at = day_window(at).until;
  return at;
}

bool Zone::has_day(LocalDay first, LocalDay last) const { return first <= last && day_at(start_of(first)) <= last; }

}  // namespace windfall
