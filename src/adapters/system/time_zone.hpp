// Time zones of the system's IANA database, as data for the domain. Read once per name and process; safe from any
// thread.
#pragma once

#include <string_view>

#include "domain/kernel/result.hpp"
#include "domain/kernel/zone.hpp"

namespace windfall::system {

/// True for a canonical or link name of the installed database, as spelled there ("Asia/Seoul", "UTC", "US/Eastern").
[[nodiscard]] bool known_zone(std::string_view iana);

/// All changes of offset from 1970 to 2100; after 2100 the last offset holds.
/// Failures: not_found (no such name), unavailable (no database is installed), damaged (its file cannot be read).
[[nodiscard]] Result<Zone> load_zone(std::string_view iana);

}  // namespace windfall::system
