// What participants call.
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render.hpp"

namespace windfall::http {

namespace {

// What a list is made room for: its frame, and a promotion of usual texts.
constexpr std::size_t kListBytes = 64;
constexpr std::size_t kPromotionBytes = 640;

}  // namespace

Detached Api::participate(Call call) {
  if (wrong_query(call)) co_return;
  // A body has nothing to say here; an empty object is the same as none.
  if (!call.request->body.empty()) {
    if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  }
  ++deciding_;
  JoinCommand command{.promotion_id = call.parameter,
                      .user_id = call.caller.user_id,
                      .user = call.caller.user,
                      .segments = std::move(call.caller.segments),
                      .command = call.command};
  const Result<JoinOutcome> outcome = co_await parts_.participate(std::move(command));
  --deciding_;
  if (!outcome) {
    ++counters_.failures;
    send(call, failed(outcome.error(), call.language, call.request->path));
    co_return;
  }

  if (const auto* joined = std::get_if<Joined>(&*outcome)) {
    ++counters_.joins;
    Answer answer{.status = 201};
    if (joined->replayed) answer.headers = "Idempotency-Replayed: true\r\n";
    const Promotion& promotion = joined->definition->promotion;
    const auto ids = parts_.store.event_ids(promotion.id, joined->epoch, joined->sequence);
    render_participation(answer.body,
                         {.participation_id = ids.event,
                          .promotion_id = promotion.id,
                          .user_id = call.caller.user_id,
                          .day = joined->day,
                          .amount = joined->amount,
                          .at = joined->at,
                          .accrual = promotion.mode == Mode::test || joined->amount == 0 ? "DONE" : "PENDING",
                          .effect_id = ids.effect});
    send(call, std::move(answer));
    co_return;
  }
  if (const auto* refused = std::get_if<JoinRefused>(&*outcome)) {
    parts_.refusals.add(call.caller.user, refused->definition->partition,
                        {.at = parts_.store.now(refused->definition->partition),
                         .promotion_id = refused->definition->promotion.id,
                         .code = code_of(refused->refusal),
                         .detail = detail_of(refused->refusal)});
    send(call, windfall::http::refused(*refused->definition, refused->refusal, call.language, call.request->path));
    co_return;
  }
  if (std::holds_alternative<KeyReused>(*outcome)) {
    send_key_reused(call);
    co_return;
  }
  send_problem(call, std::holds_alternative<NotJoinable>(*outcome) ? "NOT_JOINABLE" : "PROMOTION_NOT_FOUND");
}

Detached Api::list_promotions(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultPromotionsLimit);
  std::optional<ListPlace> after;
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor("exposed", *cursor, 2);
    const auto reward = parts ? parse_integer(parts->at(0)) : std::nullopt;
    if (reward) {
      after = ListPlace{.reward_amount = *reward, .id = parts->at(1)};
    } else {
      query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    }
  }
  if (wrong_query(call, query)) co_return;

  const Result<Browse::Page> page = co_await parts_.browse.exposed(std::move(after), static_cast<std::size_t>(limit));
  if (!page) {
    send(call, failed(page.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  answer.body.reserve(kListBytes + (page->items.size() * kPromotionBytes));
  answer.body += "{\"items\":";
  codec::append_json_array(answer.body, page->items,
                           [&](const PromotionView& view) { promotion_texts_.append_to(answer.body, view); });
  answer.body += ",\"nextCursor\":";
  if (page->next) {
    answer.body += '"' + make_cursor("exposed", {std::to_string(page->next->reward_amount), page->next->id}) + '"';
  } else {
    answer.body += "null";
  }
  answer.body += '}';
  send(call, std::move(answer));
}

Detached Api::get_promotion(Call call) {
  if (wrong_query(call)) co_return;
  const Result<std::optional<PromotionView>> view = co_await parts_.browse.one(call.parameter);
  if (!view) {
    send(call, failed(view.error(), call.language, call.request->path));
  } else if (!*view || !known_to_participants((*view)->definition->promotion)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
  } else {
    Answer answer;
    promotion_texts_.append_to(answer.body, **view);
    send(call, std::move(answer));
  }
}

Detached Api::get_my_promotion(Call call) {
  if (wrong_query(call)) co_return;
  const Result<std::optional<JoinPreview>> preview =
      co_await parts_.browse.preview(call.parameter, call.caller.user, std::move(call.caller.segments), std::nullopt);
  if (!preview) {
    send(call, failed(preview.error(), call.language, call.request->path));
    co_return;
  }
  if (!*preview || !known_to_participants((*preview)->definition->promotion)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const JoinPreview& p = **preview;
  Answer answer;
  codec::ObjectWriter body(answer.body);
  if (p.definition->promotion.lottery) {
    const auto account = co_await parts_.lottery.show.account(call.parameter, call.caller.user);
    const auto* found = account ? std::get_if<TicketAccount>(&*account) : nullptr;
    if (found == nullptr) {
      send(call, failed(account ? Failure{.code = FailureCode::unavailable, .message = {}} : account.error(),
                        call.language, call.request->path));
      co_return;
    }
    body.boolean("eligible", false).text("code", "NOT_JOINABLE").boolean("joinedToday", false).integer("joinCount", 0);
    body.integer("held", found->held).close();
    send(call, std::move(answer));
    co_return;
  }
  body.boolean("eligible", !p.refusal.has_value());
  if (p.refusal) body.text("code", std::string_view(code_of(*p.refusal)));
  if (const auto* unmet = p.refusal ? std::get_if<ConditionNotMet>(&*p.refusal) : nullptr) {
    body.text("condition", std::string_view(unmet->condition));
  }
  body.boolean("joinedToday", p.joined_today).integer("joinCount", p.join_count).close();
  send(call, std::move(answer));
}

Detached Api::list_my_participations(Call call) {
  Query query(call.request->query);
  Ledger::ParticipationQuery wanted{.user = call.caller.user, .partition = {}, .from = {}, .to = {}};
  wanted.from = query.day("from");
  wanted.to = query.day("to");
  const int limit = query.limit(kDefaultLimit);
  if (wanted.from && wanted.to && *wanted.from > *wanted.to) {
    query.add_error("from", "to보다 늦을 수 없습니다", "must not be later than to");
  }
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor("mine", *cursor, 1);
    const auto after = parts ? parse_integer(parts->at(0)) : std::nullopt;
    if (!after) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    wanted.after = after.value_or(0);
  }
  if (wrong_query(call, query)) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;

  wanted.limit = limit + 1;  // one more tells whether there is a next page
  const auto rows = co_await parts_.ledger_reads.run([this, wanted] { return parts_.ledger.participations(wanted); });
  if (!rows) {
    send(call, failed(rows.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  answer.body = "{\"items\":[";
  const std::size_t shown = std::min(rows->size(), static_cast<std::size_t>(limit));
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) answer.body += ',';
    render_row(answer.body, (*rows)[i], call.caller.user_id, parts_.store);
  }
  answer.body += "],\"nextCursor\":";
  answer.body += rows->size() > shown ? '"' + make_cursor("mine", {std::to_string((*rows)[shown - 1].ordinal)}) + '"'
                                      : std::string("null");
  answer.body += '}';
  send(call, std::move(answer));
}

}  // namespace windfall::http
