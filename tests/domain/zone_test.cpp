// Local days from hand-made transitions: clocks that jump over midnight, fall back onto it, or skip a date.
#include <gtest/gtest.h>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

constexpr std::int64_t kMinute = 60'000;

/// Days since 1970-01-01 (Howard Hinnant's days_from_civil).
constexpr LocalDay date(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const int year_of_era = y - (era * 400);
  const int day_of_year = ((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const int day_of_era = (year_of_era * 365) + (year_of_era / 4) - (year_of_era / 100) + day_of_year;
  return LocalDay{(era * 146097) + day_of_era - 719468};
}

constexpr Instant utc(int year, int month, int day, int hour = 0, int minute = 0) {
  return Instant{(date(year, month, day).days * kDay) + (hour * kHour) + (minute * kMinute)};
}

Zone::Transition from(Instant at, int hours) { return {.from = at, .offset_seconds = hours * 3600}; }

Zone sao_paulo() {
  return {.name = "America/Sao_Paulo",
          .transitions = {from(utc(2017, 10, 15, 3), -2),  // 00:00 becomes 01:00
                          from(utc(2018, 2, 18, 2), -3),   // 24:00 becomes 23:00
                          from(utc(2018, 11, 4, 3), -2)}};
}
Zone azores() {  // 01:00 becomes 00:00
  return {.name = "Atlantic/Azores", .transitions = {from(utc(2025, 3, 30, 1), 0), from(utc(2025, 10, 26, 1), -1)}};
}
Zone new_york() {
  return {.name = "America/New_York",
          .transitions = {from(utc(2024, 11, 3, 6), -5), from(utc(2025, 3, 9, 7), -4), from(utc(2025, 11, 2, 6), -5)}};
}
Zone apia() {  // no 30 December 2011
  return {.name = "Pacific/Apia", .transitions = {from(utc(2011, 9, 24, 14), -10), from(utc(2011, 12, 30, 10), 14)}};
}

TEST(Zone, gives_the_local_date) {
  EXPECT_EQ(date(1970, 1, 1), LocalDay{0});
  EXPECT_EQ(seoul().day_at(utc(2025, 6, 20, 14, 59)), date(2025, 6, 20));
  EXPECT_EQ(seoul().day_at(utc(2025, 6, 20, 15)), date(2025, 6, 21));
  EXPECT_EQ(seoul().day_at(Instant{utc(2025, 6, 20, 15).ms - 1}), date(2025, 6, 20));
  EXPECT_EQ(new_york().day_at(utc(2025, 6, 20, 3, 59)), date(2025, 6, 19));
  EXPECT_EQ(seoul().day_at(utc(1969, 12, 31, 14, 59)), date(1969, 12, 31)) << "before 1970 too";
  EXPECT_EQ(sao_paulo().day_at(utc(2017, 1, 1, 1)), date(2016, 12, 31))
      << "before the first transition its offset holds";
}

TEST(Zone, day_is_24_hours_where_nothing_changes) {
  const Window window = seoul().day_window(utc(2025, 6, 20, 3));
  EXPECT_EQ(window.from, utc(2025, 6, 19, 15));
  EXPECT_EQ(window.until, utc(2025, 6, 20, 15));
}

TEST(Zone, day_is_23_or_25_hours_where_clocks_change_by_day) {
  const Window spring = new_york().day_window(utc(2025, 3, 9, 12));
  EXPECT_EQ(spring.from, utc(2025, 3, 9, 5));
  EXPECT_EQ(spring.until, utc(2025, 3, 10, 4));
  const Window autumn = new_york().day_window(utc(2025, 11, 2, 4, 30));
  EXPECT_EQ(autumn.from, utc(2025, 11, 2, 4));
  EXPECT_EQ(autumn.until, utc(2025, 11, 3, 5));
}

TEST(Zone, day_starts_at_one_where_clocks_jump_over_midnight) {
  const Window window = sao_paulo().day_window(utc(2018, 11, 4, 12));
  EXPECT_EQ(window.from, utc(2018, 11, 4, 3));
  EXPECT_EQ(window.until, utc(2018, 11, 5, 2));
  EXPECT_EQ(sao_paulo().day_window(utc(2018, 11, 3, 12)).until, utc(2018, 11, 4, 3));
  EXPECT_EQ(sao_paulo().start_of(date(2018, 11, 4)), utc(2018, 11, 4, 3));
}

TEST(Zone, day_lasts_25_hours_where_clocks_go_back_at_midnight) {
  for (const Instant at : {utc(2018, 2, 17, 12), utc(2018, 2, 18, 1, 59), utc(2018, 2, 18, 2, 30)}) {
    const Window window = sao_paulo().day_window(at);
    EXPECT_EQ(window.from, utc(2018, 2, 17, 2)) << at.ms;
    EXPECT_EQ(window.until, utc(2018, 2, 18, 3)) << at.ms;
  }
  EXPECT_EQ(sao_paulo().start_of(date(2018, 2, 18)), utc(2018, 2, 18, 3));
}

TEST(Zone, day_starts_an_hour_earlier_where_clocks_go_back_to_midnight) {
  for (const Instant at : {utc(2025, 10, 26, 0, 30), utc(2025, 10, 26, 1), utc(2025, 10, 26, 12)}) {
    const Window window = azores().day_window(at);
    EXPECT_EQ(window.from, utc(2025, 10, 26)) << at.ms;
    EXPECT_EQ(window.until, utc(2025, 10, 27, 1)) << at.ms;
  }
}

TEST(Zone, date_may_be_skipped_and_starts_where_the_next_one_does) {
  const Window last = apia().day_window(utc(2011, 12, 30, 9, 59));
  EXPECT_EQ(apia().day_at(utc(2011, 12, 30, 9, 59)), date(2011, 12, 29));
  EXPECT_EQ(last.until, utc(2011, 12, 30, 10));
  EXPECT_EQ(apia().day_at(last.until), date(2011, 12, 31));
  EXPECT_EQ(apia().start_of(date(2011, 12, 30)), utc(2011, 12, 30, 10));
  EXPECT_EQ(apia().start_of(date(2011, 12, 31)), utc(2011, 12, 30, 10));
}

TEST(Zone, period_may_have_no_day_where_a_date_is_skipped) {
  EXPECT_FALSE(apia().has_day(date(2011, 12, 30), date(2011, 12, 30)));
  EXPECT_TRUE(apia().has_day(date(2011, 12, 29), date(2011, 12, 30)));
  EXPECT_TRUE(apia().has_day(date(2011, 12, 30), date(2011, 12, 31)));
  EXPECT_TRUE(new_york().has_day(date(2011, 12, 30), date(2011, 12, 30)));
  EXPECT_FALSE(new_york().has_day(date(2011, 12, 31), date(2011, 12, 30))) << "the wrong way round";
}

TEST(Zone, start_of_a_day_is_the_first_instant_of_its_window) {
  EXPECT_EQ(seoul().start_of(date(2025, 6, 20)), utc(2025, 6, 19, 15));
  EXPECT_EQ(new_york().start_of(date(2025, 3, 10)), utc(2025, 3, 10, 4));
  for (int day = date(2025, 1, 1).days; day < date(2026, 1, 1).days; ++day) {
    const Instant start = new_york().start_of(LocalDay{day});
    ASSERT_EQ(new_york().day_at(start), LocalDay{day});
    ASSERT_EQ(new_york().day_at(Instant{start.ms - 1}), LocalDay{day - 1});
    ASSERT_EQ(new_york().day_window(start).from, start);
  }
}

TEST(Zone, window_is_the_longest_interval_of_one_date_minute_by_minute) {
  // A clock that falls back from 00:01, as Newfoundland's did: the date goes back for 59 minutes, and has two windows.
  Zone newfoundland{.name = "America/St_Johns",
                    .transitions = {{.from = utc(2006, 4, 2, 3, 31), .offset_seconds = -9000},
                                    {.from = utc(2006, 10, 29, 2, 31), .offset_seconds = -12600}}};
  for (const Zone& zone : {sao_paulo(), azores(), new_york(), apia(), newfoundland}) {
    for (const Zone::Transition& transition : zone.transitions) {
      for (std::int64_t minutes = -30 * 60; minutes <= 30 * 60; minutes += 7) {
        const Instant at = later(transition.from, minutes * kMinute);
        const LocalDay day = zone.day_at(at);
        Instant first = Instant{at.ms - (((at.ms % kMinute) + kMinute) % kMinute)};
        Instant until = first;
        while (zone.day_at(later(first, -kMinute)) == day) first = later(first, -kMinute);
        while (zone.day_at(until) == day) until = later(until, kMinute);
        const Window window = zone.day_window(at);
        ASSERT_EQ(window.from, first) << zone.name << " " << at.ms;
        ASSERT_EQ(window.until, until) << zone.name << " " << at.ms;
      }
    }
  }
}

}  // namespace
}  // namespace windfall::test
