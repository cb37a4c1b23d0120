#include "domain/lottery/tickets.hpp"

#include <utility>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// Guards of the longest proposals, those of draws and opens, so that their lists are made once.
constexpr std::size_t kGuards = 8;

void guard(LotteryPlan& plan, LotteryRule rule, const Guard& condition) {
  plan.proposal.guards.push_back(condition);
  plan.rules.push_back(rule);
}

}  // namespace

const char* code_of(OpenReason reason) {
  switch (reason) {
    case OpenReason::own_link:
      return "OWN_LINK";
    case OpenReason::already_credited:
      return "ALREADY_CREDITED";
    case OpenReason::not_first_visit:
      return "NOT_FIRST_VISIT";
    case OpenReason::inviter_limit:
      break;
  }
  return "INVITER_LIMIT";
}

const char* code_of(const LotteryRefusal& refusal) {
  struct Code {
    const char* operator()(const OutsidePeriod&) const { return "OUTSIDE_PERIOD"; }
    const char* operator()(const PromotionPaused&) const { return "PROMOTION_PAUSED"; }
    const char* operator()(const Blocked&) const { return "BLOCKED"; }
    const char* operator()(const AlreadyWon&) const { return "ALREADY_WON"; }
    const char* operator()(const NoTicket&) const { return "NO_TICKET"; }
  };
  return std::visit(Code{}, refusal);
}

std::optional<LotteryRefusal> refusal_of(LotteryRule rule) {
  switch (rule) {
    case LotteryRule::paused_all:
      return PromotionPaused{};
    case LotteryRule::blocked:
      return Blocked{};
    case LotteryRule::closed:
      return OutsidePeriod{};
    case LotteryRule::wins_left:
      return AlreadyWon{};
    case LotteryRule::has_ticket:
      return NoTicket{};
    case LotteryRule::first_visit:
    case LotteryRule::not_credited:
    case LotteryRule::not_visited:
    case LotteryRule::inviter_admitted:
    case LotteryRule::draws_unchanged:
    case LotteryRule::segment_open:
      break;
  }
  return std::nullopt;
}

std::optional<LotteryRefusal> refusal_at(const Definition& definition, Instant now) {
  switch (status_at(definition.promotion, definition.zone.day_at(now), false)) {
    case Status::draft:
    case Status::scheduled:
    case Status::ended:
      return OutsidePeriod{};
    case Status::paused:
      return PromotionPaused{};
    case Status::active:
      break;
  }
  return std::nullopt;
}

LotteryDecision begin_plan(const Definition& definition, const LotteryRequest& request) {
  return begin_plan(definition, request, definition.zone.day_window(request.now));
}

LotteryDecision begin_plan(const Definition& definition, const LotteryRequest& request, const Window& window) {
  if (const auto refusal = refusal_at(definition, request.now)) return *refusal;
  LotteryPlan plan;
  plan.proposal.guards.reserve(kGuards);
  plan.rules.reserve(kGuards);
  plan.proposal.partition = definition.partition;
  plan.proposal.command = request.command;
  plan.proposal.revision = definition.revision;
  plan.proposal.window = window;
  guard(plan, LotteryRule::paused_all, Equals{.counter = keys::paused_all(), .value = 0});
  guard(plan, LotteryRule::blocked, Equals{.counter = keys::blocked(request.user), .value = 0});
  guard(plan, LotteryRule::closed, Equals{.counter = keys::closed(definition.partition), .value = 0});
  return plan;
}

LotteryDecision propose_visit(const Definition& definition, const LotteryRequest& request) {
  LotteryDecision decision = begin_plan(definition, request);
  auto* plan = std::get_if<LotteryPlan>(&decision);
  if (plan == nullptr) return decision;
  const PartitionNo partition = definition.partition;
  guard(*plan, LotteryRule::first_visit, Absent{.set = keys::visited(partition, request.user), .member = 0});
  plan->proposal.looks.emplace_back(keys::tickets(partition, request.user));
  const VisitGrant* grant = grant_of<VisitGrant>(*definition.promotion.lottery);
  // Kept where it grants nothing, too: an invite may ask whether a friend has been here.
  plan->proposal.events.emplace_back(Visited{.user = request.user, .tickets = grant == nullptr ? 0 : grant->tickets});
  return decision;
}

LotteryDecision propose_open(const Definition& definition, const LotteryRequest& request, UserRef inviter,
                             bool credit_inviter) {
  LotteryDecision decision = begin_plan(definition, request);
  auto* plan = std::get_if<LotteryPlan>(&decision);
  if (plan == nullptr) return decision;
  const PartitionNo partition = definition.partition;
  const InviteGrant& grant = *grant_of<InviteGrant>(*definition.promotion.lottery);
  const std::uint32_t day = definition.promotion.day_index(definition.zone.day_at(request.now));
  guard(*plan, LotteryRule::not_credited, Absent{.set = keys::credited(partition, request.user), .member = 0});
  if (grant.first_visit_only) {
    guard(*plan, LotteryRule::not_visited, Absent{.set = keys::visited(partition, request.user), .member = 0});
  }
  if (credit_inviter) {
    guard(*plan, LotteryRule::inviter_admitted, Equals{.counter = keys::blocked(inviter), .value = 0});
    guard(*plan, LotteryRule::inviter_admitted,
          Below{.counter = keys::invited_on(partition, inviter, day), .limit = grant.inviter_limit_per_day});
  }
  plan->proposal.looks.emplace_back(keys::tickets(partition, request.user));
  plan->proposal.events.emplace_back(InviteOpened{.invited = request.user,
                                                  .inviter = inviter,
                                                  .friend_tickets = grant.friend_tickets,
                                                  .inviter_tickets = credit_inviter ? grant.inviter_tickets : 0,
                                                  .day_index = day,
                                                  .inviter_limited = !credit_inviter});
  return decision;
}

Proposal propose_open_not_granted(const Definition& definition, UserRef invited, UserRef inviter, OpenReason reason) {
  Proposal proposal;
  proposal.partition = definition.partition;
  proposal.revision = definition.revision;
  proposal.guards.emplace_back(
      Equals{.counter = keys::open_refused(definition.partition, invited, inviter, reason), .value = 0});
  proposal.events.emplace_back(OpenNotGranted{.invited = invited, .inviter = inviter, .reason = reason});
  return proposal;
}

Proposal propose_adjustment(const Definition& definition, UserRef user, std::int64_t tickets, Audit audit) {
  Proposal proposal;
  proposal.partition = definition.partition;
  proposal.revision = definition.revision;
  const CounterKey held = keys::tickets(definition.partition, user);
  if (tickets < 0) proposal.guards.emplace_back(AtLeast{.counter = held, .amount = -tickets});
  proposal.events.emplace_back(TicketsAdjusted{.user = user, .tickets = tickets, .audit = std::move(audit)});
  return proposal;
}

}  // namespace windfall
