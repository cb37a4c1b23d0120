#include "adapters/system/tz_rule.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/codec/time_text.hpp"

namespace windfall::system {
namespace {

std::vector<std::string> changes_of(std::string_view text, std::int32_t year) {
  std::vector<std::string> changes;
  for (const Zone::Transition& change : parse_tz_rule(text).value().transitions(year, year)) {
    changes.push_back(codec::to_text(change.from) + " " + std::to_string(change.offset_seconds));
  }
  return changes;
}

TEST(TzRule, AFixedOffsetNeverChanges) {
  EXPECT_EQ(parse_tz_rule("KST-9").value().offset_seconds, 32'400);
  EXPECT_EQ(parse_tz_rule("<-03>3").value().offset_seconds, -10'800);
  EXPECT_EQ(parse_tz_rule("<+0545>-5:45").value().offset_seconds, 20'700);
  EXPECT_TRUE(changes_of("KST-9", 2050).empty());
}

TEST(TzRule, SummerStartsAndEndsByTheClockInForce) {
  EXPECT_EQ(changes_of("EST5EDT,M3.2.0,M11.1.0", 2050),
            (std::vector<std::string>{"2050-03-13T07:00:00.000Z -14400", "2050-11-06T06:00:00.000Z -18000"}));
  // The southern hemisphere, Ireland's negative summer, and days named by a time beyond midnight.
  EXPECT_EQ(changes_of("NZST-12NZDT,M9.5.0,M4.1.0/3", 2050),
            (std::vector<std::string>{"2050-04-02T14:00:00.000Z 43200", "2050-09-24T14:00:00.000Z 46800"}));
  EXPECT_EQ(changes_of("IST-1GMT0,M10.5.0,M3.5.0/1", 2050),
            (std::vector<std::string>{"2050-03-27T01:00:00.000Z 3600", "2050-10-30T01:00:00.000Z 0"}));
  EXPECT_EQ(changes_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2050),
            (std::vector<std::string>{"2050-03-27T01:00:00.000Z -3600", "2050-10-30T01:00:00.000Z -7200"}));
  EXPECT_EQ(changes_of("EET-2EEST,M3.4.4/50,M10.4.4/50", 2050),
            (std::vector<std::string>{"2050-03-26T00:00:00.000Z 10800", "2050-10-28T23:00:00.000Z 7200"}));
}

TEST(TzRule, DaysOfTheYearCountWithOrWithoutLeapDay) {
  EXPECT_EQ(changes_of("AAA0BBB,J60/0,J365/0", 2024),
            (std::vector<std::string>{"2024-03-01T00:00:00.000Z 3600", "2024-12-30T23:00:00.000Z 0"}));
  EXPECT_EQ(changes_of("AAA0BBB,59/0,365/0", 2024),
            (std::vector<std::string>{"2024-02-29T00:00:00.000Z 3600", "2024-12-30T23:00:00.000Z 0"}));
}

TEST(TzRule, WhatIsNoRuleIsRefused) {
  for (const char* text : {"", "K-9", "KST", "KST-", "KST-9x", "KST-200", "<+09-9", "EST5EDT", "EST5EDT,M3.2.0",
                           "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
                           "EST5EDT,J0,J365", "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,", "KST-9:60"}) {
    EXPECT_FALSE(parse_tz_rule(text)) << text;
  }
}

}  // namespace
}  // namespace windfall::system
