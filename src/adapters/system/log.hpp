// Log lines: one JSON object each on stderr, an event name and typed fields. Thread-safe. No personal data, no secrets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace windfall::system {

using LogValue = std::variant<std::string_view, std::int64_t, bool>;
using LogFields = std::initializer_list<std::pair<std::string_view, LogValue>>;

enum class LogLevel : unsigned char { debug, info, warning, error };

/// Lines below this are dropped. The default is info.
void set_log_level(LogLevel level);

/// Writes {"at":…,"level":…,"event":…, fields…}.
void log(LogLevel level, std::string_view event, LogFields fields = {});

}  // namespace windfall::system
