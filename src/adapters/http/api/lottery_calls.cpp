// What participants call of a lottery: visits, links, opens, tickets and draws.
#include <algorithm>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/ends.hpp"
#include "adapters/http/api/render_lottery.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::http {

namespace {

/// A lost draw in JSON: id, outcome, held.
constexpr std::size_t kDrawBody = 96;

LotteryCommand command_of_participant(const Call& call) {
  return {.promotion_id = call.parameter,
          .user_id = call.caller.user_id,
          .user = call.caller.user,
          .command = call.command};
}

Answer replayable(int status, bool replayed) {
  Answer answer{.status = status};
  if (replayed) answer.headers = "Idempotency-Replayed: true\r\n";
  return answer;
}

}  // namespace

bool Api::wrong_empty_body(Call& call) {
  if (call.request->body.empty()) return false;
  return !read_body(call, [](codec::ObjectReader&) { return true; });
}

void Api::send_end(Call& call, const LotteryRefused& refused) {
  parts_.refusals.add(call.caller.user, refused.definition->partition,
                      {.at = parts_.store.now(refused.definition->partition),
                       .promotion_id = refused.definition->promotion.id,
                       .code = code_of(refused.refusal),
                       .detail = {}});
  send(call, windfall::http::refused(*refused.definition, refused.refusal, call.language, call.request->path));
}

void Api::send_key_reused(Call& call) {
  send(call, invalid({{.pointer = "/Idempotency-Key",
                       .detail_ko = "같은 키가 다른 본문으로 이미 쓰였습니다",
                       .detail_en = "was used before with another body"}},
                     call.language, call.request->path));
}

Detached Api::visit(Call call) {
  if (wrong_query(call) || wrong_empty_body(call)) co_return;
  if (co_await repeated(&call)) co_return;
  ++deciding_;
  const Result<VisitOutcome> outcome = co_await parts_.lottery.earn.visit(command_of_participant(call));
  --deciding_;
  const auto* judged = value_or_send<VisitJudged>(call, outcome);
  if (judged == nullptr) co_return;
  Answer answer = replayable(judged->first ? 201 : 200, judged->replayed);
  // Nothing was granted where the promotion grants nothing for a visit, even if it is the first.
  if (judged->granted == 0) answer.status = 200;
  codec::ObjectWriter(answer.body).integer("granted", judged->granted).integer("held", judged->held).close();
  if (judged->first) {
    send(call, std::move(answer));
  } else {
    co_await send_kept(&call, std::move(answer));
  }
}

Detached Api::issue_invite(Call call) {
  if (wrong_query(call) || wrong_empty_body(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const Result<LinkOutcome> outcome = co_await parts_.lottery.earn.issue_link(command_of_participant(call));
  const auto* definition = value_or_send<DefinitionPtr>(call, outcome);
  if (definition == nullptr) co_return;
  const std::string token =
      parts_.lottery.tokens.encode({.promotion_id = (*definition)->promotion.id, .inviter = call.caller.user});
  Answer answer;
  codec::ObjectWriter(answer.body).text("token", token).text("url", parts_.hooks.public_url() + "/i/" + token).close();
  co_await send_kept(&call, std::move(answer));
}

Detached Api::get_my_invites(Call call) {
  if (wrong_query(call)) co_return;
  const auto funnel = co_await parts_.lottery.show.funnel(call.parameter, call.caller.user);
  const auto* found = value_or_send<InviteFunnel>(call, funnel);
  if (found == nullptr) co_return;
  Answer answer;
  render_funnel(answer.body, *found);
  send(call, std::move(answer));
}

Detached Api::open_invite(Call call) {
  if (wrong_query(call) || wrong_empty_body(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<InviteTokens::Invite> invite = parts_.lottery.tokens.decode(call.parameter);
  if (invite) {
    auto asking = cannot_tell(&call, invite->promotion_id);
    if (co_await asking) co_return;
  }
  const DefinitionPtr definition = invite ? parts_.store.find(invite->promotion_id) : nullptr;
  if (!definition || !definition->promotion.lottery) {
    send_problem(call, "INVITE_INVALID");
    co_return;
  }
  OpenCommand command{.opener = command_of_participant(call), .inviter = invite->inviter};
  command.opener.promotion_id = invite->promotion_id;
  ++deciding_;
  const Result<OpenOutcome> outcome = co_await parts_.lottery.earn.open(command);
  --deciding_;
  if (outcome &&
      (std::holds_alternative<UnknownPromotion>(*outcome) || std::holds_alternative<NotJoinable>(*outcome))) {
    send_problem(call, "INVITE_INVALID");  // the path names a link, not a promotion
    co_return;
  }
  const auto* judged = value_or_send<OpenJudged>(call, outcome);
  if (judged == nullptr) co_return;
  Answer answer = replayable(judged->credited ? 201 : 200, judged->replayed);
  codec::ObjectWriter body(answer.body);
  body.integer("granted", judged->granted).integer("held", judged->held);
  if (judged->reason) body.text("reason", std::string_view(code_of(*judged->reason)));
  body.close();
  if (judged->credited) {
    send(call, std::move(answer));
  } else {
    co_await send_kept(&call, std::move(answer));
  }
}

Detached Api::get_tickets(Call call) {
  if (wrong_query(call)) co_return;
  const auto account = co_await parts_.lottery.show.account(call.parameter, call.caller.user);
  const auto* found = value_or_send<TicketAccount>(call, account);
  if (found == nullptr) co_return;
  Answer answer;
  render_account(answer.body, *found);
  send(call, std::move(answer));
}

Detached Api::draw(Call call) {
  if (wrong_query(call) || wrong_empty_body(call)) co_return;
  ++deciding_;
  const Result<DrawOutcome> outcome = co_await parts_.lottery.draw(command_of_participant(call));
  --deciding_;
  if (!outcome) ++counters_.failures;
  const auto* drawn = value_or_send<Drawn>(call, outcome);
  if (drawn == nullptr) co_return;
  ++counters_.draws;
  Answer answer = replayable(201, drawn->replayed);
  answer.body.reserve(kDrawBody);
  const Promotion& promotion = drawn->definition->promotion;
  codec::ObjectWriter body(answer.body);
  body.uuid("drawId", parts_.store.event_ids(promotion.id, drawn->epoch, drawn->sequence).event)
      .text("outcome", drawn->prize ? "WIN" : "LOSE");
  if (drawn->prize) render_prize(body.name("prize"), promotion.lottery->prizes.at(*drawn->prize));
  body.integer("held", drawn->held).close();
  send(call, std::move(answer));
}

Detached Api::get_fairness(Call call) {
  if (wrong_query(call)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition || !known_to_participants(definition->promotion)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const Promotion& promotion = definition->promotion;
  const LocalDay today = definition->zone.day_at(parts_.store.now(definition->partition));
  if (!promotion.lottery || !plan_stands(promotion, today)) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  const Result<ShowTickets::Totals> totals = co_await parts_.lottery.show.totals(definition);
  // What the book gives lives until somebody else asks it about a promotion that was changed: nothing is waited for
  // here.
  const Result<Outcomes*> outcomes = parts_.lottery.book.outcomes(*definition);
  if (!outcomes || !totals) {
    send(call, failed(totals ? outcomes.error() : totals.error(), call.language, call.request->path));
    co_return;
  }
  const Seed& seed = (*outcomes)->seed();
  const std::string plan = plan_text(plan_of(promotion));
  const Instant first_day = definition->zone.start_of(promotion.start);
  const Instant begun = std::min(first_day, promotion.secrets.ended.value_or(first_day));
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.text("commitment", commitment_of(seed, plan))
      .text("algorithm", kFairnessAlgorithm)
      .text("plan", plan)
      .instant("publishedAt", std::max(begun, promotion.secrets.published.value_or(begun)));
  if (totals->closed) body.text("seed", seed_text(seed));
  body.close();
  send(call, std::move(answer));
}

}  // namespace windfall::http
