// The plan: how prizes lie over days and segments, its canonical text, its commitment, and how long decks are.
#include "domain/lottery/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "domain/deck/lotteries.hpp"

namespace windfall::test {
namespace {

constexpr std::uint32_t kDivisors[] = {1,  2,  3,   4,   5,   6,   8,   9,   10,  12,  15,  16,
                                       18, 20, 24,  30,  32,  36,  40,  45,  48,  60,  72,  80,
                                       90, 96, 120, 144, 160, 180, 240, 288, 360, 480, 720, 1440};

TrafficCurve evening() {
  TrafficCurve curve{};
  for (std::uint32_t hour = 7; hour < 24; ++hour) curve[hour] = hour * hour;
  return curve;
}

Plan plan_with(std::int32_t days, const Lottery& lottery) { return make_plan("p", period_of(days), lottery); }

TEST(Plan, lays_the_remainder_over_the_earliest_days) {
  const Plan plan = plan_with(24, big_lottery());
  ASSERT_EQ(plan.day_quotas.size(), 24U);
  EXPECT_EQ(plan.day_quotas[0], 5351U);  // 128,401 = 24 × 5,350 + 1
  EXPECT_TRUE(std::all_of(plan.day_quotas.begin() + 1, plan.day_quotas.end(), [](auto q) { return q == 5350; }));
  EXPECT_EQ(quotas_by_day(2, 3), (std::vector<std::uint32_t>{1, 1, 0}));
}

TEST(Plan, gives_every_item_to_exactly_one_segment_whatever_the_curve_and_length) {
  for (const bool even : {true, false}) {
    for (const std::uint32_t minutes : kDivisors) {
      Lottery lottery = big_lottery();
      lottery.segment_minutes = minutes;
      if (!even) lottery.traffic_curve = evening();
      const Plan plan = plan_with(5, lottery);
      const Schedule schedule(plan);
      std::uint32_t before = 0;
      for (std::uint32_t i = 0; i < 5 * segments_per_day(minutes); ++i) {
        const std::uint32_t until = schedule.items_until({i});
        ASSERT_GE(until, before) << minutes << " minutes, segment " << i;
        before = until;
        if ((i + 1) % segments_per_day(minutes) == 0) {
          const auto day = static_cast<std::ptrdiff_t>((i + 1) / segments_per_day(minutes));
          ASSERT_EQ(until, std::accumulate(plan.day_quotas.begin(), plan.day_quotas.begin() + day, 0U));
        }
      }
      EXPECT_EQ(before, 128'401U);
    }
  }
}

TEST(Plan, follows_the_curve_by_the_cumulative_floor) {
  Lottery lottery;
  lottery.prizes = {points("a", 10)};
  lottery.traffic_curve = TrafficCurve{};
  (*lottery.traffic_curve)[9] = 1;
  (*lottery.traffic_curve)[21] = 2;
  const Plan plan = plan_with(1, lottery);
  const Schedule schedule(plan);
  EXPECT_EQ(schedule.items_until({8}), 0U);
  EXPECT_EQ(schedule.items_until({9}), 3U);  // ⌊10 × 1/3⌋
  EXPECT_EQ(schedule.items_until({20}), 3U);
  EXPECT_EQ(schedule.items_until({21}), 10U);
}

TEST(Plan, weighs_a_segment_by_its_minutes_when_it_is_longer_or_shorter_than_an_hour) {
  Lottery lottery;
  lottery.prizes = {points("a", 2400)};
  TrafficCurve curve;
  curve.fill(100);
  curve[0] = 50;
  curve[1] = 150;
  lottery.traffic_curve = curve;
  lottery.segment_minutes = 90;
  EXPECT_EQ(Schedule(plan_with(1, lottery)).items_until({0}), 125U);  // 50 + 150 / 2
  lottery.segment_minutes = 30;
  EXPECT_EQ(Schedule(plan_with(1, lottery)).items_until({0}), 25U);
  EXPECT_EQ(Schedule(plan_with(1, lottery)).items_until({2}), 125U);
  lottery.segment_minutes = 1440;
  EXPECT_EQ(Schedule(plan_with(1, lottery)).items_until({0}), 2400U);
}

TEST(Plan, has_nothing_for_days_that_were_added_later) {
  const Plan plan = plan_with(2, big_lottery());
  const Schedule schedule(plan);
  EXPECT_EQ(schedule.items_until({47}), 128'401U);
  EXPECT_EQ(schedule.items_until({48}), 128'401U);
  EXPECT_EQ(schedule.items_until({365 * 24}), 128'401U);
  EXPECT_EQ(schedule.first_expectation({48}), 0);
}

TEST(Segments, follow_the_wall_clock) {
  EXPECT_EQ(segment_of(60, 0, 0).value, 0U);
  EXPECT_EQ(segment_of(60, 0, 59).value, 0U);
  EXPECT_EQ(segment_of(60, 0, 60).value, 1U);
  EXPECT_EQ(segment_of(60, 2, 1439).value, 71U);
  EXPECT_EQ(segment_of(1440, 2, 1439).value, 2U);
  // Clocks go back from 03:00 to 02:00: the repeated hour asks for segment 2 again, and the later of both holds.
  EXPECT_EQ(std::max(segment_of(60, 0, 179), segment_of(60, 0, 120)), segment_of(60, 0, 150));
}

struct LengthCase {
  const char* when;
  std::uint32_t quota;
  std::optional<std::int64_t> earlier;
  std::uint32_t length;
};

TEST(DeckLength, is_the_forecast_within_the_win_rates) {
  Lottery lottery;
  lottery.prizes = {points("a", 240)};
  lottery.win_rate = {.min = 10, .max = 300};
  const Plan plan = plan_with(1, lottery);
  const Schedule schedule(plan);
  const LengthCase cases[] = {
      {"the first day expects ten draws a prize", 10, std::nullopt, 100},
      {"a tenth more than yesterday", 10, 200, 220},
      {"rounded down", 10, 201, 221},
      {"not more than the highest rate", 10, 1, 34},  // ⌈10,000 / 300⌉
      {"not less than the lowest rate", 10, 1'000'000, 1000},
      {"without items there is no deck", 0, 500, 0},
      {"carried items lengthen it", 100, std::nullopt, 334},
  };
  for (const LengthCase& c : cases) EXPECT_EQ(schedule.deck_length({5}, c.quota, c.earlier), c.length) << c.when;
}

TEST(DeckLength, has_a_place_for_every_item_at_any_rate) {
  for (const std::uint32_t rate : {1U, 3U, 499U, 999U, 1000U}) {
    Lottery lottery;
    lottery.prizes = {points("a", kMaxItems)};
    lottery.win_rate = {.min = rate, .max = rate};
    const Plan plan = plan_with(1, lottery);
    const Schedule schedule(plan);
    for (const std::uint32_t quota : {0U, 1U, 7U, 1000U, kMaxItems}) {
      EXPECT_GE(schedule.deck_length({0}, quota, std::nullopt), quota) << rate << " permille, " << quota << " items";
    }
  }
}

TEST(DeckLength, expects_what_the_operator_expects_by_the_curve) {
  Lottery lottery;
  lottery.prizes = {points("a", 24)};
  lottery.expected_draws_per_day = 2401;
  const Plan plan = plan_with(1, lottery);
  const Schedule schedule(plan);
  std::int64_t sum = 0;
  for (std::uint32_t i = 0; i < 24; ++i) sum += schedule.first_expectation({i});
  EXPECT_EQ(sum, 2401);
  EXPECT_EQ(schedule.first_expectation({0}), 100);
  EXPECT_EQ(schedule.first_expectation({23}), 101);
}

TEST(DrawHistory, remembers_the_latest_day_with_draws_and_without_a_pause) {
  DrawHistory history(24);
  EXPECT_EQ(history.before({24}), std::nullopt);
  history.over({3}, 100, DrawHistory::Paused::no);
  EXPECT_EQ(history.before({27}), 100);
  EXPECT_EQ(history.before({28}), std::nullopt);
  history.over({27}, 0, DrawHistory::Paused::no);
  EXPECT_EQ(history.before({51}), 100) << "a day without draws says nothing";
  history.over({51}, 40, DrawHistory::Paused::yes);
  EXPECT_EQ(history.before({75}), 100) << "neither does one with a pause";
  history.over({75}, 60, DrawHistory::Paused::no);
  EXPECT_EQ(history.before({99}), 60);
}

TEST(TextOfPlan, is_canonical_json) {
  Lottery lottery;
  lottery.prizes = {coupon("americano", 2), points("grand", 1)};
  EXPECT_EQ(plan_text(plan_with(2, lottery)),
            R"({"days":[{"date":"2025-06-20","quota":2},{"date":"2025-06-21","quota":1}],"endDate":"2025-06-21",)"
            R"("expectedDrawsPerDay":null,"maxWinsPerUser":1,"prizes":[{"count":2,"kind":"GIFTICON",)"
            R"("name":"아메리카노","prizeId":"americano","validDays":30,"value":4500},{"count":1,"kind":"POINTS",)"
            R"("name":"100만 포인트","prizeId":"grand","value":1000000}],"promotionId":"p","segmentMinutes":60,)"
            R"("startDate":"2025-06-20","timezone":"Asia/Seoul","trafficCurve":null,)"
            R"("winRatePermille":{"max":500,"min":1}})");
  lottery.traffic_curve = TrafficCurve{};
  lottery.traffic_curve->fill(7);
  lottery.expected_draws_per_day = 1234;
  const std::string text = plan_text(plan_with(2, lottery));
  EXPECT_NE(text.find(R"("expectedDrawsPerDay":1234,)"), std::string::npos);
  EXPECT_NE(text.find(R"("trafficCurve":[7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7],)"), std::string::npos);
}

TEST(TextOfPlan, escapes_as_rfc_8785_says) {
  Lottery lottery;
  lottery.prizes = {points("a", 1)};
  lottery.prizes[0].name = "\b\t\n\f\r\"\\/\x01\x1f\x7f€😀";
  EXPECT_NE(plan_text(plan_with(1, lottery)).find("\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f€😀\""),
            std::string::npos);
}

TEST(TextOfPlan, writes_dates_of_every_kind_of_year) {
  struct DateCase {
    std::int32_t days;
    const char* text;
  };
  for (const DateCase& c :
       {DateCase{0, "1970-01-01"}, DateCase{-1, "1969-12-31"}, DateCase{11'016, "2000-02-29"},
        DateCase{11'017, "2000-03-01"}, DateCase{47'540, "2100-02-28"}, DateCase{47'541, "2100-03-01"},
        DateCase{19'782, "2024-02-29"}, DateCase{20'453, "2025-12-31"}}) {
    Lottery lottery;
    lottery.prizes = {points("a", 1)};
    const PlanPeriod period{.start = {c.days}, .end = {c.days}, .timezone = "UTC"};
    EXPECT_NE(plan_text(make_plan("p", period, lottery)).find(std::string("\"startDate\":\"") + c.text + "\""),
              std::string::npos)
        << c.text;
  }
}

TEST(Commitment, is_the_digest_of_seed_and_text) {
  Seed seed;
  for (std::size_t i = 0; i < seed.bytes.size(); ++i) seed.bytes[i] = static_cast<std::uint8_t>('A' + (i % 26));
  EXPECT_EQ(commitment_of(seed, "{}"), hex_of(sha256(bytes_of_text("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF{}"))));
  EXPECT_NE(commitment_of(seed, "{}"), commitment_of(seed, "{ }"));
  EXPECT_NE(commitment_of(seed, "{}"), commitment_of(seed_no(1), "{}"));
}

TEST(ItemOrder, holds_every_prize_as_often_as_it_is_given) {
  const std::vector<Prize> prizes{coupon("a", 500), points("b", 3), coupon("c", 40)};
  const std::vector<std::uint16_t> order = item_order(seed_no(1), prizes);
  ASSERT_EQ(order.size(), 543U);
  for (std::uint16_t prize = 0; prize < prizes.size(); ++prize)
    EXPECT_EQ(std::ranges::count(order, prize), prizes[prize].count);
  EXPECT_EQ(order, item_order(seed_no(1), prizes));
  EXPECT_NE(order, item_order(seed_no(2), prizes));
}

}  // namespace
}  // namespace windfall::test
