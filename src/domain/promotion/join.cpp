#include "domain/promotion/join.hpp"

#include <algorithm>

#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// TEST joins count for no rule of a LIVE promotion.
bool counts_for(const Promotion& promotion, const JoinFacts::Other& other) {
  return promotion.mode == Mode::test || other.mode == Mode::live;
}

bool joined(const Promotion& promotion, const JoinFacts& facts, std::string_view id) {
  return std::ranges::any_of(facts.others, [&](const JoinFacts::Other& other) {
    return other.id == id && other.joins > 0 && counts_for(promotion, other);
  });
}

/// Appends guards that hold exactly if the join type does. What is known for good becomes no guard or one that never
/// holds, so that the order of refusals stays the order of guards.
struct AppendGuards {
  const Definition& definition;
  const JoinRequest& request;
  const JoinFacts& facts;
  std::vector<Guard>& guards;

  [[nodiscard]] SetKey own_days() const { return keys::joined_days(definition.partition, request.user); }
  void only_if(bool known_to_hold) const {
    if (!known_to_hold) guards.emplace_back(Fewer{.set = own_days(), .than = 0});
  }

  void operator()(const DupLimit& rule) const { guards.emplace_back(Fewer{.set = own_days(), .than = rule.limit}); }
  void operator()(const Leading& rule) const {
    const auto has = [this](const std::string& id) { return joined(definition.promotion, facts, id); };
    only_if(rule.match == Leading::Match::all ? std::ranges::all_of(rule.promotions, has)
                                              : std::ranges::any_of(rule.promotions, has));
  }
  void operator()(const FirstTime&) const {
    for (const JoinFacts::Other& other : facts.others) {
      if (!counts_for(definition.promotion, other)) continue;
      guards.emplace_back(Fewer{.set = keys::joined_days(other.partition, request.user), .than = 1});
    }
  }
  void operator()(const MinJoinCount& rule) const {
    std::int64_t joins = 0;
    for (const JoinFacts::Other& other : facts.others) {
      if (counts_for(definition.promotion, other)) joins += other.joins;
    }
    only_if(joins >= rule.count);
  }
  void operator()(const InSegment& rule) const {
    only_if(std::ranges::any_of(rule.segments, [this](const std::string& segment) {
      return std::ranges::find(request.segments, segment) != request.segments.end();
    }));
  }
};

}  // namespace

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
  return std::ranges::any_of(promotion.join_types, [](const JoinType& type) {
    return std::holds_alternative<FirstTime>(type) || std::holds_alternative<MinJoinCount>(type);
  });
}

bool needs_facts(const Promotion& promotion) {
  return std::ranges::any_of(promotion.join_types, [](const JoinType& type) {
    return !std::holds_alternative<DupLimit>(type) && !std::holds_alternative<InSegment>(type);
  });
}

std::vector<std::string_view> leading_promotions(const Promotion& promotion) {
  std::vector<std::string_view> ids;
  for (const JoinType& type : promotion.join_types) {
    if (const auto* leading = std::get_if<Leading>(&type)) {
      ids.insert(ids.end(), leading->promotions.begin(), leading->promotions.end());
    }
  }
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
  for (std::uint32_t i = 0; i < promotion.join_types.size(); ++i) {
    std::visit(AppendGuards{definition, request, facts, proposal.guards}, promotion.join_types[i]);
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
