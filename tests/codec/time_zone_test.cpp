#include "adapters/system/time_zone.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "adapters/codec/time_text.hpp"

namespace windfall::system {
namespace {

using codec::parse_day;
using codec::parse_instant;
using codec::to_text;

Zone zone(std::string_view name) { return load_zone(name).value(); }
std::string start_of(const Zone& in, const char* day) { return to_text(in.start_of(parse_day(day).value())); }

TEST(KnownZone, IsANameOfTheDatabaseAsSpelledThere) {
  for (const char* name : {"Asia/Seoul", "UTC", "Etc/GMT+9", "US/Eastern", "America/Argentina/Buenos_Aires", "ROK"}) {
    EXPECT_TRUE(known_zone(name)) << name;
  }
  for (const char* name :
       {"", "asia/seoul", "Asia/Seoul ", "Asia", "Asia/", "/Asia/Seoul", "posix/Asia/Seoul", "right/UTC", "localtime",
        "posixrules", "Factory", "zone.tab", "tzdata.zi", "../UTC", "KST", "+09:00"}) {
    EXPECT_FALSE(known_zone(name)) << name;
    ASSERT_FALSE(load_zone(name)) << name;
    EXPECT_EQ(load_zone(name).error().code, FailureCode::not_found) << name;
  }
}

TEST(Zone, ADayInSeoulStartsAt15OClockUtc) {
  const Zone seoul = zone("Asia/Seoul");
  EXPECT_EQ(seoul.name, "Asia/Seoul");
  EXPECT_EQ(start_of(seoul, "2025-06-21"), "2025-06-20T15:00:00.000Z");
  EXPECT_EQ(to_text(seoul.day_at(parse_instant("2025-06-21T14:59:59.999Z").value())), "2025-06-21");
  EXPECT_EQ(to_text(seoul.day_at(parse_instant("2025-06-21T15:00:00Z").value())), "2025-06-22");
  EXPECT_EQ(start_of(seoul, "1988-07-01"), "1988-06-30T14:00:00.000Z");  // summer time in the year of the Olympics
  EXPECT_EQ(start_of(seoul, "2099-01-01"), "2098-12-31T15:00:00.000Z");
}

std::string window_at(const Zone& in, const char* at) {
  const Window window = in.day_window(parse_instant(at).value());
  return to_text(window.from) + " " + to_text(window.until);
}

TEST(Zone, ADayInNewYorkHas23Or25HoursWhenClocksChange) {
  const Zone new_york = zone("America/New_York");
  EXPECT_EQ(window_at(new_york, "2025-03-09T12:00:00Z"), "2025-03-09T05:00:00.000Z 2025-03-10T04:00:00.000Z");
  EXPECT_EQ(window_at(new_york, "2025-11-02T12:00:00Z"), "2025-11-02T04:00:00.000Z 2025-11-03T05:00:00.000Z");
  EXPECT_EQ(window_at(new_york, "2025-11-02T05:30:00Z"), "2025-11-02T04:00:00.000Z 2025-11-03T05:00:00.000Z");
  EXPECT_EQ(window_at(new_york, "2025-11-02T06:30:00Z"), "2025-11-02T04:00:00.000Z 2025-11-03T05:00:00.000Z");
}

TEST(Zone, ADayInSaoPauloStartsAtOneWhereClocksJumpOverMidnight) {
  const Zone sao_paulo = zone("America/Sao_Paulo");
  EXPECT_EQ(start_of(sao_paulo, "2017-10-15"), "2017-10-15T03:00:00.000Z");  // 01:00 at UTC-2
  EXPECT_EQ(start_of(sao_paulo, "2017-10-16"), "2017-10-16T02:00:00.000Z");
  EXPECT_EQ(start_of(sao_paulo, "2017-10-14"), "2017-10-14T03:00:00.000Z");
}

TEST(Zone, ADayInSaoPauloGoesOnWhereClocksFallBackAtMidnight) {
  const Zone sao_paulo = zone("America/Sao_Paulo");
  for (const char* at :
       {"2018-02-17T12:00:00Z", "2018-02-18T01:59:59.999Z", "2018-02-18T02:00:00Z", "2018-02-18T02:59:59.999Z"}) {
    EXPECT_EQ(window_at(sao_paulo, at), "2018-02-17T02:00:00.000Z 2018-02-18T03:00:00.000Z") << at;
  }
}

TEST(Zone, ApiaSkippedADay) {
  const Zone apia = zone("Pacific/Apia");
  EXPECT_EQ(start_of(apia, "2011-12-29"), "2011-12-29T10:00:00.000Z");
  EXPECT_EQ(start_of(apia, "2011-12-30"), "2011-12-30T10:00:00.000Z");  // there was none: the next one's start
  EXPECT_EQ(start_of(apia, "2011-12-31"), "2011-12-30T10:00:00.000Z");
  EXPECT_EQ(window_at(apia, "2011-12-30T09:59:59.999Z"), "2011-12-29T10:00:00.000Z 2011-12-30T10:00:00.000Z");
  EXPECT_EQ(to_text(apia.day_at(parse_instant("2011-12-30T10:00:00Z").value())), "2011-12-31");
}

// Every zone of the database against independent readers of it. The instants are drawn from a fixed seed and around
// every change.

std::vector<std::string> all_zones() {
  std::vector<std::string> names;
  for (const date::time_zone& each : date::get_tzdb().zones) {
    if (known_zone(each.name())) names.push_back(each.name());
  }
  return names;
}

std::vector<Instant> interesting_instants(const Zone& in, const char* from, const char* until, unsigned seed) {
  const Instant first = parse_instant(from).value();
  const Instant last = parse_instant(until).value();
  std::vector<Instant> instants;
  for (const Zone::Transition& change : in.transitions) {
    for (const std::int64_t off : {-86'400'000LL, -1LL, 0LL, 1LL, 3'600'000LL, 86'400'000LL}) {
      const Instant at{change.from.ms + off};
      if (first <= at && at < last) instants.push_back(at);
    }
  }
  std::mt19937_64 dice(seed);
  std::uniform_int_distribution<std::int64_t> any(first.ms, last.ms - 1);
  for (int i = 0; i < 20; ++i) instants.push_back(Instant{any(dice)});
  return instants;
}

TEST(Zone, TheDateIsThatOfTheDateLibraryUntil2037) {
  ASSERT_GT(all_zones().size(), 400U);
  for (const std::string& name : all_zones()) {
    const Zone ours = zone(name);
    const date::time_zone* theirs = date::locate_zone(name);
    for (const Instant at : interesting_instants(ours, "1970-01-01T00:00:00Z", "2037-01-01T00:00:00Z", 1)) {
      const date::sys_time<std::chrono::milliseconds> when{std::chrono::milliseconds{at.ms}};
      const auto local = date::floor<date::days>(theirs->to_local(when));
      ASSERT_EQ(ours.day_at(at).days, local.time_since_epoch().count()) << name << ' ' << to_text(at);
    }
  }
}

TEST(Zone, TheDateIsThatOfTheCLibraryUntil2100) {
  const char* before = std::getenv("TZ");
  const std::string kept = before != nullptr ? before : "";
  for (const std::string& name : all_zones()) {
    ASSERT_EQ(setenv("TZ", (":" + name).c_str(), 1), 0);
    tzset();
    const Zone ours = zone(name);
    for (const Instant at : interesting_instants(ours, "1970-01-02T00:00:00Z", "2100-12-01T00:00:00Z", 2)) {
      const std::time_t seconds = (at.ms - (((at.ms % 1000) + 1000) % 1000)) / 1000;
      std::tm local{};
      ASSERT_NE(localtime_r(&seconds, &local), nullptr);
      std::array<char, 16> text{};
      std::strftime(text.data(), text.size(), "%Y-%m-%d", &local);
      ASSERT_EQ(to_text(ours.day_at(at)), text.data()) << name << ' ' << to_text(at);
    }
  }
  before != nullptr ? setenv("TZ", kept.c_str(), 1) : unsetenv("TZ");
  tzset();
}

TEST(Zone, ADayWindowIsTheLongestIntervalOfOneDate) {
  for (const std::string& name : all_zones()) {
    const Zone ours = zone(name);
    for (const Instant at : interesting_instants(ours, "1970-01-03T00:00:00Z", "2100-12-01T00:00:00Z", 3)) {
      const LocalDay day = ours.day_at(at);
      const Window window = ours.day_window(at);
      ASSERT_TRUE(window.holds(at)) << name << ' ' << to_text(at);
      ASSERT_EQ(ours.day_at(window.from), day) << name << ' ' << to_text(at);
      ASSERT_EQ(ours.day_at(Instant{window.until.ms - 1}), day) << name << ' ' << to_text(at);
      ASSERT_NE(ours.day_at(Instant{window.from.ms - 1}), day) << name << ' ' << to_text(at);
      ASSERT_NE(ours.day_at(window.until), day) << name << ' ' << to_text(at);
      ASSERT_EQ(ours.day_window(window.from).until, window.until) << name << ' ' << to_text(at);
    }
  }
}

TEST(Zone, ADayStartsWhereItsDateIsFirstReached) {
  for (const std::string& name : all_zones()) {
    const Zone ours = zone(name);
    for (const Instant at : interesting_instants(ours, "1970-01-03T00:00:00Z", "2100-12-01T00:00:00Z", 4)) {
      const LocalDay day = ours.day_at(at);
      const Instant start = ours.start_of(day);
      ASSERT_LE(start, at) << name;
      ASSERT_GE(ours.day_at(start), day) << name << ' ' << to_text(day);
      ASSERT_LT(ours.day_at(Instant{start.ms - 1}), day) << name << ' ' << to_text(day);
    }
  }
}

TEST(LoadZone, IsSafeFromManyThreadsAndKeepsWhatItRead) {
  std::vector<std::thread> threads;
  std::array<std::size_t, 4> sizes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    threads.emplace_back([&sizes, i] { sizes[i] = zone("Europe/Berlin").transitions.size(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t size : sizes) EXPECT_EQ(size, sizes[0]);
  EXPECT_GT(sizes[0], 240U);  // two a year from 1980 to 2100
}

}  // namespace
}  // namespace windfall::system
