#include "app/client/local_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "adapters/codec/time_text.hpp"
#include "adapters/system/time_zone.hpp"

namespace windfall::client {

Zone zone_named(std::string_view iana) {
  if (Result<Zone> zone = system::load_zone(iana)) return std::move(*zone);
  if (Result<Zone> seoul = system::load_zone("Asia/Seoul")) return std::move(*seoul);
  return {.name = "UTC", .transitions = {{.from = kBeginningOfTime, .offset_seconds = 0}}};
}

std::string local_text(std::string_view rfc3339, const Zone& zone) {
  const auto at = codec::parse_instant(rfc3339);
  if (!at) return std::string(rfc3339);
  const auto after = std::ranges::upper_bound(zone.transitions, *at, {}, &Zone::Transition::from);
  const auto& in_force = after == zone.transitions.begin() ? *after : *std::prev(after);
  const std::int32_t offset = in_force.offset_seconds;
  const std::string local = codec::to_text(Instant{at->ms + (std::int64_t{offset} * 1000)});
  const std::int32_t minutes = std::abs(offset) / 60;
  return fmt::format("{} {} {}{:02}:{:02}", local.substr(0, 10), local.substr(11, 8), offset < 0 ? '-' : '+',
                     minutes / 60, minutes % 60);
}

}  // namespace windfall::client
