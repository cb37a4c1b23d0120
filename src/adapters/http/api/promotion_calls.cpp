// What operators do to promotions.
#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/lottery_dry_run.hpp"
#include "adapters/http/api/render.hpp"

namespace windfall::http {

namespace {

/// Rows fetched and written at a time by an export: some 200 KB.
constexpr int kExportBatch = 1000;

std::string etag_of(Revision revision) { return "\"" + std::to_string(revision.value) + "\""; }

Answer promotion_answer(int status, const PromotionView& view, const std::vector<std::string>& warnings) {
  Answer answer{.status = status};
  answer.headers = "ETag: " + etag_of(view.definition->revision) + "\r\n";
  if (status == 201) answer.headers += "Location: /v1/admin/promotions/" + view.definition->promotion.id + "\r\n";
  render(answer.body, view, warnings);
  return answer;
}

/// LEADING may name promotions that do not exist yet: allowed, and said.
std::vector<std::string> warnings_of(const Promotion& promotion, PromotionStore& store, Language language) {
  std::vector<std::string> warnings;
  for (const std::string_view id : named_promotions(promotion)) {
    if (store.find(id)) continue;
    std::string warning(id);
    warning = language == Language::ko
                  ? "LEADING이 가리키는 프로모션 " + warning + "을(를) 아직 찾을 수 없어 참여하지 않은 것으로 봅니다"
                  : "LEADING names promotion " + warning + ", which does not exist yet and counts as not joined";
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

/// If-Match (RFC 9110): "*" alone, or a list of entity tags of which one names the revision. A weak tag never matches,
/// and neither does what is no entity tag.
struct IfMatch {
  bool given = false;
  bool any = false;
  std::vector<std::string> tags;

  [[nodiscard]] bool matches(Revision revision) const {
    return any || std::ranges::find(tags, etag_of(revision)) != tags.end();
  }
};
IfMatch read_if_match(const Request& request) {
  IfMatch result;
  std::size_t lines = 0;
  for (const HeaderField& field : request.headers()) {
    if (!boost::algorithm::iequals(field.name, "if-match")) continue;
    ++lines;
    std::string_view rest = field.value;
    result.given = result.given || !rest.empty();
    result.any = rest == "*";
    while (true) {
      // A comma may stand within the quotes of a tag.
      const std::size_t open = rest.find('"');
      const std::size_t close = open == std::string_view::npos ? open : rest.find('"', open + 1);
      if (close == std::string_view::npos) break;
      if (open == 0 || rest[open - 1] != '/') result.tags.emplace_back(rest.substr(open, close - open + 1));
      rest.remove_prefix(close + 1);
    }
  }
  result.any = result.any && lines == 1;
  return result;
}

/// Sentences for one rule of a dry run.
std::string why(const RuleCheck& rule, const JoinPreview& preview, LocalDay day, Language language) {
  const bool ko = language == Language::ko;
  const Promotion& p = preview.definition->promotion;
  const std::string value = std::to_string(rule.value);
  const std::string limit = std::to_string(rule.limit);
  if (rule.rule == "PERIOD") {
    const std::string from = codec::to_text(p.start);
    const std::string to = codec::to_text(p.end);
    if (ko) {
      return codec::to_text(day) + "은 " + from + "부터 " + to + "까지의 기간에 " +
             (rule.holds ? "속합니다." : "속하지 않거나 종료되었습니다.");
    }
    return codec::to_text(day) + (rule.holds ? " is within " : " is not within ") + from + " to " + to +
           (rule.holds ? "." : ", or the promotion was ended.");
  }
  if (rule.rule == "STATUS") {
    if (rule.holds) return ko ? "참여를 받고 있습니다." : "Open for joins.";
    return std::string(why_not_open(p.lifecycle, language));
  }
  if (rule.rule == "PAUSE_ALL") {
    if (ko) return rule.holds ? "전체 일시 중지가 아닙니다." : "모든 프로모션이 일시 중지되었습니다.";
    return rule.holds ? "Nothing is paused." : "Everything is paused.";
  }
  if (rule.rule == "BLOCKED") {
    if (ko) return rule.holds ? "차단 목록에 없습니다." : "차단 목록에 있습니다.";
    return rule.holds ? "Not on the block list." : "On the block list.";
  }
  if (rule.rule == "TOTAL_STOCK" || rule.rule == "DAILY_STOCK") {
    return ko ? limit + "건 중 " + value + "건이 사용되었습니다." : value + " of " + limit + " are taken.";
  }
  if (rule.rule == "N_DUP_LIMIT") {
    return ko ? value + "회 참여했으며 한도는 " + limit + "회입니다."
              : "Joined " + value + (rule.value == 1 ? " time; the limit is " : " times; the limit is ") + limit + ".";
  }
  if (rule.rule == "ONCE_A_DAY") {
    if (ko) return rule.holds ? "오늘 참여하지 않았습니다." : "오늘 이미 참여했습니다.";
    return rule.holds ? "Not joined today." : "Joined today already.";
  }
  if (ko) return rule.holds ? "조건을 충족합니다." : "조건을 충족하지 않습니다.";
  return rule.holds ? "The condition holds." : "The condition does not hold.";
}

constexpr BodyTypes kPatchBody{.media = {"application/merge-patch+json", "application/json"},
                               .ko = "Content-Type은 application/merge-patch+json 또는 application/json이어야 합니다",
                               .en = "Content-Type must be application/merge-patch+json or application/json"};

AnswerKept keep(const Answer& answer) {
  return {.status = answer.status, .headers = answer.headers, .body = answer.body};
}

Answer kept(AnswerKept answer) {
  return {.status = answer.status, .headers = std::move(answer.headers), .body = std::move(answer.body)};
}

}  // namespace

Detached Api::create_promotion(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  if (!call.request->body.empty()) {
    if (std::optional<Answer> wrong = wrong_body(call, kJsonBody)) {
      send(call, std::move(*wrong));
      co_return;
    }
  }
  codec::Decoded<Promotion> promotion = codec::decode_create(call.request->body);
  if (!promotion) {
    send(call, bad_input(promotion.error(), call.language, call.request->path));
    co_return;
  }
  const std::vector<std::string> warnings = warnings_of(*promotion, parts_.store, call.language);
  AnswerOf answer{.command = call.command, .render = [&warnings](const PromotionView& view) {
                    return keep(promotion_answer(201, view, warnings));
                  }};
  auto outcome = co_await parts_.manage.create(std::move(*promotion), audit_of(call, ""), std::move(answer));
  if (!outcome) {
    send(call, failed(outcome.error(), call.language, call.request->path));
  } else if (auto* created = std::get_if<AnswerKept>(&*outcome)) {
    send(call, kept(std::move(*created)));
  } else {
    send_problem(call, "ID_TAKEN");
  }
}

Detached Api::copy_promotion(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  struct Copy {
    std::string id;
    std::optional<LocalDay> start;
    std::optional<LocalDay> end;
  };
  const std::optional<Copy> body = read_body(call, [](codec::ObjectReader& reader) {
    Copy copy;
    copy.id = reader.optional_identifier("id").value_or("");
    copy.start = reader.required_day("startDate");
    copy.end = reader.required_day("endDate");
    if (copy.start && copy.end && *copy.end < *copy.start) {
      reader.refuse("endDate", "must not be before startDate", "startDate보다 빠를 수 없습니다");
    } else if (copy.start && copy.end && copy.end->days - copy.start->days >= codec::kMaxPeriodDays) {
      reader.refuse("endDate", "a period has at most 366 days", "기간은 최대 366일입니다");
    }
    return copy;
  });
  if (!body) co_return;
  const DefinitionPtr original = parts_.store.find(call.parameter);
  if (!original) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  Promotion promotion = original->promotion;
  promotion.id = body->id;
  promotion.start = *body->start;
  promotion.end = *body->end;
  if (!original->zone.has_day(promotion.start, promotion.end)) {
    send(call, invalid({{.pointer = "/endDate",
                         .detail_ko = "시간대가 건너뛰는 날짜라서 기간에 속하는 날이 없습니다",
                         .detail_en = "the time zone skips every day of the period"}},
                       call.language, call.request->path));
    co_return;
  }
  promotion.mode = Mode::live;
  promotion.lifecycle = Lifecycle::open;
  const std::vector<std::string_view> leads = named_promotions(promotion);
  if (!promotion.id.empty() && std::ranges::find(leads, promotion.id) != leads.end()) {
    send(call, invalid({{.pointer = "/id",
                         .detail_ko = "LEADING 조건이 이 id를 가리키므로 프로모션 자신을 지정하게 됩니다",
                         .detail_en = "is named by LEADING: the copy would name itself"}},
                       call.language, call.request->path));
    co_return;
  }
  const std::vector<std::string> warnings = warnings_of(promotion, parts_.store, call.language);
  AnswerOf answer{.command = call.command, .render = [&warnings](const PromotionView& view) {
                    return keep(promotion_answer(201, view, warnings));
                  }};
  auto outcome = co_await parts_.manage.create(std::move(promotion), audit_of(call, ""), std::move(answer));
  if (!outcome) {
    send(call, failed(outcome.error(), call.language, call.request->path));
  } else if (auto* created = std::get_if<AnswerKept>(&*outcome)) {
    send(call, kept(std::move(*created)));
  } else {
    send_problem(call, "ID_TAKEN");
  }
}

Detached Api::list_all_promotions(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultLimit);
  std::int64_t after = 0;
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor("all", *cursor, 1);
    const auto place = parts ? parse_integer(parts->at(0)) : std::nullopt;
    if (!place || *place < 0) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    after = place.value_or(0);
  }
  if (wrong_query(call, query)) co_return;
  const std::vector<DefinitionPtr>& all = parts_.store.all();
  std::vector<DefinitionPtr> page;
  for (std::size_t i = static_cast<std::size_t>(after); i < all.size() && page.size() < static_cast<std::size_t>(limit);
       ++i) {
    page.push_back(all[i]);
  }
  const std::size_t reached = static_cast<std::size_t>(after) + page.size();
  const bool more = reached < all.size();
  const Result<std::vector<PromotionView>> views = co_await parts_.browse.views(std::move(page));
  if (!views) {
    send(call, failed(views.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  answer.body = "{\"items\":";
  codec::append_json_array(answer.body, *views, [&](const PromotionView& view) { render(answer.body, view); });
  answer.body += ",\"nextCursor\":";
  answer.body += more ? '"' + make_cursor("all", {std::to_string(reached)}) + '"' : std::string("null");
  answer.body += '}';
  send(call, std::move(answer));
}

Detached Api::get_any_promotion(Call call) {
  if (wrong_query(call)) co_return;
  const Result<std::optional<PromotionView>> view = co_await parts_.browse.one(call.parameter);
  if (!view) {
    send(call, failed(view.error(), call.language, call.request->path));
  } else if (!*view) {
    send_problem(call, "PROMOTION_NOT_FOUND");
  } else {
    send(call, promotion_answer(200, **view, {}));
  }
}

Detached Api::change_promotion(Call call) {
  if (wrong_query(call)) co_return;
  if (!parts_.store.find(call.parameter)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const IfMatch if_match = read_if_match(*call.request);
  if (!if_match.given) {
    send_problem(call, "PRECONDITION_REQUIRED",
                 errors_member({{.pointer = "/If-Match", .detail_ko = "필요합니다", .detail_en = "is required"}},
                               call.language));
    co_return;
  }
  if (!call.request->body.empty()) {
    if (std::optional<Answer> wrong = wrong_body(call, kPatchBody)) {
      send(call, std::move(*wrong));
      co_return;
    }
  }
  std::optional<codec::BadInput> bad;
  bool stale = false;
  ChangeOf change = [&](const ChangeContext& context) -> std::optional<Promotion> {
    // Judged here, where the definition is the one that the proposal will be bound to.
    if (!if_match.matches(context.definition.revision)) {
      stale = true;
      return std::nullopt;
    }
    codec::Decoded<codec::Patched> patched = codec::apply_patch(
        context.definition.promotion, {.status = context.status, .begun = context.begun, .today = context.today},
        call.request->body);
    if (patched) return std::move(patched->next);
    bad = std::move(patched.error());
    return std::nullopt;
  };
  auto outcome = co_await parts_.manage.change(call.parameter, std::nullopt, std::move(change), audit_of(call, ""));
  if (!outcome) {
    send(call, failed(outcome.error(), call.language, call.request->path));
  } else if (const auto* view = std::get_if<PromotionView>(&*outcome)) {
    send(call, promotion_answer(200, *view, {}));
  } else if (const auto* below = std::get_if<LimitBelowUsed>(&*outcome)) {
    const std::string used = std::to_string(below->used);
    send(call, invalid({{.pointer = below->daily ? "/dailyLimitJoinCount" : "/limitJoinCount",
                         .detail_ko = "이미 사용된 " + used + "보다 작을 수 없습니다",
                         .detail_en = "must not be below the " + used + " that are used"}},
                       call.language, call.request->path));
  } else if (std::holds_alternative<LotteryOver>(*outcome)) {
    send_problem(call, "IN_PROGRESS");
  } else if (std::holds_alternative<PrizesHaveCodes>(*outcome)) {
    codec::BadInput fixed;
    fixed.in_progress = true;
    fixed.errors = {{.pointer = "/lottery/prizes",
                     .detail_en = "a prize whose codes have been imported keeps its prizeId, its kind and its place",
                     .detail_ko = "코드를 넣은 경품은 prizeId, kind, 순서를 바꾸거나 뺄 수 없습니다"}};
    send(call, bad_input(fixed, call.language, call.request->path));
  } else if (stale) {
    send_problem(
        call, "STALE",
        errors_member(
            {{.pointer = "/If-Match", .detail_ko = "현재의 ETag가 아닙니다", .detail_en = "is not the present ETag"}},
            call.language));
  } else if (bad) {
    send(call, bad_input(*bad, call.language, call.request->path));
  } else {
    send_problem(call, "PROMOTION_NOT_FOUND");
  }
}

Detached Api::dry_run(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  struct DryRun {
    std::string user_id;
    std::vector<std::string> segments;
    std::optional<Instant> at;
  };
  std::optional<DryRun> body = read_body(call, [](codec::ObjectReader& reader) {
    DryRun run;
    run.user_id = reader.required_user_id("userId");
    run.segments = reader.optional_identifiers("segments", codec::kMaxSegments);
    run.at = reader.optional_instant("at");
    return run;
  });
  if (!body) co_return;
  const UserRef user = parts_.callers.ref_of(body->user_id);
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  // To participants there is no draft.
  const bool is_draft = definition && !known_to_participants(definition->promotion);
  if (definition && definition->promotion.lottery) {
    const auto judged = co_await preview_lottery(&parts_.store, &parts_.lottery.book, definition, user, body->at);
    if (!judged) {
      send(call, failed(judged.error(), call.language, call.request->path));
    } else {
      Answer answer{.headers = std::string(language_headers(call.language))};
      append_lottery_dry_run(answer.body, *judged, definition->promotion, call.language);
      co_await send_kept(&call, std::move(answer));
    }
    co_return;
  }
  const Result<std::optional<JoinPreview>> preview =
      co_await parts_.browse.preview(call.parameter, user, std::move(body->segments), body->at);
  if (!preview) {
    send(call, failed(preview.error(), call.language, call.request->path));
    co_return;
  }
  if (!*preview) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const JoinPreview& p = **preview;
  const LocalDay day = p.definition->zone.day_at(body->at.value_or(parts_.store.now(p.definition->partition)));
  Answer answer{.headers = std::string(language_headers(call.language))};
  codec::ObjectWriter verdict(answer.body);
  verdict.boolean("accepted", !p.refusal.has_value());
  if (p.refusal) verdict.text("code", is_draft ? "PROMOTION_NOT_FOUND" : std::string_view(code_of(*p.refusal)));
  codec::append_json_array(verdict.name("rules"), p.rules, [&](const RuleCheck& rule) {
    codec::ObjectWriter(answer.body)
        .text("rule", std::string_view(rule.rule))
        .boolean("holds", rule.holds)
        .text("why", std::string_view(why(rule, p, day, call.language)))
        .close();
  });
  verdict.close();
  co_await send_kept(&call, std::move(answer));
}

Detached Api::pause_all(Call call) { return set_pause_all(std::move(call), true); }
Detached Api::resume_all(Call call) { return set_pause_all(std::move(call), false); }

Detached Api::set_pause_all(Call call, bool paused) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason = read_body(call, [paused](codec::ObjectReader& reader) {
    if (paused) return read_reason(reader);
    return reader.optional_string("reason", {.min = 0, .max = kMaxReason}).value_or("");
  });
  if (!reason) co_return;
  Answer answer;
  codec::ObjectWriter(answer.body).boolean("paused", paused).close();
  const Result<bool> changed = co_await parts_.manage.pause_all(paused, audit_of(call, *reason), call.command,
                                                                [&answer] { return keep(answer); });
  if (!changed) {
    send(call, failed(changed.error(), call.language, call.request->path));
  } else if (*changed) {
    send(call, std::move(answer));
  } else {
    co_await send_kept(&call, std::move(answer));
  }
}

Detached Api::export_participations(Call call) {
  if (wrong_query(call)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call, definition->partition)) co_return;
  const std::shared_ptr<Stream> stream = call.responder.start_stream(
      {.status = 200,
       .content_type = "text/csv; charset=utf-8",
       .headers = "Content-Disposition: attachment; filename=\"participations-" + call.parameter + ".csv\"\r\n"});
  stream->write("participationId,promotionId,userId,day,rewardAmount,participatedAt,accrual,accrualEventId\r\n");
  Ledger::ParticipationQuery wanted{
      .user = {}, .partition = definition->partition, .from = {}, .to = {}, .limit = kExportBatch};
  while (!stream->closed()) {
    const auto rows = co_await parts_.ledger_reads.run([this, wanted] { return parts_.ledger.participations(wanted); });
    if (!rows) co_return;  // the stream is cut, so that the reader sees that something is missing
    std::string lines;
    for (const ParticipationRow& row : *rows) {
      const PromotionStore::EventIds ids = parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence);
      codec::append_uuid(lines, ids.event);
      lines += ',' + row.promotion_id + ',';
      append_csv_text(lines, row.user_id);
      lines += ',' + codec::to_text(row.day) + ',' + std::to_string(row.amount) + ',' + codec::to_text(row.at) + ',';
      lines += name_of(row.accrual);
      lines += ',';
      codec::append_uuid(lines, ids.effect);
      lines += "\r\n";
      wanted.after = row.ordinal;
    }
    if (!lines.empty() && !stream->write(lines) && !stream->closed()) {
      Completion<bool> drained;
      stream->on_drained([&drained] { drained.complete(true); });
      stream->on_closed([&drained] { drained.complete(false); });
      co_await drained;
      stream->on_drained({});
      stream->on_closed({});
    }
    if (rows->size() < static_cast<std::size_t>(kExportBatch)) break;
  }
  if (!stream->closed()) stream->end();
}

}  // namespace windfall::http
