// Coupons, as their owners see them; wins taken back and codes given anew, by operators.
#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/ends.hpp"
#include "adapters/http/api/render_lottery.hpp"

namespace windfall::http {

std::optional<std::string> Api::reason_of(Call& call) {
  return read_body(call, [](codec::ObjectReader& reader) { return read_reason(reader); });
}

std::optional<codec::Uuid> Api::id_in_path(Call& call, std::string_view unknown) {
  const std::optional<codec::Uuid> id = codec::from_uuid_text(call.parameter);
  if (!id) send_problem(call, unknown);
  return id;
}

void Api::send_end(Call& call, const CouponIs& is) {
  send_problem(call, "IN_PROGRESS", ",\"couponStatus\":\"" + std::string(windfall::name_of(is.status)) + '"');
}

Detached Api::list_my_coupons(Call call) {
  int limit = 0;
  auto asking = page_of_mine(&call, "coupons", &limit);
  const std::optional<LotteryLedger::Page> page = co_await asking;
  if (!page || !co_await ledger_caught_up(&call, page->partition)) co_return;
  const auto coupons = co_await parts_.lottery.coupons.of_user(*page);
  if (!coupons) {
    send(call, failed(coupons.error(), call.language, call.request->path));
    co_return;
  }
  const std::size_t shown = std::min(coupons->size(), static_cast<std::size_t>(limit));
  Answer answer;
  answer.body = "{\"items\":[";
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) answer.body += ',';
    render_coupon(answer.body, (*coupons)[i]);
  }
  answer.body += "],\"nextCursor\":";
  answer.body += coupons->size() > shown
                     ? '"' + make_cursor("coupons", {std::to_string((*coupons)[shown - 1].row.draw.seq)}) + '"'
                     : std::string("null");
  answer.body += '}';
  send(call, std::move(answer));
}

Detached Api::get_my_coupon(Call call) {
  if (wrong_query(call)) co_return;
  const std::optional<codec::Uuid> id = id_in_path(call, "COUPON_NOT_FOUND");
  if (!id) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto found = co_await parts_.lottery.coupons.one(*id, call.caller.user);
  const auto* coupon = value_or_send<CouponView>(call, found);
  if (coupon == nullptr) co_return;
  const Result<std::optional<std::string>> code = co_await parts_.lottery.coupons.code_of(*coupon);
  if (!code) {
    send(call, failed(code.error(), call.language, call.request->path));
    co_return;
  }
  // Whoever sees the answer can use the code: no cache on the way may keep it.
  Answer answer{.headers = "Cache-Control: no-store\r\n"};
  codec::ObjectWriter writer = begin_coupon(answer.body, *coupon);
  writer.text_or_null("code", *code).close();
  send(call, std::move(answer));
}

Detached Api::use_coupon(Call call) {
  if (wrong_query(call) || wrong_empty_body(call)) co_return;
  const std::optional<codec::Uuid> id = id_in_path(call, "COUPON_NOT_FOUND");
  if (!id) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto used = co_await parts_.lottery.coupons.use(*id, call.caller.user);
  const auto* coupon = value_or_send<CouponView>(call, used);
  if (coupon == nullptr) co_return;
  Answer answer;
  render_coupon(answer.body, *coupon);
  send(call, std::move(answer));
}

Detached Api::reissue_coupon(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason = reason_of(call);
  if (!reason) co_return;
  const std::optional<codec::Uuid> id = id_in_path(call, "COUPON_NOT_FOUND");
  if (!id) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  AnswerKept answer;
  const auto render = [&answer](const CouponView& coupon) {
    answer = {.status = 200, .headers = {}, .body = {}};
    render_coupon(answer.body, coupon);
    return answer;
  };
  const auto reissued = co_await parts_.lottery.coupons.reissue(*id, audit_of(call, *reason), call.command, render);
  if (value_or_send<CouponView>(call, reissued) == nullptr) co_return;
  send(call, {.status = answer.status, .headers = answer.headers, .body = answer.body});
}

Detached Api::void_draw(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason = reason_of(call);
  if (!reason) co_return;
  const std::optional<codec::Uuid> id = id_in_path(call, "NOT_FOUND");
  if (!id) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto effect_of = [this](const DrawRow& row) {
    return parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence).effect;
  };
  const auto state_of = [this](const DrawRow& row) {
    AnswerKept answer{.status = 200, .headers = {}, .body = {}};
    DrawRow voided = row;
    voided.voided = true;
    render_draw(answer.body, voided);
    return answer;
  };
  AnswerKept answer;
  const auto render = [&answer, &state_of](const DrawRow& row) { return answer = state_of(row); };
  const auto voided =
      co_await parts_.lottery.coupons.void_win(*id, effect_of, audit_of(call, *reason), call.command, render);
  const auto* done = value_or_send<Voided>(call, voided);
  if (done == nullptr) co_return;
  if (done->before) {
    // Nothing is left to do, and the state is what was asked for.
    Answer same{.headers = {}, .body = state_of(done->draw).body};
    co_await send_kept(&call, std::move(same));
  } else {
    send(call, {.status = 200, .headers = {}, .body = answer.body});
  }
}

}  // namespace windfall::http
