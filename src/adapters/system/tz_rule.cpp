#include "adapters/system/tz_rule.hpp"

#include <algorithm>
#include <array>

namespace windfall::system {

namespace {

namespace chr = std::chrono;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Reads the text from the left; what does not fit leaves it in place.
struct Reader {
  std::string_view left;

  bool skip(char c) {
    if (left.empty() || left.front() != c) return false;
    left.remove_prefix(1);
    return true;
  }

  std::optional<std::uint32_t> number(std::uint32_t max) {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    while (digits < left.size() && digits < 3 && is_digit(left[digits])) {
      value = (value * 10) + static_cast<std::uint32_t>(left[digits++] - '0');
    }
    if (digits == 0 || value > max) return std::nullopt;
    left.remove_prefix(digits);
    return value;
  }

  /// "EST" or "<+0330>"
  bool name() {
    std::size_t length = 0;
    if (skip('<')) {
      while (length < left.size() && left[length] != '>') ++length;
      left.remove_prefix(length);
      return skip('>');
    }
    while (length < left.size() && is_letter(left[length])) ++length;
    left.remove_prefix(length);
    return length >= 3;
  }

  /// [+-]h[h[h]][:mm[:ss]]
  std::optional<chr::seconds> time() {
    static constexpr std::uint32_t kMaxHours = 167;  // RFC 9636: a change may be named by a day up to a week away
    const bool negative = skip('-');
    if (!negative) skip('+');
    const auto hours = number(kMaxHours);
    if (!hours) return std::nullopt;
    chr::seconds total = chr::hours{*hours};
    if (skip(':')) {
      const auto minutes = number(59);
      if (!minutes) return std::nullopt;
      total += chr::minutes{*minutes};
      if (skip(':')) {
        const auto seconds = number(59);
        if (!seconds) return std::nullopt;
        total += chr::seconds{*seconds};
      }
    }
    return negative ? -total : total;
  }

  std::optional<TzChange> change() {
    TzChange result;
    const auto take = [this](std::uint32_t min, std::uint32_t max, std::uint32_t& out) {
      const auto value = number(max);
      if (!value || *value < min) return false;
      out = *value;
      return true;
    };
    if (skip('M')) {
      result.kind = TzChange::Kind::weekday_of_month;
      if (!take(1, 12, result.month) || !skip('.') || !take(1, 5, result.week) || !skip('.') ||
          !take(0, 6, result.day)) {
        return std::nullopt;
      }
    } else if (skip('J')) {
      result.kind = TzChange::Kind::julian_without_leap_day;
      if (!take(1, 365, result.day)) return std::nullopt;
    } else {
      result.kind = TzChange::Kind::day_of_year;
      if (!take(0, 365, result.day)) return std::nullopt;
    }
    result.time_of_day = chr::hours{2};
    if (skip('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      result.time_of_day = *at;
    }
    return result;
  }
};

std::int32_t east_of_utc(chr::seconds posix) { return -static_cast<std::int32_t>(posix.count()); }

}  // namespace

chr::seconds TzChange::in_year(std::int32_t in) const {
  const chr::year year{in};
  chr::sys_days date{year / chr::January / 1};
  switch (kind) {
    case Kind::weekday_of_month:
      date = week == 5 ? chr::sys_days{year / chr::month{month} / chr::weekday{day}[chr::last]}
                       : chr::sys_days{year / chr::month{month} / chr::weekday{day}[week]};
      break;
    case Kind::julian_without_leap_day:  // day 60 is March 1 in every year
      date += chr::days{day - 1 + (year.is_leap() && day >= 60 ? 1 : 0)};
      break;
    case Kind::day_of_year:
      date += chr::days{day};
      break;
  }
  return date.time_since_epoch() + time_of_day;
}

std::vector<Zone::Transition> TzRule::transitions(std::int32_t first, std::int32_t last) const {
  std::vector<Zone::Transition> result;
  if (!summer) return result;
  for (std::int32_t year = first; year <= last; ++year) {
    const std::int64_t starts = summer->starts.in_year(year).count() - offset_seconds;
    const std::int64_t ends = summer->ends.in_year(year).count() - summer->offset_seconds;
    result.push_back({.from = Instant{starts * 1000}, .offset_seconds = summer->offset_seconds});
    result.push_back({.from = Instant{ends * 1000}, .offset_seconds = offset_seconds});
  }
  std::ranges::sort(result, {}, &Zone::Transition::from);
  return result;
}

std::optional<TzRule> parse_tz_rule(std::string_view text) {
  Reader reader{text};
  TzRule rule;
  if (!reader.name()) return std::nullopt;
  const auto offset = reader.time();
  if (!offset) return std::nullopt;
  rule.offset_seconds = east_of_utc(*offset);
  if (reader.left.empty()) return rule;

  if (!reader.name()) return std::nullopt;
  TzRule::Summer summer{.offset_seconds = rule.offset_seconds + 3600, .starts = {}, .ends = {}};
  if (!reader.left.empty() && reader.left.front() != ',') {
    const auto summer_offset = reader.time();
    if (!summer_offset) return std::nullopt;
    summer.offset_seconds = east_of_utc(*summer_offset);
  }
  if (!reader.skip(',')) return std::nullopt;
  const auto starts = reader.change();
  if (!starts || !reader.skip(',')) return std::nullopt;
  const auto ends = reader.change();
  if (!ends || !reader.left.empty()) return std::nullopt;
  summer.starts = *starts;
  summer.ends = *ends;
  rule.summer = summer;
  return rule;
}

}  // namespace windfall::system
