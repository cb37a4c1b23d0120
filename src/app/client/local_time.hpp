// Moments as the people of a promotion's time zone tell them.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/zone.hpp"

namespace windfall::client {

/// The zone of that name; Asia/Seoul (the contract's default) where this machine does not know it, UTC where it knows
/// no zones.
[[nodiscard]] Zone zone_named(std::string_view iana);

/// "2025-06-21 14:59:59 +09:00" of an RFC 3339 text; the text itself if it is none.
[[nodiscard]] std::string local_text(std::string_view rfc3339, const Zone& zone);

}  // namespace windfall::client
