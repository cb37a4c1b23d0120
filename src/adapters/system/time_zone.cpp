#include "adapters/system/time_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/system/tz_rule.hpp"

namespace windfall::system {

namespace {

constexpr std::int32_t kFirstYear = 1970;
/// No promotion is planned further ahead; a zone with summer time has some 260 changes until then, four kilobytes.
constexpr std::int32_t kLastYear = 2100;

/// Files of the database that name no zone: this machine's own choice, and the placeholder for an unset one.
constexpr std::array<std::string_view, 3> kNoZones{"localtime", "posixrules", "Factory"};

/// Where every Linux keeps the files that the date library reads.
constexpr std::string_view kZoneFiles = "/usr/share/zoneinfo/";

const date::time_zone* find(std::string_view iana) {
  if (std::ranges::find(kNoZones, iana) != kNoZones.end()) return nullptr;
  const auto& zones = date::get_tzdb().zones;
  const auto at = std::ranges::lower_bound(zones, iana, {},
                                           [](const date::time_zone& zone) { return std::string_view{zone.name()}; });
  return at != zones.end() && at->name() == iana ? &*at : nullptr;
}

std::int64_t ms_of(date::sys_seconds at) { return std::int64_t{at.time_since_epoch().count()} * 1000; }

/// What the zone's file says of the time after its last listed change.
std::optional<TzRule> closing_rule(std::string_view iana) {
  std::ifstream file(std::string{kZoneFiles} + std::string{iana}, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
  if (!bytes.ends_with('\n')) return std::nullopt;
  const std::size_t start = bytes.rfind('\n', bytes.size() - 2);
  if (start == std::string::npos) return std::nullopt;
  return parse_tz_rule(std::string_view{bytes}.substr(start + 1, bytes.size() - start - 2));
}

void append(Zone& zone, Zone::Transition transition) {
  if (zone.transitions.empty() || zone.transitions.back().offset_seconds != transition.offset_seconds) {
    zone.transitions.push_back(transition);
  }
}

Zone read_zone(const date::time_zone& source) {
  Zone zone{.name = source.name(), .transitions = {}};
  const date::sys_seconds end{date::sys_days{date::year{kLastYear + 1} / 1 / 1}};
  date::sys_seconds at{date::sys_days{date::year{kFirstYear} / 1 / 1}};
  date::sys_seconds last_listed = at;
  while (at < end) {
    const date::sys_info info = source.get_info(at);
    append(zone, {.from = Instant{ms_of(at)}, .offset_seconds = static_cast<std::int32_t>(info.offset.count())});
    last_listed = at;
    at = info.end;
  }
  if (const auto rule = closing_rule(source.name())) {
    const std::int32_t year{int{date::year_month_day{date::floor<date::days>(last_listed)}.year()}};
    for (const Zone::Transition& change : rule->transitions(year, kLastYear)) {
      if (change.from.ms > ms_of(last_listed)) append(zone, change);
    }
  }
  return zone;
}

}  // namespace

bool known_zone(std::string_view iana) {
  try {
    return find(iana) != nullptr;
  } catch (const std::exception&) {  // no database
    return false;
  }
}

Result<Zone> load_zone(std::string_view iana) {
  static std::mutex mutex;
  static std::map<std::string, Zone, std::less<>> read;  // bounded by the names of the database, some 600
  const std::lock_guard lock(mutex);
  if (const auto known = read.find(iana); known != read.end()) return known->second;
  const date::time_zone* source = nullptr;
  try {
    source = find(iana);
  } catch (const std::exception& e) {
    return fail(FailureCode::unavailable, std::string{"time zone database: "} + e.what());
  }
  if (source == nullptr) return fail(FailureCode::not_found, "no time zone is named '" + std::string{iana} + "'");
  try {
    return read.emplace(iana, read_zone(*source)).first->second;
  } catch (const std::exception& e) {
    return fail(FailureCode::damaged, "time zone '" + std::string{iana} + "': " + e.what());
  }
}

}  // namespace windfall::system
