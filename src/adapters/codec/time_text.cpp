#include "adapters/codec/time_text.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace windfall::codec {

namespace {

namespace chr = std::chrono;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int32_t kFirstDay = -719'528;   ///< 0000-01-01
constexpr std::int32_t kLastDay = 2'932'896;   ///< 9999-12-31
constexpr std::size_t kDateText = 10;          ///< "2025-06-21"
constexpr std::size_t kDateTimeText = 19;      ///< "2025-06-21T00:00:00"
constexpr std::size_t kMaxFractionDigits = 9;  ///< nanoseconds, the finest that clients' libraries write

/// `count` digits at `at`, -1 if one of them is none.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = (value * 10) + (text[i] - '0');
  }
  return value;
}

bool in(int value, int max) { return value >= 0 && value <= max; }

void put(char* at, unsigned value, std::size_t count) {
  for (std::size_t i = count; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + (value % 10));
}

void put_day(char* at, std::int32_t days) {
  const chr::year_month_day date{chr::sys_days{chr::days{days}}};
  put(at, static_cast<unsigned>(int{date.year()}), 4);
  at[4] = '-';
  put(at + 5, unsigned{date.month()}, 2);
  at[7] = '-';
  put(at + 8, unsigned{date.day()}, 2);
}

/// Milliseconds of ".123456" and what follows it; nullopt if the fraction is malformed.
std::optional<int> take_fraction(std::string_view& rest) {
  if (!rest.starts_with('.')) return 0;
  rest.remove_prefix(1);
  int ms = 0;
  std::size_t count = 0;
  for (; count < rest.size() && rest[count] >= '0' && rest[count] <= '9'; ++count) {
    if (count < 3) ms = (ms * 10) + (rest[count] - '0');
  }
  if (count == 0 || count > kMaxFractionDigits) return std::nullopt;
  for (std::size_t i = count; i < 3; ++i) ms *= 10;
  rest.remove_prefix(count);
  return ms;
}

/// Minutes east of UTC of "Z" or "±hh:mm".
std::optional<int> offset_minutes(std::string_view text) {
  if (text == "Z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digits(text, 1, 2);
  const int minutes = digits(text, 4, 2);
  if (!in(hours, 23) || !in(minutes, 59)) return std::nullopt;
  const int total = (hours * 60) + minutes;
  return text[0] == '-' ? -total : total;
}

}  // namespace

std::optional<LocalDay> parse_day(std::string_view text) {
  if (text.size() != kDateText || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  if (year < 0 || month < 0 || day < 0) return std::nullopt;
  const chr::year_month_day date{chr::year{year}, chr::month{static_cast<unsigned>(month)},
                                 chr::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return LocalDay{static_cast<std::int32_t>(chr::sys_days{date}.time_since_epoch().count())};
}

std::optional<Instant> parse_instant(std::string_view text) {
  if (text.size() <= kDateTimeText || text[10] != 'T' || text[13] != ':' || text[16] != ':') return std::nullopt;
  const auto day = parse_day(text.substr(0, kDateText));
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!day || !in(hour, 23) || !in(minute, 59) || !in(second, 59)) return std::nullopt;
  std::string_view rest = text.substr(kDateTimeText);
  const auto ms = take_fraction(rest);
  const auto offset = offset_minutes(rest);
  if (!ms || !offset) return std::nullopt;
  const std::int64_t seconds = ((((std::int64_t{hour} * 60) + minute - *offset) * 60) + second);
  const Instant at{(std::int64_t{day->days} * kDayMs) + (seconds * 1000) + *ms};
  if (at.ms < std::int64_t{kFirstDay} * kDayMs || at.ms >= (std::int64_t{kLastDay} + 1) * kDayMs) return std::nullopt;
  return at;
}

void append_instant(std::string& out, Instant at) {
  const std::int64_t ms =
      std::clamp(at.ms, std::int64_t{kFirstDay} * kDayMs, ((std::int64_t{kLastDay} + 1) * kDayMs) - 1);
  const std::int64_t days = (ms >= 0 ? ms : ms - (kDayMs - 1)) / kDayMs;
  auto in_day = static_cast<unsigned>(ms - (days * kDayMs));
  char text[] = "YYYY-MM-DDThh:mm:ss.sssZ";
  put_day(text, static_cast<std::int32_t>(days));
  put(text + 20, in_day % 1000, 3);
  in_day /= 1000;
  put(text + 17, in_day % 60, 2);
  in_day /= 60;
  put(text + 14, in_day % 60, 2);
  put(text + 11, in_day / 60, 2);
  out.append(text, sizeof text - 1);
}

std::string to_text(Instant at) {
  std::string out;
  append_instant(out, at);
  return out;
}

void append_day(std::string& out, LocalDay day) {
  char text[kDateText];
  put_day(text, std::clamp(day.days, kFirstDay, kLastDay));
  out.append(text, sizeof text);
}

std::string to_text(LocalDay day) {
  std::string out;
  append_day(out, day);
  return out;
}

}  // namespace windfall::codec
