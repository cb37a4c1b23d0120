#include "domain/lottery/plan.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "domain/lottery/choices.hpp"

namespace windfall {

namespace {

/// RFC 8785, 3.2.2.2: what must be escaped is, in the shortest form; all else stands as it is.
void append_string(std::string& out, std::string_view utf8) {
  static constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
  static constexpr std::string_view kLetters = "btnfr\"\\";
  static constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  for (const char c : utf8) {
    const auto code = static_cast<unsigned char>(c);
    if (const std::size_t at = kShort.find(c); at != std::string_view::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (code < 0x20) {
      out += "\\u00";
      out += kDigits[code >> 4U];
      out += kDigits[code & 0xfU];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_number(std::string& out, std::int64_t value) { out += std::to_string(value); }

void append_digits(std::string& out, std::int64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  out.append(width - std::min(width, digits.size()), '0');
  out += digits;
}

/// "YYYY-MM-DD" of a day of the years 0..9999. Years are counted from March, so that a leap day ends one.
void append_date(std::string& out, LocalDay day) {
  constexpr std::int64_t kDaysOf400Years = 146'097;
  constexpr std::int64_t kFrom0000March = 719'468;  // days from 0000-03-01 to 1970-01-01
  const std::int64_t since = day.days + kFrom0000March;
  const std::int64_t era = (since >= 0 ? since : since - (kDaysOf400Years - 1)) / kDaysOf400Years;
  const std::int64_t day_of_era = since - (era * kDaysOf400Years);
  const std::int64_t year_of_era =
      (day_of_era - (day_of_era / 1460) + (day_of_era / 36'524) - (day_of_era / 146'096)) / 365;
  const std::int64_t day_of_year = day_of_era - ((365 * year_of_era) + (year_of_era / 4) - (year_of_era / 100));
  const std::int64_t month_from_march = ((5 * day_of_year) + 2) / 153;
  const std::int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  out += '"';
  append_digits(out, year_of_era + (era * 400) + (month <= 2 ? 1 : 0), 4);
  out += '-';
  append_digits(out, month, 2);
  out += '-';
  append_digits(out, day_of_year - (((153 * month_from_march) + 2) / 5) + 1, 2);
  out += '"';
}

/// `[` items `]`; append(item) appends one of them.
template <class Range, class Append>
void append_list(std::string& out, const Range& range, Append append) {
  out += '[';
  bool first = true;
  for (const auto& item : range) {
    if (!std::exchange(first, false)) out += ',';
    append(item);
  }
  out += ']';
}

void append_prize(std::string& out, const Prize& prize) {
  out += "{\"count\":";
  append_number(out, prize.count);
  out += ",\"kind\":";
  append_string(out, name_of(prize.kind));
  out += ",\"name\":";
  append_string(out, prize.name);
  out += ",\"prizeId\":";
  append_string(out, prize.id);
  if (prize.valid_days) {
    out += ",\"validDays\":";
    append_number(out, *prize.valid_days);
  }
  out += ",\"value\":";
  append_number(out, prize.value);
  out += '}';
}

void append_days(std::string& out, const Plan& plan) {
  LocalDay day = plan.start;
  append_list(out, plan.day_quotas, [&](std::uint32_t quota) {
    out += "{\"date\":";
    append_date(out, day);
    out += ",\"quota\":";
    append_number(out, quota);
    out += '}';
    ++day.days;
  });
}

std::int64_t rounded_up(std::int64_t amount, std::int64_t divisor) { return (amount + divisor - 1) / divisor; }

}  // namespace

Plan make_plan(std::string promotion, const PlanPeriod& period, const Lottery& lottery) {
  const auto days = static_cast<std::uint32_t>(period.end.days - period.start.days + 1);
  assert(days >= 1 && days <= kMaxLotteryDays);
  return {.promotion = std::move(promotion),
          .start = period.start,
          .end = period.end,
          .timezone = period.timezone,
          .segment_minutes = lottery.segment_minutes,
          .traffic_curve = lottery.traffic_curve,
          .win_rate = lottery.win_rate,
          .expected_draws_per_day = lottery.expected_draws_per_day,
          .max_wins_per_user = lottery.max_wins_per_user,
          .prizes = lottery.prizes,
          .day_quotas = quotas_by_day(items_of(lottery.prizes), days)};
}

std::uint32_t items_of(const std::vector<Prize>& prizes) {
  std::uint64_t items = 0;
  for (const Prize& prize : prizes) items += prize.count;
  assert(items <= kMaxItems);
  return static_cast<std::uint32_t>(items);
}

std::vector<std::uint32_t> quotas_by_day(std::uint32_t items, std::uint32_t days) {
  std::vector<std::uint32_t> quotas(days, items / days);
  for (std::uint32_t day = 0; day < items % days; ++day) ++quotas[day];
  return quotas;
}

// Members in the order of their names, which is what makes it canonical; all names are ASCII.
std::string plan_text(const Plan& plan) {
  std::string out = "{\"days\":";
  append_days(out, plan);
  out += ",\"endDate\":";
  append_date(out, plan.end);
  out += ",\"expectedDrawsPerDay\":";
  if (plan.expected_draws_per_day) {
    append_number(out, *plan.expected_draws_per_day);
  } else {
    out += "null";
  }
  out += ",\"maxWinsPerUser\":";
  append_number(out, plan.max_wins_per_user);
  out += ",\"prizes\":";
  append_list(out, plan.prizes, [&](const Prize& prize) { append_prize(out, prize); });
  out += ",\"promotionId\":";
  append_string(out, plan.promotion);
  out += ",\"segmentMinutes\":";
  append_number(out, plan.segment_minutes);
  out += ",\"startDate\":";
  append_date(out, plan.start);
  out += ",\"timezone\":";
  append_string(out, plan.timezone);
  out += ",\"trafficCurve\":";
  if (plan.traffic_curve) {
    append_list(out, *plan.traffic_curve, [&](std::uint32_t weight) { append_number(out, weight); });
  } else {
    out += "null";
  }
  out += ",\"winRatePermille\":{\"max\":";
  append_number(out, plan.win_rate.max);
  out += ",\"min\":";
  append_number(out, plan.win_rate.min);
  out += "}}";
  return out;
}

std::string commitment_of(const Seed& seed, std::string_view text) {
  return hex_of(Sha256{}.add(seed.bytes).add(bytes_of_text(text)).finish());
}

std::vector<std::uint16_t> item_order(const Seed& seed, const std::vector<Prize>& prizes) {
  static_assert(kMaxPrizeKinds <= UINT16_MAX);
  std::vector<std::uint16_t> items;
  items.reserve(items_of(prizes));
  for (std::size_t prize = 0; prize < prizes.size(); ++prize) {
    items.insert(items.end(), prizes[prize].count, static_cast<std::uint16_t>(prize));
  }
  Choices choices(key_for(seed, kPrizesLabel));
  const auto size = static_cast<std::uint32_t>(items.size());
  for (std::uint32_t i = 0; i < size; ++i) std::swap(items[i], items[i + choices.below(size - i)]);
  return items;
}

Schedule::Schedule(const Plan& plan)
    : per_day_(segments_per_day(plan.segment_minutes)),
      expected_draws_per_day_(plan.expected_draws_per_day),
      win_rate_(plan.win_rate) {
  // A minute weighs what its hour weighs, so segments may be shorter or longer than an hour.
  std::int64_t weight = 0;
  weight_until_.push_back(weight);
  for (std::uint32_t minute = 0; minute < kMinutesPerDay; ++minute) {
    weight += plan.traffic_curve ? (*plan.traffic_curve)[minute / 60] : 1;
    if ((minute + 1) % plan.segment_minutes == 0) weight_until_.push_back(weight);
  }
  assert(weight > 0);
  until_day_.push_back(0);
  for (const std::uint32_t quota : plan.day_quotas) until_day_.push_back(until_day_.back() + quota);
}

std::uint32_t Schedule::items_until(SegmentNo segment) const {
  const std::size_t day = segment.value / per_day_;
  if (day + 1 >= until_day_.size()) return items();
  const std::uint32_t quota = until_day_[day + 1] - until_day_[day];
  return until_day_[day] + static_cast<std::uint32_t>(part_until(quota, (segment.value % per_day_) + 1));
}

std::int64_t Schedule::first_expectation(SegmentNo segment) const {
  const std::size_t day = segment.value / per_day_;
  const std::uint32_t quota = day + 1 < until_day_.size() ? until_day_[day + 1] - until_day_[day] : 0;
  const std::int64_t expected = expected_draws_per_day_.value_or(std::int64_t{quota} * 10);
  const std::uint32_t h = segment.value % per_day_;
  return part_until(expected, h + 1) - part_until(expected, h);
}

std::uint32_t Schedule::deck_length(SegmentNo segment, std::uint32_t quota,
                                    std::optional<std::int64_t> earlier_draws) const {
  const std::int64_t forecast = earlier_draws ? *earlier_draws * 11 / 10 : first_expectation(segment);
  const std::int64_t shortest = rounded_up(std::int64_t{quota} * 1000, win_rate_.max);
  const std::int64_t longest = rounded_up(std::int64_t{quota} * 1000, win_rate_.min);
  return static_cast<std::uint32_t>(std::clamp(forecast, shortest, longest));
}

void DrawHistory::over(SegmentNo segment, std::int64_t draws, Paused paused) {
  if (draws > 0 && paused == Paused::no) latest_[segment.value % latest_.size()] = draws;
}

}  // namespace windfall
