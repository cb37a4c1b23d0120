#include "domain/promotion/join.hpp"

#include <algorithm>

#include "domain/promotion/join_guards.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

const char* code_of(const JoinRefusal& refusal) {
  struct Code {
    const char* operator()(const OutsidePeriod&) const { return "OUTSIDE_PERIOD"; }
    const char* operator()(const PromotionPaused&) const { return "PROMOTION_PAUSED"; }
    const char* operator()(const Blocked&) const { return "BLOCKED"; }
    const char* operator()(const SoldOut&) const { return "SOLD_OUT"; }
    const char* operator()(const ConditionNotMet&) const { return "CONDITION_NOT_MET"; }
    const char* operator()(const AlreadyParticipated&) const { return "ALREADY_PARTICIPATED"; }
  };
  return std::visit(Code{}, refusal);
}

bool needs_all_promotions(const Promotion& promotion) {
  return std::ranges::any_of(promotion.join_types,
                             [](const JoinType& type) { return asks_about(type) == AsksAbout::everything; });
}

bool needs_facts(const Promotion& promotion) {
  return std::ranges::any_of(promotion.join_types,
                             [](const JoinType& type) { return asks_about(type) != AsksAbout::none; });
}

std::vector<std::string_view> named_promotions(const Promotion& promotion) {
  std::vector<std::string_view> ids;
  const auto add = [&ids]<class Type>(const Type& type) {
    if constexpr (Type::kAsks == AsksAbout::named)
      ids.insert(ids.end(), type.promotions.begin(), type.promotions.end());
  };
  for (const JoinType& type : promotion.join_types) std::visit(add, type);
  return ids;
}

JoinDecision propose_join(const Definition& definition, const JoinRequest& request, const JoinFacts& facts) {
  const Promotion& promotion = definition.promotion;
  const PartitionNo partition = definition.partition;
  const LocalDay day = definition.zone.day_at(request.now);
  switch (status_at(promotion, day, false)) {
    case Status::draft:
    case Status::scheduled:
    case Status::ended:
      return OutsidePeriod{};
    case Status::paused:
      return PromotionPaused{};
    case Status::active:
      break;
  }

  const std::uint32_t index = promotion.day_index(day);
  const SetKey days = keys::joined_days(partition, request.user);
  JoinPlan plan;
  plan.day = day;
  Proposal& proposal = plan.proposal;
  proposal.partition = partition;
  proposal.command = request.command;
  proposal.revision = definition.revision;
  proposal.window = definition.zone.day_window(request.now);
  const auto guard = [&](JoinPlan::Rule rule, Guard condition) {
    proposal.guards.push_back(condition);
    plan.steps.push_back({.rule = rule});
  };
  proposal.guards.reserve(5 + promotion.join_types.size());
  plan.steps.reserve(5 + promotion.join_types.size());

  guard(JoinPlan::Rule::paused_all, Equals{.counter = keys::paused_all(), .value = 0});
  guard(JoinPlan::Rule::blocked, Equals{.counter = keys::blocked(request.user), .value = 0});
  guard(JoinPlan::Rule::total_stock, Below{.counter = keys::taken(partition), .limit = promotion.limit_join_count});
  if (promotion.daily_limit_join_count) {
    guard(JoinPlan::Rule::daily_stock,
          Below{.counter = keys::taken_on(partition, index), .limit = *promotion.daily_limit_join_count});
  }
  const JoinMoment moment{.definition = definition, .request = request, .facts = facts, .day = day};
  for (std::uint32_t i = 0; i < promotion.join_types.size(); ++i) {
    append_guards(promotion.join_types[i], moment, proposal.guards);
    plan.steps.resize(proposal.guards.size(), {.rule = JoinPlan::Rule::join_type, .join_type = i});
  }
  guard(JoinPlan::Rule::once_a_day, Absent{.set = days, .member = index});

  proposal.looks.emplace_back(MemberOf{.set = days, .member = index});
  proposal.events.emplace_back(Participated{.user = request.user,
                                            .day = day,
                                            .day_index = index,
                                            .amount = promotion.reward_amount,
                                            .test = promotion.mode == Mode::test});
  return plan;
}

JoinRefusal conclude_join(const Definition& definition, const JoinPlan& plan, const Refused& refused) {
  const Promotion& promotion = definition.promotion;
  const bool already = refused.looks.at(0) != 0;
  const JoinPlan::Step& step = plan.steps.at(refused.guard);
  switch (step.rule) {
    case JoinPlan::Rule::paused_all:
      return PromotionPaused{};
    case JoinPlan::Rule::blocked:
      return Blocked{};
    case JoinPlan::Rule::total_stock:
      return SoldOut{.scope = SoldOut::Scope::total, .retry_at = {}, .already_participated = already};
    case JoinPlan::Rule::daily_stock: {
      SoldOut sold_out{.scope = SoldOut::Scope::day, .retry_at = {}, .already_participated = already};
      // Asked of the zone, not day + 1: a zone may skip a date.
      const Instant next = plan.proposal.window.until;
      if (definition.zone.day_at(next) <= promotion.end) sold_out.retry_at = next;
      return sold_out;
    }
    case JoinPlan::Rule::join_type:
      return ConditionNotMet{name_of(promotion.join_types.at(step.join_type))};
    case JoinPlan::Rule::once_a_day:
      break;
  }
  return AlreadyParticipated{plan.day};
}

}  // namespace windfall
