// Bugs that the systems before this one had. None of them may come back.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

std::string join(State& state, const Definition& d, UserRef who, Instant now) {
  const JoinDecision decision = propose_join(d, {.user = who, .segments = {}, .command = {}, .now = now}, {});
  if (const auto* refusal = std::get_if<JoinRefusal>(&decision)) return code_of(*refusal);
  const auto& plan = std::get<JoinPlan>(decision);
  const Verdict verdict = state.commit(plan.proposal, now);
  if (const auto* refused = std::get_if<Refused>(&verdict)) return code_of(conclude_join(d, plan, *refused));
  return is_accepted(verdict) ? "CREATED" : "STALE";
}

TEST(AncestorBugs, a_count_that_has_jumped_over_the_limit_is_over_it) {
  // It compared `count == limit`, so that one join too many opened the stock for ever.
  State state = state_with_partition();
  for (std::uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(join(state, definition(), user(n), kNoon), "CREATED");
  for (std::uint32_t day = 1; day <= 5; ++day) (void)state.commit(proposal(participated(user(9), day)), kNoon);
  for (const std::int64_t limit : {5, 4, 3, 1}) {
    Definition total = definition();
    total.promotion.limit_join_count = limit;
    EXPECT_EQ(join(state, total, user(9), kNoon), "SOLD_OUT") << limit;
    Definition daily = definition();
    daily.promotion.daily_limit_join_count = limit;
    EXPECT_EQ(join(state, daily, user(9), kNoon), "SOLD_OUT") << limit;
    Definition dup = definition();
    dup.promotion.join_types = {DupLimit{limit}};
    EXPECT_EQ(join(state, dup, user(9), kNoon), "CONDITION_NOT_MET") << limit;
  }
}

TEST(AncestorBugs, stock_below_zero_is_sold_out_as_well) {
  // It counted down and compared `stock == 0`: at -1 everybody was let in.
  State state = state_with_partition();
  Definition d = definition();
  EXPECT_EQ(join(state, d, user(1), kNoon), "CREATED");
  for (const std::int64_t limit : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{INT64_MIN}}) {
    d.promotion.limit_join_count = limit;
    EXPECT_EQ(join(state, d, user(2), kNoon), "SOLD_OUT") << limit;
  }
}

TEST(AncestorBugs, today_is_the_promotions_not_the_hosts) {
  for (const char* host : {"America/Los_Angeles", "Pacific/Kiritimati", "UTC"}) {
    ::setenv("TZ", host, 1);
    ::tzset();
    State state = state_with_partition();
    const Definition d = definition();
    const Instant before_midnight{((kFirst.days + 1) * kDay) - (9 * kHour) - 1};
    EXPECT_EQ(join(state, d, user(1), before_midnight), "CREATED") << host;
    EXPECT_EQ(join(state, d, user(1), before_midnight), "ALREADY_PARTICIPATED") << host;
    EXPECT_EQ(join(state, d, user(1), later(before_midnight, 1)), "CREATED") << host << ": midnight in Seoul";
  }
  ::unsetenv("TZ");
  ::tzset();
}

TEST(AncestorBugs, the_end_date_is_part_of_the_period_to_its_last_millisecond) {
  State state = state_with_partition();
  const Definition d = definition();
  const Instant end{((d.promotion.end.days + 1) * kDay) - (9 * kHour)};
  const Instant start{(d.promotion.start.days * kDay) - (9 * kHour)};
  EXPECT_EQ(join(state, d, user(1), later(start, -1)), "OUTSIDE_PERIOD");
  State fresh;
  (void)fresh.commit(creation(), later(start, -1));
  EXPECT_EQ(join(fresh, d, user(1), start), "CREATED");
  EXPECT_EQ(join(fresh, d, user(1), later(end, -1)), "CREATED");
  EXPECT_EQ(join(fresh, d, user(2), end), "OUTSIDE_PERIOD");
}

TEST(AncestorBugs, registering_a_promotion_again_refills_nothing) {
  // Its initialisation set the stock to the limit, also for a promotion that was half sold.
  State state = state_with_partition();
  Definition d = definition();
  d.promotion.limit_join_count = 2;
  EXPECT_EQ(join(state, d, user(1), kNoon), "CREATED");
  EXPECT_EQ(join(state, d, user(2), kNoon), "CREATED");
  ASSERT_TRUE(
      is_accepted(state.commit(proposal(DefinitionChanged{.id = "1", .definition = "again", .audit = {}}), kNoon)));
  d.revision = Revision{2};
  EXPECT_EQ(join(state, d, user(3), kNoon), "SOLD_OUT");
  d.promotion.limit_join_count = 3;
  EXPECT_EQ(join(state, d, user(1), kNoon), "ALREADY_PARTICIPATED") << "who has joined today has joined today";
  EXPECT_EQ(join(state, d, user(3), kNoon), "CREATED") << "raising the limit by one adds one";
  EXPECT_EQ(join(state, d, user(4), kNoon), "SOLD_OUT");
}

TEST(AncestorBugs, a_refused_join_uses_up_neither_stock_nor_the_day) {
  // It took from the stock first and asked the rules afterwards.
  State state = state_with_partition();
  Definition d = definition();
  d.promotion.limit_join_count = 1;
  d.promotion.daily_limit_join_count = 1;
  Definition strict = d;
  strict.promotion.join_types = {MinJoinCount{1}};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(join(state, strict, user(1), kNoon), "CONDITION_NOT_MET");
  EXPECT_EQ(join(state, d, user(1), kNoon), "CREATED");
}

TEST(AncestorBugs, a_proposal_made_before_midnight_is_not_decided_after_it) {
  // It stamped the join with the day of the request's arrival, so that a slow request joined yesterday again.
  State state = state_with_partition();
  const Definition d = definition();
  const Instant midnight{((kFirst.days + 1) * kDay) - (9 * kHour)};
  const JoinDecision decision =
      propose_join(d, {.user = user(1), .segments = {}, .command = {}, .now = later(midnight, -1)}, {});
  const Verdict verdict = state.commit(std::get<JoinPlan>(decision).proposal, midnight);
  ASSERT_TRUE(std::holds_alternative<Stale>(verdict));
  EXPECT_EQ(std::get<Stale>(verdict).now, midnight);
}

}  // namespace
}  // namespace windfall::test
