// Each join type, alone and in order; what TEST promotions count for; and what a join proposal holds.
#include <gtest/gtest.h>

#include <string>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

constexpr PartitionNo kOther{2};
constexpr PartitionNo kThird{3};

/// The user's joins so far: of the promotion itself ("1"), of "2" and of "3". Each on days of its own, none today.
struct History {
  std::uint32_t own = 0;
  std::uint32_t other = 0;
  std::uint32_t third = 0;
  Mode other_mode = Mode::live;
  Mode third_mode = Mode::live;
};

State state_after(const History& history) {
  State state;
  const Instant before = later(kNoon, -kDay);
  const std::uint32_t joins[] = {history.own, history.other, history.third};
  for (std::uint32_t p = 1; p <= 3; ++p) {
    (void)state.commit(creation(PartitionNo{p}, std::to_string(p)), before);
    for (std::uint32_t day = 1; day <= joins[p - 1]; ++day)
      (void)state.commit(proposal(participated(user(1), day), PartitionNo{p}), before);
  }
  return state;
}

JoinFacts facts_of(const History& history, Mode own_mode) {
  return {.others = {{.id = "1", .partition = kFirstPartition, .mode = own_mode, .joins = history.own},
                     {.id = "2", .partition = kOther, .mode = history.other_mode, .joins = history.other},
                     {.id = "3", .partition = kThird, .mode = history.third_mode, .joins = history.third}}};
}

/// "" if the user may join, else the condition that is not met.
std::string unmet(const std::vector<JoinType>& types, const History& history, Mode mode = Mode::live,
                  const std::vector<std::string>& segments = {}) {
  Definition d = definition();
  d.promotion.mode = mode;
  d.promotion.limit_join_count = 1000;
  d.promotion.join_types = types;
  State state = state_after(history);
  const JoinDecision decision =
      propose_join(d, {.user = user(1), .segments = segments, .command = {}, .now = kNoon}, facts_of(history, mode));
  const auto& plan = std::get<JoinPlan>(decision);
  EXPECT_EQ(plan.steps.size(), plan.proposal.guards.size());
  const Verdict verdict = state.commit(plan.proposal, kNoon);
  if (is_accepted(verdict)) return "";
  const JoinRefusal refusal = conclude_join(d, plan, std::get<Refused>(verdict));
  const auto* condition = std::get_if<ConditionNotMet>(&refusal);
  return condition == nullptr ? code_of(refusal) : condition->condition;
}

TEST(DupLimit, holds_while_the_user_has_joined_fewer_times) {
  EXPECT_EQ(unmet({DupLimit{1}}, {}), "");
  EXPECT_EQ(unmet({DupLimit{1}}, {.own = 1}), "N_DUP_LIMIT");
  EXPECT_EQ(unmet({DupLimit{3}}, {.own = 2}), "");
  EXPECT_EQ(unmet({DupLimit{3}}, {.own = 3}), "N_DUP_LIMIT");
  EXPECT_EQ(unmet({DupLimit{3}}, {.own = 4}), "N_DUP_LIMIT") << "more than the limit, after it was lowered";
  EXPECT_EQ(unmet({DupLimit{1}}, {.other = 5}), "") << "other promotions do not count";
  EXPECT_EQ(unmet({DupLimit{60}}, {.own = 59}), "") << "over the first word of days";
  EXPECT_EQ(unmet({DupLimit{60}}, {.own = 60}), "N_DUP_LIMIT");
}

TEST(Leading, asks_for_all_or_any_of_the_promotions_named) {
  const Leading all{.promotions = {"2", "3"}, .match = Leading::Match::all};
  const Leading any{.promotions = {"2", "3"}, .match = Leading::Match::any};
  EXPECT_EQ(unmet({all}, {}), "LEADING");
  EXPECT_EQ(unmet({all}, {.other = 1}), "LEADING");
  EXPECT_EQ(unmet({all}, {.other = 1, .third = 2}), "");
  EXPECT_EQ(unmet({any}, {}), "LEADING");
  EXPECT_EQ(unmet({any}, {.third = 1}), "");
  EXPECT_EQ(unmet({any}, {.own = 1}), "LEADING") << "the promotion itself does not lead";
  EXPECT_EQ(unmet({Leading{.promotions = {"not known yet"}, .match = Leading::Match::all}}, {.other = 1}), "LEADING");
  EXPECT_EQ(unmet({Leading{.promotions = {"not known yet", "2"}, .match = Leading::Match::any}}, {.other = 1}), "");
}

TEST(FirstTime, holds_if_the_user_has_joined_nothing_at_all) {
  EXPECT_EQ(unmet({FirstTime{}}, {}), "");
  EXPECT_EQ(unmet({FirstTime{}}, {.own = 1}), "FIRST_TIME");
  EXPECT_EQ(unmet({FirstTime{}}, {.other = 1}), "FIRST_TIME");
}

TEST(FirstTime, is_a_guard_so_that_a_join_elsewhere_in_between_is_seen) {
  Definition d = definition();
  d.promotion.join_types = {FirstTime{}};
  State state = state_after({});
  const JoinDecision decision =
      propose_join(d, {.user = user(1), .segments = {}, .command = {}, .now = kNoon}, facts_of({}, Mode::live));
  const auto& plan = std::get<JoinPlan>(decision);
  ASSERT_TRUE(is_accepted(state.commit(proposal(participated(user(1)), kThird), kNoon)));
  const Verdict verdict = state.commit(plan.proposal, kNoon);
  ASSERT_TRUE(std::holds_alternative<Refused>(verdict));
  EXPECT_STREQ(code_of(conclude_join(d, plan, std::get<Refused>(verdict))), "CONDITION_NOT_MET");
}

TEST(MinJoinCount, counts_over_all_promotions) {
  EXPECT_EQ(unmet({MinJoinCount{1}}, {}), "MIN_JOIN_COUNT");
  EXPECT_EQ(unmet({MinJoinCount{1}}, {.own = 1}), "");
  EXPECT_EQ(unmet({MinJoinCount{3}}, {.own = 1, .other = 1}), "MIN_JOIN_COUNT");
  EXPECT_EQ(unmet({MinJoinCount{3}}, {.own = 1, .other = 1, .third = 1}), "");
  EXPECT_EQ(unmet({MinJoinCount{3}}, {.other = 4}), "");
}

TEST(InSegment, asks_for_one_of_the_callers_segments) {
  const InSegment rule{{"vip", "new"}};
  EXPECT_EQ(unmet({rule}, {}), "SEGMENT");
  EXPECT_EQ(unmet({rule}, {}, Mode::live, {"old"}), "SEGMENT");
  EXPECT_EQ(unmet({rule}, {}, Mode::live, {"old", "new"}), "");
  EXPECT_EQ(unmet({rule}, {}, Mode::live, {"VIP"}), "SEGMENT");
}

TEST(JoinTypes, are_checked_in_the_order_listed) {
  const InSegment segment{{"vip"}};
  const MinJoinCount count{5};
  const FirstTime first;
  const History joined{.own = 1, .other = 1};
  EXPECT_EQ(unmet({segment, count, first}, joined), "SEGMENT");
  EXPECT_EQ(unmet({count, segment, first}, joined), "MIN_JOIN_COUNT");
  EXPECT_EQ(unmet({first, count, segment}, joined), "FIRST_TIME") << "one rule may need several guards";
  EXPECT_EQ(unmet({DupLimit{2}, first, count}, joined), "FIRST_TIME");
  EXPECT_EQ(unmet({DupLimit{1}, first, count}, joined), "N_DUP_LIMIT");
}

TEST(JoinTypes, of_a_live_promotion_do_not_count_test_joins_those_of_a_test_promotion_count_both) {
  const Leading leading{.promotions = {"2"}, .match = Leading::Match::all};
  const History in_test{.other = 1, .other_mode = Mode::test};
  const History in_live{.other = 1, .other_mode = Mode::live};
  EXPECT_EQ(unmet({leading}, in_test, Mode::live), "LEADING");
  EXPECT_EQ(unmet({leading}, in_live, Mode::live), "");
  EXPECT_EQ(unmet({leading}, in_test, Mode::test), "");
  EXPECT_EQ(unmet({leading}, in_live, Mode::test), "");

  EXPECT_EQ(unmet({FirstTime{}}, in_test, Mode::live), "");
  EXPECT_EQ(unmet({FirstTime{}}, in_live, Mode::live), "FIRST_TIME");
  EXPECT_EQ(unmet({FirstTime{}}, in_test, Mode::test), "FIRST_TIME");
  EXPECT_EQ(unmet({FirstTime{}}, {.own = 1}, Mode::test), "FIRST_TIME");

  EXPECT_EQ(unmet({MinJoinCount{1}}, in_test, Mode::live), "MIN_JOIN_COUNT");
  EXPECT_EQ(unmet({MinJoinCount{1}}, in_live, Mode::live), "");
  EXPECT_EQ(unmet({MinJoinCount{2}}, {.own = 1, .other = 1}, Mode::test), "");

  EXPECT_EQ(unmet({DupLimit{1}}, {.own = 1}, Mode::test), "N_DUP_LIMIT");
}

TEST(JoinTypes, say_what_they_need_to_know) {
  Promotion p = promotion();
  EXPECT_FALSE(needs_all_promotions(p));
  p.join_types = {Leading{.promotions = {"7", "8"}, .match = Leading::Match::all}, DupLimit{1},
                  Leading{.promotions = {"9"}, .match = Leading::Match::any}};
  EXPECT_FALSE(needs_all_promotions(p));
  EXPECT_EQ(named_promotions(p), (std::vector<std::string_view>{"7", "8", "9"}));
  p.join_types.emplace_back(FirstTime{});
  EXPECT_TRUE(needs_all_promotions(p));
  p.join_types = {MinJoinCount{1}};
  EXPECT_TRUE(needs_all_promotions(p));
}

TEST(JoinTypes, have_the_names_of_the_contract) {
  EXPECT_STREQ(name_of(JoinType{DupLimit{}}), "N_DUP_LIMIT");
  EXPECT_STREQ(name_of(JoinType{Leading{}}), "LEADING");
  EXPECT_STREQ(name_of(JoinType{FirstTime{}}), "FIRST_TIME");
  EXPECT_STREQ(name_of(JoinType{MinJoinCount{}}), "MIN_JOIN_COUNT");
  EXPECT_STREQ(name_of(JoinType{InSegment{}}), "SEGMENT");
}

TEST(JoinProposal, carries_the_command_the_revision_the_local_day_and_what_is_paid) {
  Definition d = definition();
  d.revision = Revision{7};
  d.promotion.mode = Mode::test;
  const Instant now = later(kNoon, kDay);
  const JoinDecision decision =
      propose_join(d, {.user = user(1), .segments = {}, .command = command(5), .now = now}, {});
  const auto& plan = std::get<JoinPlan>(decision);
  EXPECT_EQ(plan.day, LocalDay{kFirst.days + 1});
  EXPECT_EQ(plan.proposal.partition, kFirstPartition);
  EXPECT_EQ(plan.proposal.command->hash, command(5).hash);
  EXPECT_EQ(plan.proposal.revision, Revision{7});
  EXPECT_EQ(plan.proposal.window.from, Instant{(20'260 * kDay) - (9 * kHour)});
  EXPECT_EQ(plan.proposal.window.until, Instant{(20'261 * kDay) - (9 * kHour)});
  const auto& event = std::get<Participated>(plan.proposal.events.at(0));
  EXPECT_EQ(event.user, user(1));
  EXPECT_EQ(event.day, LocalDay{kFirst.days + 1});
  EXPECT_EQ(event.day_index, 1U);
  EXPECT_EQ(event.amount, 500);
  EXPECT_TRUE(event.test);
}

TEST(Status, follows_lifecycle_dates_and_the_red_button) {
  struct Row {
    Lifecycle lifecycle;
    int day;  ///< relative to the first of ten
    bool paused_all;
    const char* status;
  };
  const std::vector<Row> rows{
      {Lifecycle::draft, 0, false, "DRAFT"},     {Lifecycle::draft, 0, true, "DRAFT"},
      {Lifecycle::open, -1, false, "SCHEDULED"}, {Lifecycle::open, 0, false, "ACTIVE"},
      {Lifecycle::open, 9, false, "ACTIVE"},     {Lifecycle::open, 10, false, "ENDED"},
      {Lifecycle::open, 5, true, "PAUSED"},      {Lifecycle::paused, 5, false, "PAUSED"},
      {Lifecycle::paused, 10, false, "ENDED"},   {Lifecycle::paused, -1, true, "SCHEDULED"},
      {Lifecycle::ended, 5, false, "ENDED"},     {Lifecycle::ended, -1, true, "ENDED"},
  };
  for (const Row& row : rows) {
    Promotion p = promotion();
    p.lifecycle = row.lifecycle;
    EXPECT_STREQ(name_of(status_at(p, LocalDay{kFirst.days + row.day}, row.paused_all)), row.status)
        << row.day << " " << row.status;
  }
}

}  // namespace
}  // namespace windfall::test
