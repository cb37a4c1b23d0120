#include "application/on_event/judge_inbound.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "application/on_request/look_for.hpp"

namespace windfall {

namespace {

/// Once for a definition that changes meanwhile; more is a storm.
constexpr int kProposals = 4;

/// Why an open granted nothing where the lottery has no grant for invites. An answer to a call needs no such word.
constexpr const char* kNoInviteGrant = "NO_INVITE_GRANT";

/// The event as a command of its user. Ids are hashes, as commands' are, and share no input with those.
Command command_of(const InboundEvent& event) {
  Command command;
  std::memcpy(&command.hash.hi, event.id.data(), sizeof command.hash.hi);
  std::memcpy(&command.hash.lo, event.id.data() + sizeof command.hash.hi, sizeof command.hash.lo);
  return command;
}

LotteryCommand wish_of(const InboundEvent& event, std::string_view promotion_id) {
  return {.promotion_id = promotion_id, .user_id = event.user_id, .user = event.user, .command = command_of(event)};
}

}  // namespace

void JudgeInbound::poke() {
  if (!paused_) begin();
}

void JudgeInbound::begin() {
  // Judging may end at once, and then comes back here: what is to be begun next is seen by the loop below.
  if (beginning_) return;
  beginning_ = true;
  while (in_flight_ < kAtOnce && held_ < kMostHeld && !paused_ && !stopped_) {
    std::optional<InboundEvent> event = inbox_.next();
    if (!event) break;
    ++in_flight_;
    detach(judge(std::move(*event)));
  }
  beginning_ = false;
}

void JudgeInbound::pause(const std::string& why) {
  hooks_.trouble(why);
  if (paused_) return;
  paused_ = true;
  timer_.after(kRetryMs, [this] {
    paused_ = false;
    poke();
  });
}

void JudgeInbound::refuse(Judgement& judgement, const LotteryRefused& refused) {
  judgement.dropped = true;
  judgement.reason = code_of(refused.refusal);
  judgement.partition = refused.definition->partition;
}

void JudgeInbound::not_joinable(Judgement& judgement) const {
  judgement.reason = "NOT_JOINABLE";
  if (const DefinitionPtr definition = store_.find(judgement.promotion_id)) judgement.partition = definition->partition;
}

Task<void> JudgeInbound::judge(InboundEvent event) {
  Result<Judgement> judgement = Judgement{.dropped = true, .reason = "ERASED"};
  if (!event.user_id.empty()) {
    switch (event.type) {
      case Inbound::Type::page_visited:
        judgement = co_await visited(&event);
        break;
      case Inbound::Type::invite_opened:
        judgement = co_await opened(&event);
        break;
      case Inbound::Type::shared:
        judgement = co_await shared(&event);
        break;
    }
  }
  std::optional<Failure> failure;
  if (!judgement) {
    failure = judgement.error();
  } else if (!judgement->settled) {
    const Result<bool> settled = co_await settle(&event, &*judgement);
    if (!settled) failure = settled.error();
  }
  --in_flight_;
  if (failure) {
    inbox_.put_back(std::move(event));
    pause(failure->message);
    co_return;
  }
  ++counts_.judged;
  if (judgement->dropped) ++counts_.dropped;
  if (!judgement->reason.empty()) {
    const Rejected rejected{.event = event,
                            .partition = judgement->partition,
                            .promotion_id = judgement->promotion_id,
                            .reason = judgement->reason};
    hooks_.rejected(rejected);
    if (hooks_.keep) {
      inbox_.held(event);
      ++held_;
      Task<bool> keeping = hooks_.keep(rejected);
      poke();
      const bool kept = co_await keeping;
      --held_;
      if (!kept) co_return;
    }
  }
  inbox_.settled(event);
  poke();
}

Task<Result<JudgeInbound::Judgement>> JudgeInbound::visited(const InboundEvent* event) {
  auto looking = look_for(store_, event->about);
  const Result<bool> looked = co_await looking;
  if (!looked) co_return tl::unexpected(looked.error());
  const Result<VisitOutcome> outcome = co_await earn_.visit(wish_of(*event, event->about));
  if (!outcome) co_return tl::unexpected(outcome.error());
  Judgement judgement{.promotion_id = event->about};
  if (const auto* refused = std::get_if<LotteryRefused>(&*outcome)) {
    refuse(judgement, *refused);
  } else if (!std::holds_alternative<VisitJudged>(*outcome)) {
    judgement.dropped = true;
    judgement.reason = "PROMOTION_NOT_FOUND";
    if (std::holds_alternative<NotJoinable>(*outcome)) not_joinable(judgement);
  }
  // A visit that was not the first one grants nothing, and nobody asks why: it has no reason.
  co_return judgement;
}

Task<Result<JudgeInbound::Judgement>> JudgeInbound::opened(const InboundEvent* event) {
  const std::optional<InviteTokens::Invite> invite = tokens_.decode(event->about);
  if (!invite) co_return Judgement{.dropped = true, .reason = "INVITE_INVALID"};
  auto looking = look_for(store_, invite->promotion_id);
  const Result<bool> looked = co_await looking;
  if (!looked) co_return tl::unexpected(looked.error());
  const OpenCommand wish{.opener = wish_of(*event, invite->promotion_id), .inviter = invite->inviter};
  const Result<OpenOutcome> outcome = co_await earn_.open(wish);
  if (!outcome) co_return tl::unexpected(outcome.error());
  Judgement judgement{.promotion_id = invite->promotion_id};
  if (const auto* refused = std::get_if<LotteryRefused>(&*outcome)) {
    refuse(judgement, *refused);
  } else if (const auto* judged = std::get_if<OpenJudged>(&*outcome)) {
    judgement.partition = judged->definition->partition;
    if (!judged->credited) judgement.reason = judged->reason ? code_of(*judged->reason) : kNoInviteGrant;
  } else {
    judgement.dropped = true;
    judgement.reason = "INVITE_INVALID";
  }
  co_return judgement;
}

Task<Result<JudgeInbound::Judgement>> JudgeInbound::shared(const InboundEvent* event) {
  // Only its command guards a share against being counted twice, and no longer than a command is kept: it is settled in
  // the same turn of the loop, so that embedded both are kept or neither.
  struct Shared {
    std::string promotion_id;
    std::string user_id;
    Command command;
    Completion<Result<LinkOutcome>> done;
  };
  auto looking = look_for(store_, event->about);
  const Result<bool> looked = co_await looking;
  if (!looked) co_return tl::unexpected(looked.error());
  const auto sharing = std::make_shared<Shared>(
      Shared{.promotion_id = event->about, .user_id = event->user_id, .command = command_of(*event), .done = {}});
  const DefinitionPtr definition = store_.find(event->about);
  const bool counts =
      definition && definition->promotion.lottery && definition->promotion.lifecycle != Lifecycle::draft;
  Judgement judgement{.promotion_id = event->about, .settled = true};
  if (!counts) {
    judgement.dropped = true;
    judgement.settled = false;
    judgement.reason = "PROMOTION_NOT_FOUND";
    if (definition && !definition->promotion.lottery) not_joinable(judgement);
    co_return judgement;
  }
  detach([](EarnTickets* earn, UserRef user, std::shared_ptr<Shared> at) -> Task<void> {
    LotteryCommand wish{.promotion_id = at->promotion_id, .user_id = at->user_id, .user = user, .command = at->command};
    Result<LinkOutcome> outcome = co_await earn->share_link(wish);
    at->done.complete(std::move(outcome));
  }(&earn_, event->user, sharing));
  const Result<bool> settled = co_await settle(event, &judgement);
  const Result<LinkOutcome> outcome = co_await sharing->done;
  if (!settled) co_return tl::unexpected(settled.error());
  if (!outcome) co_return tl::unexpected(outcome.error());
  co_return judgement;
}

Task<Result<bool>> JudgeInbound::settle(const InboundEvent* event, const Judgement* judgement) {
  // What granted nothing is asked about by promotion: it stands in the promotion's own log, as far as it named one.
  const bool asked_about = !judgement->reason.empty() && judgement->partition != kSystemPartition;
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr about = asked_about ? store_.find(judgement->promotion_id) : nullptr;
    Proposal proposal;
    proposal.partition = about ? about->partition : kSystemPartition;
    proposal.revision = about ? about->revision : store_.system_revision();
    proposal.events.emplace_back(InboundSettled{
        .id = event->id, .user = event->user, .dropped = judgement->dropped, .reason = judgement->reason});
    const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (!std::holds_alternative<Stale>(*verdict)) co_return true;
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while an event was being settled");
}

}  // namespace windfall
