// What operators do about tickets.
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render_lottery.hpp"

namespace windfall::http {

namespace {

/// Far more than any mistake to be made good; sums stay within 64 bits.
constexpr std::int64_t kMaxAdjustment = 1'000'000;

}  // namespace

Detached Api::adjust_tickets(Call call) {
  if (wrong_query(call)) co_return;
  if (!codec::valid_user_id(call.parameter)) {
    send_unreadable(call);
    co_return;
  }
  if (co_await repeated(&call)) co_return;
  struct Adjustment {
    std::string promotion_id;
    std::int64_t tickets = 0;
    std::string reason;
  };
  const std::optional<Adjustment> body = read_body(call, [](codec::ObjectReader& reader) {
    Adjustment wanted;
    wanted.promotion_id = reader.required_identifier("promotionId");
    wanted.tickets = reader.required_int("tickets", {.min = -kMaxAdjustment, .max = kMaxAdjustment}).value_or(1);
    if (wanted.tickets == 0) reader.refuse("tickets", "must not be 0", "0일 수 없습니다");
    wanted.reason = read_reason(reader);
    return wanted;
  });
  if (!body) co_return;
  auto asking = cannot_tell(&call, body->promotion_id);
  if (co_await asking) co_return;
  const DefinitionPtr definition = parts_.store.find(body->promotion_id);
  if (!definition || !definition->promotion.lottery) {
    send_problem(call, definition ? "NOT_JOINABLE" : "PROMOTION_NOT_FOUND");
    co_return;
  }
  AnswerKept answer;
  const auto render = [&answer](const TicketAccount& account) {
    answer = {.status = 201, .headers = {}, .body = {}};
    render_account(answer.body, account);
    return answer;
  };
  const Identity identity{.user = parts_.callers.ref_of(call.parameter), .id = call.parameter};
  const Result<bool> adjusted = co_await parts_.manage.adjust_tickets(
      definition, identity, body->tickets, audit_of(call, body->reason), call.command, render);
  if (!adjusted) {
    send(call, failed(adjusted.error(), call.language, call.request->path));
  } else if (!*adjusted) {
    const auto account = co_await parts_.lottery.show.account(body->promotion_id, identity.user);
    const auto* found = account ? std::get_if<TicketAccount>(&*account) : nullptr;
    const std::int64_t held = found == nullptr || found->provisional ? 0 : found->held;
    send_problem(call, "NO_TICKET", ",\"held\":" + std::to_string(held));
  } else {
    send(call, {.status = answer.status, .headers = answer.headers, .body = answer.body});
  }
}

}  // namespace windfall::http
