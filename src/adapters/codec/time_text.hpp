// Instants and dates as text. Reading is strict; writing has one form. No locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// RFC 3339 date-time: "2025-06-21T00:00:00.000Z", with none to nine fraction digits (cut to milliseconds) and "Z" or
/// "±hh:mm". nullopt for anything else: lower-case t and z, a space for T, second 60, hour 24, a date that does not
/// exist, a UTC year beyond 0000..9999.
[[nodiscard]] std::optional<Instant> parse_instant(std::string_view text);

/// Always "YYYY-MM-DDThh:mm:ss.sssZ"; an instant beyond the years 0000..9999 is written as the nearest one within.
void append_instant(std::string& out, Instant at);
[[nodiscard]] std::string to_text(Instant at);

/// "YYYY-MM-DD", a date that exists.
[[nodiscard]] std::optional<LocalDay> parse_day(std::string_view text);

/// "YYYY-MM-DD"; a day beyond the years 0000..9999 is written as the nearest one within.
void append_day(std::string& out, LocalDay day);
[[nodiscard]] std::string to_text(LocalDay day);

}  // namespace windfall::codec
