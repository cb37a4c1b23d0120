// Coupons, as their owners see them; wins taken back and codes given anew, by operators.
#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render_lottery.hpp"

namespace windfall::http {

namespace {

constexpr std::size_t kMaxReason = 1000;

void instant_or_null(codec::ObjectWriter& writer, std::string_view name, const std::optional<Instant>& at) {
  at ? writer.instant(name, *at) : writer.null(name);
}

codec::ObjectWriter begin_coupon(std::string& out, const CouponView& coupon) {
  codec::ObjectWriter writer(out);
  writer.text("couponId", coupon.id)
      .text("promotionId", coupon.definition->promotion.id)
      .text("prizeId", coupon.prize().id)
      .text("name", coupon.prize().name)
      .integer("value", coupon.prize().value)
      .text("status", std::string_view(windfall::name_of(coupon.status)));
  instant_or_null(writer, "issuedAt", coupon.issued_at);
  instant_or_null(writer, "expiresAt", coupon.row.expires_at);
  return writer;
}

void render_coupon(std::string& out, const CouponView& coupon) { begin_coupon(out, coupon).close(); }

std::string status_member(CouponStatus status) {
  return ",\"couponStatus\":\"" + std::string(windfall::name_of(status)) + '"';
}

}  // namespace

std::optional<std::string> Api::reason_of(Call& call) {
  return read_body(call, [](codec::ObjectReader& reader) {
    return reader.required_string("reason", {.min = 1, .max = kMaxReason});
  });
}

Detached Api::list_my_coupons(Call call) {
  int limit = 0;
  const std::optional<LotteryLedger::Page> page = page_of_mine(call, "coupons", &limit);
  if (!page || !co_await ledger_caught_up(&call)) co_return;
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
  const std::optional<codec::Uuid> id = codec::from_uuid_text(call.parameter);
  if (!id) {
    send_problem(call, "COUPON_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto found = co_await parts_.lottery.coupons.one(*id, call.caller.user);
  if (!found) {
    send(call, failed(found.error(), call.language, call.request->path));
    co_return;
  }
  const auto* coupon = std::get_if<CouponView>(&*found);
  if (coupon == nullptr) {
    send_problem(call, "COUPON_NOT_FOUND");
    co_return;
  }
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
  if (wrong_query(call) || wrong_empty_body(call) || cannot_decide(call)) co_return;
  const std::optional<codec::Uuid> id = codec::from_uuid_text(call.parameter);
  if (!id) {
    send_problem(call, "COUPON_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto used = co_await parts_.lottery.coupons.use(*id, call.caller.user);
  if (!used) {
    send(call, failed(used.error(), call.language, call.request->path));
  } else if (const auto* coupon = std::get_if<CouponView>(&*used)) {
    Answer answer;
    render_coupon(answer.body, *coupon);
    send(call, std::move(answer));
  } else if (const auto* is = std::get_if<CouponIs>(&*used)) {
    send_problem(call, "IN_PROGRESS", status_member(is->status));
  } else {
    send_problem(call, "COUPON_NOT_FOUND");
  }
}

Detached Api::reissue_coupon(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason = reason_of(call);
  if (!reason) co_return;
  const std::optional<codec::Uuid> id = codec::from_uuid_text(call.parameter);
  if (!id) {
    send_problem(call, "COUPON_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call)) co_return;
  AnswerKept answer;
  const auto render = [&answer](const CouponView& coupon) {
    answer = {.status = 200, .headers = {}, .body = {}};
    render_coupon(answer.body, coupon);
    return answer;
  };
  const auto reissued = co_await parts_.lottery.coupons.reissue(*id, audit_of(call, *reason), call.command, render);
  if (!reissued) {
    send(call, failed(reissued.error(), call.language, call.request->path));
  } else if (std::holds_alternative<CouponView>(*reissued)) {
    send(call, {.status = answer.status, .headers = answer.headers, .body = answer.body});
  } else if (const auto* is = std::get_if<CouponIs>(&*reissued)) {
    send_problem(call, "IN_PROGRESS", status_member(is->status));
  } else {
    send_problem(call, "COUPON_NOT_FOUND");
  }
}

Detached Api::void_draw(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason = reason_of(call);
  if (!reason) co_return;
  const std::optional<codec::Uuid> id = codec::from_uuid_text(call.parameter);
  if (!id) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto effect_of = [this](const DrawRow& row) {
    const std::string text = parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence).effect;
    return codec::from_uuid_text(text).value_or(codec::Uuid{});
  };
  const auto state_of = [this](const DrawRow& row) {
    AnswerKept answer{.status = 200, .headers = {}, .body = {}};
    render_draw(answer.body, row);
    answer.body.pop_back();
    answer.body += ",\"voided\":true}";
    return answer;
  };
  AnswerKept answer;
  const auto render = [&answer, &state_of](const DrawRow& row) { return answer = state_of(row); };
  const auto voided =
      co_await parts_.lottery.coupons.void_win(*id, effect_of, audit_of(call, *reason), call.command, render);
  if (!voided) {
    send(call, failed(voided.error(), call.language, call.request->path));
  } else if (const auto* done = std::get_if<Voided>(&*voided)) {
    if (done->before) {
      // Nothing is left to do, and the state is what was asked for.
      Answer same{.headers = {}, .body = state_of(done->draw).body};
      co_await send_kept(&call, std::move(same));
    } else {
      send(call, {.status = 200, .headers = {}, .body = answer.body});
    }
  } else {
    send_problem(call, std::holds_alternative<CannotVoid>(*voided) ? "IN_PROGRESS" : "NOT_FOUND");
  }
}

}  // namespace windfall::http
