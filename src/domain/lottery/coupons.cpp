#include "domain/lottery/coupons.hpp"

#include <algorithm>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

CouponPlan begin(const Definition& definition) {
  CouponPlan plan;
  plan.proposal.partition = definition.partition;
  plan.proposal.revision = definition.revision;
  return plan;
}

void guard(CouponPlan& plan, CouponRule rule, const Guard& condition) {
  plan.proposal.guards.push_back(condition);
  plan.rules.push_back(rule);
}

void guard_stands(CouponPlan& plan, PartitionNo partition, WinPlace win) {
  guard(plan, CouponRule::stands, Equals{.counter = keys::voided(partition, win), .value = 0});
}

/// `codes` were given to the win so far. In a TEST promotion none ever is.
void guard_as_known(CouponPlan& plan, const Definition& definition, const CouponFacts& coupon, std::int64_t codes) {
  const PartitionNo partition = definition.partition;
  guard(plan, CouponRule::as_known,
        Equals{.counter = keys::reissued(partition, coupon.win), .value = std::int64_t{coupon.issue}});
  guard(plan, CouponRule::as_known,
        Equals{.counter = keys::codes_given(partition, coupon.win), .value = is_test(definition) ? 0 : codes});
}

void take_code(CouponPlan& plan, PartitionNo partition, const CouponFacts& coupon, std::uint32_t issue,
               std::int64_t limit) {
  const CounterKey assigned = keys::assigned(partition, coupon.prize);
  guard(plan, CouponRule::codes_left, Below{.counter = assigned, .limit = limit});
  plan.proposal.takes.push_back({.counter = assigned});
  plan.proposal.events.emplace_back(
      CodeAssigned{.user = coupon.user, .win = coupon.win, .prize = coupon.prize, .issue = issue});
}

}  // namespace

std::optional<std::uint32_t> prize_index(const Lottery& lottery, std::string_view prize_id) {
  for (std::uint32_t i = 0; i < lottery.prizes.size(); ++i) {
    if (lottery.prizes[i].id == prize_id) return i;
  }
  return std::nullopt;
}

std::vector<Guard> no_codes_where_prizes_move(PartitionNo partition, const std::optional<Lottery>& present,
                                              const std::optional<Lottery>& next) {
  static const std::vector<Prize> kNone;
  const std::vector<Prize>& before = present ? present->prizes : kNone;
  const std::vector<Prize>& after = next ? next->prizes : kNone;
  std::vector<Guard> guards;
  for (std::uint32_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const bool stays =
        i < before.size() && i < after.size() && before[i].id == after[i].id && before[i].kind == after[i].kind;
    if (!stays) guards.emplace_back(Equals{.counter = keys::imported(partition, i), .value = 0});
  }
  return guards;
}

std::optional<Instant> coupon_expiry(const Prize& prize, const Zone& zone, LocalDay day) {
  if (!prize.valid_days) return std::nullopt;
  return zone.start_of({day.days + static_cast<std::int32_t>(*prize.valid_days) + 1});
}

CouponPlan propose_import(const Definition& definition, std::uint32_t prize, std::int64_t imported, std::int64_t count,
                          Audit audit) {
  CouponPlan plan = begin(definition);
  // The vault has laid them behind that many.
  guard(plan, CouponRule::ordinals, Equals{.counter = keys::imported(definition.partition, prize), .value = imported});
  plan.proposal.events.emplace_back(CodesImported{.prize = prize, .count = count, .audit = std::move(audit)});
  return plan;
}

CouponPlan propose_assignment(const Definition& definition, const CouponFacts& coupon, std::int64_t limit) {
  CouponPlan plan = begin(definition);
  guard_stands(plan, definition.partition, coupon.win);
  guard_as_known(plan, definition, coupon, coupon.issue);
  take_code(plan, definition.partition, coupon, coupon.issue, limit);
  return plan;
}

CouponPlan propose_use(const Definition& definition, const CouponFacts& coupon, std::optional<Instant> expires_at) {
  const PartitionNo partition = definition.partition;
  CouponPlan plan = begin(definition);
  guard_stands(plan, partition, coupon.win);
  guard(plan, CouponRule::unused, Equals{.counter = keys::used(partition, coupon.win), .value = 0});
  guard_as_known(plan, definition, coupon, std::int64_t{coupon.issue} + 1);
  if (expires_at) plan.proposal.window.until = *expires_at;
  plan.proposal.events.emplace_back(CouponUsed{.user = coupon.user, .win = coupon.win});
  return plan;
}

CouponPlan propose_reissue(const Definition& definition, const CouponFacts& coupon, std::optional<std::int64_t> limit,
                           Audit audit) {
  const PartitionNo partition = definition.partition;
  CouponPlan plan = begin(definition);
  guard_stands(plan, partition, coupon.win);
  // Whoever has used the old one would get two.
  guard(plan, CouponRule::unused, Equals{.counter = keys::used(partition, coupon.win), .value = 0});
  guard_as_known(plan, definition, coupon, std::int64_t{coupon.issue} + 1);
  const std::uint32_t issue = coupon.issue + 1;
  plan.proposal.events.emplace_back(
      CouponReissued{.user = coupon.user, .win = coupon.win, .issue = issue, .audit = std::move(audit)});
  if (limit) take_code(plan, partition, coupon, issue, *limit);
  return plan;
}

CouponPlan propose_void(const Definition& definition, UserRef user, WinPlace win, std::int64_t second_stage,
                        Audit audit) {
  const PartitionNo partition = definition.partition;
  CouponPlan plan = begin(definition);
  guard_stands(plan, partition, win);
  // What the second chance gives out is settled when it begins: the place of a prize that is taken back has to be known
  // by then, or it is over.
  guard(plan, CouponRule::second_chance_rests, Equals{.counter = keys::second_stage(partition), .value = second_stage});
  plan.proposal.events.emplace_back(WinVoided{.user = user, .win = win, .audit = std::move(audit)});
  return plan;
}

}  // namespace windfall
