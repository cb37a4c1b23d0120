// The order of refusals, peeled one per row: everything is wrong at first, and each row mends the one thing that was
// answered. Drafts and lotteries are refused before: see tests/scenario/refusal_order.scn.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

constexpr LocalDay kLast{kFirst.days + 9};

/// What is wrong, in the words of the tables below.
struct Situation {
  bool early, late, ended, paused, red, blocked, total, day, rule, rule2, today, last;

  explicit Situation(const std::string& words)
      : early(has(words, "early")),
        late(has(words, "late")),
        ended(has(words, "ended")),
        paused(has(words, "paused")),
        red(has(words, "red")),
        blocked(has(words, "blocked")),
        total(has(words, "total")),
        day(has(words, "day")),
        rule(has(words, "rule")),
        rule2(has(words, "rule2")),
        today(has(words, "today")),
        last(has(words, "last")) {}

 private:
  static bool has(const std::string& words, const std::string& word) {
    std::istringstream in(words);
    for (std::string next; in >> next;) {
      if (next == word) return true;
    }
    return false;
  }
};

std::string text_of(const JoinRefusal& refusal) {
  std::string text = code_of(refusal);
  if (const auto* sold_out = std::get_if<SoldOut>(&refusal)) {
    text += sold_out->scope == SoldOut::Scope::total ? " TOTAL" : " DAY";
    if (sold_out->retry_at)
      text += sold_out->retry_at == Instant{(20'260 * kDay) - (9 * kHour)} ? " tomorrow" : " at the wrong time";
    if (sold_out->already_participated) text += " already";
  }
  if (const auto* condition = std::get_if<ConditionNotMet>(&refusal)) text += std::string(" ") + condition->condition;
  if (const auto* already = std::get_if<AlreadyParticipated>(&refusal))
    text += already->day == kFirst || already->day == kLast ? " that day" : " on the wrong day";
  return text;
}

/// A promotion whose day has seen two joins of others (and one of the user's, if `today`), judged at noon of its first
/// or last day.
std::string judge(const std::string& words) {
  const Situation s(words);
  const Instant now = s.early  ? later(kNoon, -kDay)
                      : s.late ? later(kNoon, 10 * kDay)
                      : s.last ? later(kNoon, 9 * kDay)
                               : kNoon;
  const std::uint32_t index = s.last ? 9 : 0;
  const std::int64_t used = s.today ? 3 : 2;

  Definition d = definition();
  if (s.paused) d.promotion.lifecycle = Lifecycle::paused;
  if (s.ended) d.promotion.lifecycle = Lifecycle::ended;
  if (s.total) d.promotion.limit_join_count = used;
  if (s.day) d.promotion.daily_limit_join_count = used;
  if (s.rule) d.promotion.join_types.emplace_back(InSegment{{"vip"}});
  d.promotion.join_types.emplace_back(DupLimit{100});
  if (s.rule2) d.promotion.join_types.emplace_back(MinJoinCount{1000});

  State state;
  (void)state.commit(creation(), later(kNoon, -3 * kDay));
  for (std::uint64_t other = 1; other <= 2; ++other)
    (void)state.commit(proposal(participated(user(other), index)), later(kNoon, -3 * kDay));
  if (s.today) (void)state.commit(proposal(participated(user(9), index)), later(kNoon, -3 * kDay));
  if (s.red) (void)state.commit(proposal(PausedAll{.paused = true, .audit = {}}, kSystemPartition), kNoon);
  if (s.blocked)
    (void)state.commit(proposal(UserBlocked{.user = user(9), .blocked = true, .audit = {}}, kSystemPartition), kNoon);

  const std::vector<std::string> segments{"nobody"};
  const JoinDecision decision = propose_join(d, {.user = user(9), .segments = segments, .command = {}, .now = now}, {});
  if (const auto* refusal = std::get_if<JoinRefusal>(&decision)) return text_of(*refusal);
  const auto& plan = std::get<JoinPlan>(decision);
  const Verdict verdict = state.commit(plan.proposal, now);
  if (const auto* refused = std::get_if<Refused>(&verdict)) return text_of(conclude_join(d, plan, *refused));
  return is_accepted(verdict) ? "CREATED" : "no outcome";
}

void expect_table(const std::string& table) {
  std::istringstream in(table);
  int rows = 0;
  for (std::string line; std::getline(in, line);) {
    const std::size_t bar = line.find('|');
    if (bar == std::string::npos) continue;
    const std::size_t start = line.find_first_not_of(' ', bar + 1);
    EXPECT_EQ(judge(line.substr(0, bar)), line.substr(start)) << line;
    ++rows;
  }
  EXPECT_GT(rows, 3);
}

TEST(JoinOrder, is_the_contracts_one_refusal_peeled_per_row) {
  expect_table(R"(
    late ended paused red blocked total day rule rule2 today | OUTSIDE_PERIOD
         ended paused red blocked total day rule rule2 today | OUTSIDE_PERIOD
               paused red blocked total day rule rule2 today | PROMOTION_PAUSED
                      red blocked total day rule rule2 today | PROMOTION_PAUSED
                          blocked total day rule rule2 today | BLOCKED
                                  total day rule rule2 today | SOLD_OUT TOTAL already
                                        day rule rule2 today | SOLD_OUT DAY tomorrow already
                                            rule rule2 today | CONDITION_NOT_MET SEGMENT
                                                 rule2 today | CONDITION_NOT_MET MIN_JOIN_COUNT
                                                       today | ALREADY_PARTICIPATED that day
                                                             | CREATED
  )");
}

TEST(JoinOrder, has_each_refusal_alone) {
  expect_table(R"(
    early   | OUTSIDE_PERIOD
    late    | OUTSIDE_PERIOD
    ended   | OUTSIDE_PERIOD
    paused  | PROMOTION_PAUSED
    red     | PROMOTION_PAUSED
    blocked | BLOCKED
    total   | SOLD_OUT TOTAL
    day     | SOLD_OUT DAY tomorrow
    rule    | CONDITION_NOT_MET SEGMENT
    rule2   | CONDITION_NOT_MET MIN_JOIN_COUNT
    today   | ALREADY_PARTICIPATED that day
  )");
}

TEST(JoinOrder, says_outside_of_the_period_before_paused_and_before_its_start_too) {
  expect_table(R"(
    early paused     | OUTSIDE_PERIOD
    early red        | OUTSIDE_PERIOD
    late paused      | OUTSIDE_PERIOD
    late blocked     | OUTSIDE_PERIOD
    ended paused     | OUTSIDE_PERIOD
  )");
}

TEST(JoinOrder, tells_no_time_to_come_back_on_the_last_day_and_none_for_the_total) {
  expect_table(R"(
    last day         | SOLD_OUT DAY
    last day today   | SOLD_OUT DAY already
    last total       | SOLD_OUT TOTAL
    last total day   | SOLD_OUT TOTAL
    last today       | ALREADY_PARTICIPATED that day
    last             | CREATED
  )");
}

TEST(JoinOrder, already_participated_means_today_not_ever) {
  State state = state_with_partition();
  (void)state.commit(proposal(participated(user(1), 0)), kNoon);
  Definition d = definition();
  d.promotion.limit_join_count = 1;
  const auto sold_out_at = [&](Instant now) {
    const JoinDecision decision = propose_join(d, {.user = user(1), .segments = {}, .command = {}, .now = now}, {});
    const auto& plan = std::get<JoinPlan>(decision);
    return std::get<SoldOut>(conclude_join(d, plan, std::get<Refused>(state.commit(plan.proposal, now))));
  };
  EXPECT_TRUE(sold_out_at(kNoon).already_participated);
  EXPECT_FALSE(sold_out_at(later(kNoon, kDay)).already_participated);
}

TEST(JoinOrder, tomorrow_is_the_zones_own) {
  // 2018-02-17 in Sao Paulo ends an hour later than the clock first said; 2011-12-30 never was in Apia.
  struct Row {
    const char* sentence;
    Zone zone;
    LocalDay last_day;
    Instant now;
    std::optional<Instant> retry_at;
  };
  const Zone sao_paulo{.name = "America/Sao_Paulo",
                       .transitions = {{.from = Instant{1'508'036'400'000}, .offset_seconds = -7200},
                                       {.from = Instant{1'518'919'200'000}, .offset_seconds = -10800}}};
  const Zone apia{.name = "Pacific/Apia",
                  .transitions = {{.from = Instant{1'316'872'800'000}, .offset_seconds = -36000},
                                  {.from = Instant{1'325'239'200'000}, .offset_seconds = 50400}}};
  const std::vector<Row> rows{
      {"Sao Paulo, clocks go back at midnight", sao_paulo, LocalDay{17'600}, Instant{1'518'919'200'000 - kHour},
       Instant{1'518'919'200'000 + kHour}},
      {"Apia, the period goes on after the skipped date", apia, LocalDay{15'339}, Instant{1'325'239'200'000 - kHour},
       Instant{1'325'239'200'000}},
      {"Apia, the skipped date is the last", apia, LocalDay{15'338}, Instant{1'325'239'200'000 - kHour}, std::nullopt},
  };
  for (const Row& row : rows) {
    State state;
    (void)state.commit(creation(), later(row.now, -kDay));
    Definition d = definition();
    d.zone = row.zone;
    d.promotion.start = LocalDay{row.zone.day_at(row.now).days};
    d.promotion.end = row.last_day;
    d.promotion.daily_limit_join_count = 1;
    (void)state.commit(proposal(participated(user(1), 0)), later(row.now, -kDay));
    const JoinDecision decision = propose_join(d, {.user = user(2), .segments = {}, .command = {}, .now = row.now}, {});
    ASSERT_TRUE(std::holds_alternative<JoinPlan>(decision)) << row.sentence;
    const auto& plan = std::get<JoinPlan>(decision);
    const Verdict verdict = state.commit(plan.proposal, row.now);
    ASSERT_TRUE(std::holds_alternative<Refused>(verdict)) << row.sentence;
    EXPECT_EQ(std::get<SoldOut>(conclude_join(d, plan, std::get<Refused>(verdict))).retry_at, row.retry_at)
        << row.sentence;
  }
}

}  // namespace
}  // namespace windfall::test
