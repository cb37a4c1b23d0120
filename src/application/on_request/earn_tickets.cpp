#include "application/on_request/earn_tickets.hpp"

#include <array>
#include <utility>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// Once for the definition, once for the day, once for an inviter who has just reached the cap.
constexpr int kProposals = 4;

}  // namespace

Task<Result<std::int64_t>> EarnTickets::held(DefinitionPtr definition, UserRef user) {
  std::vector<Look> looks{keys::tickets(definition->partition, user)};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  co_return values->front();
}

Task<Result<VisitOutcome>> EarnTickets::visit(LotteryCommand command) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(command.promotion_id);
    if (auto no = not_a_lottery<VisitOutcome>(definition)) co_return std::move(*no);
    const PartitionNo partition = definition->partition;
    const std::array asked_for{keys::tickets(partition, command.user)};
    co_await store_.expect({partition, command.user, command.command, asked_for});
    if (command.command) {
      const Result<std::optional<CommandRecord>> record = co_await store_.accepted(partition, command.command->hash);
      const auto before = to_repeat<VisitOutcome>(record, *command.command);
      if (!before) co_return before.error();
      if (const std::optional<CommandRecord>& kept = *before) {
        co_return VisitJudged{.definition = definition,
                              .granted = kept->shown[0],
                              .held = kept->shown[1],
                              .first = true,
                              .replayed = true};
      }
    }
    LotteryDecision decision =
        propose_visit(*definition, {.user = command.user, .command = command.command, .now = store_.now(partition)});
    if (const auto* refusal = std::get_if<LotteryRefusal>(&decision)) {
      auto refusing = refuse<VisitOutcome>(store_, definition, *refusal);
      co_return co_await refusing;
    }
    LotteryPlan& plan = std::get<LotteryPlan>(decision);
    const std::int64_t tickets = std::get<Visited>(plan.proposal.events.front()).tickets;
    auto committing = commit(store_, std::move(plan.proposal), command);
    const Result<Verdict> verdict = co_await committing;
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      co_return VisitJudged{.definition = definition, .granted = tickets, .held = accepted->looks.at(0), .first = true};
    }
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      const LotteryRule rule = plan.rules.at(refused->guard);
      if (rule == LotteryRule::first_visit) {
        co_return VisitJudged{.definition = definition, .granted = 0, .held = refused->looks.at(0)};
      }
      co_return refused_by(rule, definition);
    }
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while a visit was being judged; try again");
}

Task<Result<OpenJudged>> EarnTickets::not_granted(DefinitionPtr definition, OpenCommand command, OpenReason reason) {
  // Kept once; that it is kept already, or that the promotion has changed meanwhile, makes no difference to the answer.
  Proposal proposal = propose_open_not_granted(*definition, command.opener.user, command.inviter, reason);
  auto committing = commit(store_, std::move(proposal), command.opener);
  const Result<Verdict> verdict = co_await committing;
  if (!verdict) co_return tl::unexpected(verdict.error());
  const Result<std::int64_t> now_held = co_await held(definition, command.opener.user);
  if (!now_held) co_return tl::unexpected(now_held.error());
  co_return OpenJudged{.definition = definition, .granted = 0, .held = *now_held, .reason = reason};
}

Task<Result<OpenOutcome>> EarnTickets::without_grant(DefinitionPtr definition, UserRef opener) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> looks{keys::paused_all(), keys::blocked(opener), keys::closed(partition),
                          keys::tickets(partition, opener)};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  constexpr std::array kRules{LotteryRule::paused_all, LotteryRule::blocked, LotteryRule::closed};
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (values->at(i) != 0) co_return refused_by(kRules.at(i), definition);
  }
  co_return OpenJudged{.definition = definition, .granted = 0, .held = values->back()};
}

Task<Result<OpenOutcome>> EarnTickets::open(OpenCommand command) {
  bool credit_inviter = true;
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const LotteryCommand& opener = command.opener;
    const DefinitionPtr definition = store_.find(opener.promotion_id);
    if (auto no = not_a_lottery<OpenOutcome>(definition)) co_return std::move(*no);
    const PartitionNo partition = definition->partition;
    const std::uint32_t today = definition->promotion.day_index(definition->zone.day_at(store_.now(partition)));
    const std::array asked_for{keys::tickets(partition, opener.user),
                               keys::granted(partition, opener.user, GrantCause::invite_opened),
                               keys::tickets(partition, command.inviter),
                               keys::granted(partition, command.inviter, GrantCause::invite_sent),
                               keys::funnel(partition, command.inviter, FunnelStep::opened),
                               keys::invited_on(partition, command.inviter, today)};
    co_await store_.expect({partition, opener.user, opener.command, asked_for});
    if (opener.command) {
      const Result<std::optional<CommandRecord>> record = co_await store_.accepted(partition, opener.command->hash);
      const auto before = to_repeat<OpenOutcome>(record, *opener.command);
      if (!before) co_return before.error();
      if (const std::optional<CommandRecord>& kept = *before) {
        const bool limited = kept->shown[0] < 0;
        co_return OpenJudged{.definition = definition,
                             .granted = limited ? -1 - kept->shown[0] : kept->shown[0],
                             .held = kept->shown[1],
                             .credited = true,
                             .reason = limited ? std::optional{OpenReason::inviter_limit} : std::nullopt,
                             .replayed = true};
      }
    }
    const InviteGrant* grant = grant_of<InviteGrant>(*definition->promotion.lottery);
    const LotteryRequest request{.user = opener.user, .command = opener.command, .now = store_.now(partition)};
    const bool own = opener.user == command.inviter;
    if (!credit_inviter && grant != nullptr) {
      // The refusal took its time: it may be another day by now, or the inviter forgiven.
      const std::uint32_t day = definition->promotion.day_index(definition->zone.day_at(request.now));
      std::vector<Look> looks{keys::blocked(command.inviter), keys::invited_on(partition, command.inviter, day)};
      const Result<std::vector<std::int64_t>> now = co_await store_.read(std::move(looks), Freshness::decided);
      if (!now) co_return tl::unexpected(now.error());
      credit_inviter = (*now)[0] == 0 && (*now)[1] < std::int64_t{grant->inviter_limit_per_day};
    }
    LotteryDecision decision = own || grant == nullptr
                                   ? begin_plan(*definition, request)
                                   : propose_open(*definition, request, command.inviter, credit_inviter);
    if (const auto* refusal = std::get_if<LotteryRefusal>(&decision)) {
      auto refusing = refuse<OpenOutcome>(store_, definition, *refusal);
      co_return co_await refusing;
    }
    LotteryPlan& plan = std::get<LotteryPlan>(decision);
    Proposal& proposal = plan.proposal;
    if (own) {
      proposal.command.reset();
      const Proposal kept = propose_open_not_granted(*definition, opener.user, command.inviter, OpenReason::own_link);
      proposal.events = kept.events;
      proposal.guards.push_back(kept.guards.front());
      plan.rules.push_back(LotteryRule::not_credited);  // is kept already
      proposal.looks.emplace_back(keys::tickets(partition, opener.user));
    } else if (grant == nullptr) {
      co_return co_await without_grant(definition, opener.user);
    }
    auto committing = commit(store_, std::move(proposal), opener);
    const Result<Verdict> verdict = co_await committing;
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      OpenJudged judged{.definition = definition, .granted = 0, .held = accepted->looks.at(0)};
      if (own) {
        judged.reason = OpenReason::own_link;
      } else {
        judged.credited = true;
        judged.granted = grant->friend_tickets;
        if (!credit_inviter) judged.reason = OpenReason::inviter_limit;
      }
      co_return judged;
    }
    const auto* refused = std::get_if<Refused>(&*verdict);
    if (refused == nullptr) continue;
    const LotteryRule rule = plan.rules.at(refused->guard);
    if (own && rule == LotteryRule::not_credited) {
      co_return OpenJudged{
          .definition = definition, .granted = 0, .held = refused->looks.at(0), .reason = OpenReason::own_link};
    }
    if (rule == LotteryRule::inviter_admitted) {
      credit_inviter = false;
      continue;
    }
    if (rule == LotteryRule::not_credited || rule == LotteryRule::not_visited) {
      const OpenReason reason =
          rule == LotteryRule::not_credited ? OpenReason::already_credited : OpenReason::not_first_visit;
      const Result<OpenJudged> judged = co_await not_granted(definition, command, reason);
      if (!judged) co_return tl::unexpected(judged.error());
      co_return *judged;
    }
    co_return refused_by(rule, definition);
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while an invite was being opened; try again");
}

Task<Result<LinkOutcome>> EarnTickets::commit_for(LotteryCommand command, bool issue) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(command.promotion_id);
    if (auto no = not_a_lottery<LinkOutcome>(definition)) co_return std::move(*no);
    Proposal proposal;
    proposal.partition = definition->partition;
    proposal.command = issue ? std::nullopt : command.command;
    proposal.revision = definition->revision;
    if (issue) {
      proposal.guards.emplace_back(Absent{.set = keys::issued(definition->partition, command.user), .member = 0});
      proposal.events.emplace_back(InviteIssued{.user = command.user});
    } else {
      proposal.events.emplace_back(InviteShared{.user = command.user});
    }
    auto committing = commit(store_, std::move(proposal), command);
    const Result<Verdict> verdict = co_await committing;
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (!std::holds_alternative<Stale>(*verdict)) co_return definition;
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while a link was being issued; try again");
}

Task<Result<LinkOutcome>> EarnTickets::issue_link(LotteryCommand command) { return commit_for(command, true); }

Task<Result<LinkOutcome>> EarnTickets::share_link(LotteryCommand command) { return commit_for(command, false); }

}  // namespace windfall
