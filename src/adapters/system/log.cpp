#include "adapters/system/log.hpp"

#include <unistd.h>

#include <atomic>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/system/clock.hpp"

namespace windfall::system {

namespace {

std::atomic<LogLevel> threshold{LogLevel::info};

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      break;
  }
  return "error";
}

}  // namespace

void set_log_level(LogLevel level) { threshold = level; }

void log(LogLevel level, std::string_view event, LogFields fields) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  std::string line;
  codec::ObjectWriter out(line);
  out.instant("at", SystemClock::real_now()).text("level", name_of(level)).text("event", event);
  for (const auto& [name, value] : fields) {
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      out.text(name, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      out.integer(name, *number);
    } else {
      out.boolean(name, std::get<bool>(value));
    }
  }
  out.close();
  line += '\n';
  // One write a line: lines of several threads do not mix.
  const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  (void)written;
}

}  // namespace windfall::system
