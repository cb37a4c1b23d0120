// What operators watch: figures, their live stream, dead letters, jobs, audit.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "adapters/codec/dismissal.hpp"
#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/reconciliation.hpp"
#include "adapters/http/api/render.hpp"

namespace windfall::http {

/// Of one promotion.
struct Figures {
  PromotionView view;
  Refusals::Counts refusals;
  LedgerTotals totals;
  std::optional<LotteryFigures> lottery{};
};

struct WatchedFigures {
  Figures figures;
  std::string fingerprint;    ///< as sent, but for the time
  std::uint64_t version = 0;  ///< counts the changes
};

namespace {

/// A live stream looks for changes this often; all of them share one look.
constexpr std::int64_t kStreamMs = SharedLook::kKeptMs;
/// Seconds of silence after which a comment keeps proxies from closing the stream.
constexpr int kHeartbeatBeats = 15;
/// Dead letters redriven by one call; the rest follows with the next one.
constexpr int kRedriveBatch = 1000;

/// Points promised by joins, or points and values won; a TEST pays nobody.
Amount spent_in(const Figures& figures) {
  const Promotion& promotion = figures.view.definition->promotion;
  if (promotion.mode == Mode::test) return 0;
  if (!figures.lottery) return figures.view.spent;
  const LotterySpend spend = spend_of(promotion, figures.lottery->wins);
  return spend.points + spend.gifticons;
}

void append_stats(std::string& out, const Figures& figures, Instant at) {
  const PromotionView& view = figures.view;
  codec::ObjectWriter body(out);
  body.text("promotionId", std::string_view(view.definition->promotion.id))
      .instant("at", at)
      .text("status", std::string_view(name_of(view.status)))
      .integer("joins", view.join_count);
  codec::ObjectWriter refusals(body.name("refusals"));
  for (const auto& [code, count] : figures.refusals) refusals.integer(code, count);
  refusals.close();
  // A lottery has prizes instead of a stock.
  body.integer_or_null("leftJoinCount", figures.lottery ? std::nullopt : std::optional(view.left_join_count));
  if (view.left_today_count) {
    body.integer("leftTodayCount", *view.left_today_count);
  } else {
    body.null("leftTodayCount");
  }
  codec::ObjectWriter(body.name("accruals"))
      .integer("pending", figures.totals.accruals_pending)
      .integer("done", figures.totals.accruals_done)
      .integer("failed", figures.totals.accruals_failed)
      .close();
  body.integer("spend", spent_in(figures));
  if (figures.lottery) {
    append_lottery_stats(body.name("lottery"), view.definition->promotion, *figures.lottery);
  } else {
    body.null("lottery");
  }
  body.close();
}

std::optional<std::int64_t> integer_cursor(Query& query, std::string_view kind) {
  const std::optional<std::string> cursor = query.text("cursor");
  if (!cursor) return 0;
  const auto parts = read_cursor(kind, *cursor, 1);
  const auto place = parts ? parse_integer(parts->at(0)) : std::nullopt;
  if (!place || *place < 0) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
  return place;
}

/// Of a person who was erased meanwhile: there is nobody left to credit.
bool nameless(const DeadLetter& letter) { return letter.user_id.empty(); }

void append_next(std::string& out, bool more, std::string_view kind, std::int64_t last) {
  out += ",\"nextCursor\":";
  out += more ? '"' + make_cursor(kind, {std::to_string(last)}) + '"' : std::string("null");
  out += '}';
}

}  // namespace

Task<Result<std::optional<LotteryFigures>>> Api::lottery_figures(DefinitionPtr definition) {
  if (!definition->promotion.lottery) co_return std::nullopt;
  const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(definition);
  if (!tickets) co_return tl::unexpected(tickets.error());
  LotteryFigures figures{.tickets = *tickets, .ledger = {}, .wins = {}};
  const PartitionNo partition = definition->partition;
  const Result<bool> read = co_await parts_.ledger_reads.run([this, partition, &figures]() -> Result<bool> {
    Result<LotteryTotals> totals = parts_.lottery.ledger.lottery_totals(partition);
    if (!totals) return tl::unexpected(totals.error());
    Result<std::vector<DailyWins>> wins = parts_.lottery.ledger.wins_by_day(partition);
    if (!wins) return tl::unexpected(wins.error());
    figures.ledger = *totals;
    figures.wins = std::move(*wins);
    return true;
  });
  if (!read) co_return tl::unexpected(read.error());
  co_return figures;
}

Task<Result<std::optional<LotteryFigures>>> Api::watched_figures(DefinitionPtr definition) {
  if (!definition->promotion.lottery) co_return std::nullopt;
  const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(definition);
  if (!tickets) co_return tl::unexpected(tickets.error());
  Result<std::vector<DailyWins>> wins = co_await recent_wins_.of(definition->partition);
  if (!wins) co_return tl::unexpected(wins.error());
  co_return LotteryFigures{.tickets = *tickets, .ledger = {}, .wins = std::move(*wins)};
}

Detached Api::get_promotion_stats(Call call) {
  if (wrong_query(call)) co_return;
  const Result<std::optional<PromotionView>> view = co_await parts_.browse.one(call.parameter);
  if (!view) {
    send(call, failed(view.error(), call.language, call.request->path));
    co_return;
  }
  if (!*view) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const PartitionNo partition = (*view)->definition->partition;
  if (!co_await ledger_caught_up(&call, partition)) co_return;
  const auto totals = co_await parts_.ledger_reads.run([this, partition] { return parts_.ledger.totals(partition); });
  const DefinitionPtr definition = (*view)->definition;
  const auto lottery = co_await lottery_figures(definition);
  if (!totals || !lottery) {
    send(call, failed(totals ? lottery.error() : totals.error(), call.language, call.request->path));
    co_return;
  }
  Answer answer;
  append_stats(answer.body,
               {.view = **view,
                .refusals = parts_.refusals.counts(partition),
                .totals = totals->value_or(LedgerTotals{.partition = partition}),
                .lottery = *lottery},
               parts_.store.now(partition));
  send(call, std::move(answer));
}

Task<void> Api::look_at_figures() {
  std::vector<DefinitionPtr> all = parts_.store.all();
  const Result<std::vector<PromotionView>> views = co_await parts_.browse.views(std::move(all));
  const auto totals = co_await parts_.ledger_reads.run([this] { return parts_.ledger.totals(); });
  if (!views || !totals) co_return;  // with the next look
  for (const PromotionView& view : *views) {
    const PartitionNo partition = view.definition->partition;
    const DefinitionPtr definition = view.definition;
    const auto lottery = co_await watched_figures(definition);
    if (!lottery) continue;  // with the next look
    Figures figures{.view = view,
                    .refusals = parts_.refusals.counts(partition),
                    .totals = totals_of(*totals, partition),
                    .lottery = *lottery};
    std::string fingerprint;
    append_stats(fingerprint, figures, Instant{});
    std::shared_ptr<WatchedFigures>& watched = watched_[partition];
    if (!watched) watched = std::make_shared<WatchedFigures>();
    if (watched->fingerprint == fingerprint) continue;
    watched->fingerprint = std::move(fingerprint);
    watched->figures = std::move(figures);
    ++watched->version;
  }
}

Detached Api::stream_stats(Call call) {
  if (wrong_query(call)) co_return;
  const std::shared_ptr<Stream> stream =
      call.responder.start_stream({.content_type = "text/event-stream; charset=utf-8",
                                   .headers = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"});
  std::map<PartitionNo, std::uint64_t> sent;  // versions
  int silent = 0;
  stream->write("retry: 2000\n\n");
  // Who has just come may know of changes that the last look of the others did not see.
  co_await watching_.fresh();
  while (!stream->closed() && !stopping_) {
    std::string events;
    for (const auto& [partition, watched] : watched_) {
      std::uint64_t& version = sent[partition];
      if (version == watched->version) continue;
      version = watched->version;
      events += "event: stats\ndata: ";
      append_stats(events, watched->figures, parts_.store.now(partition));
      events += "\n\n";
    }
    silent = events.empty() ? silent + 1 : 0;
    if (silent >= kHeartbeatBeats) {
      events = ":\n\n";
      silent = 0;
    }
    // A reader too slow for its own stream gets the next figures instead of these.
    if (!events.empty() && !stream->closed()) stream->write(events);
    co_await sleep_for(parts_.timer, kStreamMs);
    if (!stream->closed() && !stopping_) co_await watching_.recent();
  }
  if (!stream->closed()) stream->end();
}

Detached Api::list_dead_letters(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultLimit);
  const std::int64_t after = integer_cursor(query, "dead").value_or(0);
  if (wrong_query(call, query)) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto letters =
      co_await parts_.ledger_reads.run([this, after, limit] { return parts_.effects.dead_letters(after, limit + 1); });
  if (!letters) {
    send(call, failed(letters.error(), call.language, call.request->path));
    co_return;
  }
  const std::size_t shown = std::min(letters->size(), static_cast<std::size_t>(limit));
  Answer answer;
  answer.body = "{\"items\":[";
  for (std::size_t i = 0; i < shown; ++i) {
    const DeadLetter& letter = (*letters)[i];
    if (i > 0) answer.body += ',';
    codec::ObjectWriter(answer.body)
        .integer("id", letter.id)
        .text("eventId", std::string_view(codec::to_uuid_text(letter.effect)))
        .text("kind", std::string_view(letter.kind))
        .text("userId", std::string_view(letter.user_id))
        .text("promotionId", std::string_view(letter.promotion_id))
        .integer("amount", letter.amount)
        .integer("tries", letter.tries)
        .text("lastError", std::string_view(letter.last_error))
        .instant("since", letter.since)
        .close();
  }
  answer.body += ']';
  append_next(answer.body, letters->size() > shown, "dead", shown == 0 ? 0 : (*letters)[shown - 1].id);
  send(call, std::move(answer));
}

Task<std::optional<DeadLetter>> Api::dead_letter_of(Call* call) {
  if (!co_await ledger_caught_up(call)) co_return std::nullopt;
  const std::optional<std::int64_t> id = parse_integer(call->parameter);
  if (!id) {
    send_problem(*call, "NOT_FOUND");
    co_return std::nullopt;
  }
  const auto found = co_await parts_.ledger_reads.run([this, id] { return parts_.effects.dead_letter(*id); });
  if (!found) {
    send(*call, failed(found.error(), call->language, call->request->path));
    co_return std::nullopt;
  }
  if (!*found) send_problem(*call, "NOT_FOUND");
  co_return *found;
}

Detached Api::redrive_dead_letters(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  std::int64_t redriven = 0;
  std::int64_t after = 0;
  while (true) {
    const auto letters =
        co_await parts_.ledger_reads.run([this, after] { return parts_.effects.dead_letters(after, kRedriveBatch); });
    if (!letters) {
      send(call, failed(letters.error(), call.language, call.request->path));
      co_return;
    }
    if (letters->empty()) break;
    std::vector<Event> events;
    for (const DeadLetter& letter : *letters) {
      if (nameless(letter)) continue;
      events.emplace_back(EffectSettled{
          .effect = letter.effect, .outcome = EffectSettled::Outcome::redriven, .detail = call.caller.key_id});
    }
    after = letters->back().id;
    if (events.empty()) continue;
    redriven += static_cast<std::int64_t>(events.size());
    events.emplace_back(
        Audited{.audit = audit_of(call, ""), .subject = std::to_string(events.size()) + " dead letters"});
    const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
    if (!recorded) {
      send(call, failed(recorded.error(), call.language, call.request->path));
      co_return;
    }
  }
  co_await parts_.hooks.caught_up(std::nullopt);
  parts_.hooks.effects_changed();
  Answer answer{.status = 202};
  codec::ObjectWriter(answer.body).integer("redriven", redriven).close();
  co_await send_kept(&call, std::move(answer));
}

Detached Api::redrive_dead_letter(Call call) {
  Query query(call.request->query);
  if (wrong_query(call, query)) co_return;
  if (co_await repeated(&call)) co_return;
  if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  const std::optional<DeadLetter> letter = co_await dead_letter_of(&call);
  if (!letter) co_return;
  if (nameless(*letter)) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  std::vector<Event> events;
  events.emplace_back(EffectSettled{
      .effect = letter->effect, .outcome = EffectSettled::Outcome::redriven, .detail = call.caller.key_id});
  events.emplace_back(Audited{.audit = audit_of(call, ""), .subject = "dead letter " + std::to_string(letter->id)});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) {
    send(call, failed(recorded.error(), call.language, call.request->path));
    co_return;
  }
  co_await parts_.hooks.caught_up(std::nullopt);
  parts_.hooks.effects_changed();
  Answer answer{.status = 202};
  codec::ObjectWriter(answer.body).integer("redriven", 1).close();
  co_await send_kept(&call, std::move(answer));
}

Detached Api::dismiss_dead_letter(Call call) {
  Query query(call.request->query);
  if (wrong_query(call, query)) co_return;
  if (co_await repeated(&call)) co_return;
  const std::optional<std::string> reason =
      read_body(call, [](codec::ObjectReader& reader) { return read_reason(reader); });
  if (!reason) co_return;
  const std::optional<DeadLetter> letter = co_await dead_letter_of(&call);
  if (!letter) co_return;
  // Whoever is still known can be paid: there the way is to mend the cause and to redrive.
  if (!nameless(*letter)) {
    send(call, invalid({{.pointer = "/id",
                         .detail_ko = "삭제된 사람의 것만 종결할 수 있습니다. 원인을 고친 뒤 다시 보내 주세요",
                         .detail_en = "is of a person who is known: mend the cause and redrive it"}},
                       call.language, call.request->path));
    co_return;
  }
  std::vector<Event> events;
  events.emplace_back(Audited{.audit = audit_of(call, *reason), .subject = codec::dismissal_subject(*letter)});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) {
    send(call, failed(recorded.error(), call.language, call.request->path));
    co_return;
  }
  co_await parts_.hooks.caught_up(std::nullopt);
  Answer answer;
  codec::ObjectWriter(answer.body)
      .integer("id", letter->id)
      .text("eventId", std::string_view(codec::to_uuid_text(letter->effect)))
      .boolean("dismissed", true)
      .close();
  co_await send_kept(&call, std::move(answer));
}

Detached Api::list_jobs(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultLimit);
  const std::int64_t after = integer_cursor(query, "jobs").value_or(0);
  if (wrong_query(call, query)) co_return;
  const std::vector<JobStatus> all = parts_.jobs.status();
  Answer answer;
  answer.body = "{\"items\":[";
  std::size_t i = static_cast<std::size_t>(after);
  const std::size_t until = std::min(all.size(), i + static_cast<std::size_t>(limit));
  for (bool first = true; i < until; ++i, first = false) {
    const JobStatus& job = all[i];
    if (!first) answer.body += ',';
    codec::ObjectWriter line(answer.body);
    line.text("name", std::string_view(job.name)).integer("intervalMs", job.interval_ms);
    if (job.runs == 0 && !job.running) {
      line.null("lastStartedAt");
    } else {
      line.instant("lastStartedAt", job.last_started);
    }
    line.integer("tookMs", job.took_ms)
        .text("result", std::string_view(job.result))
        .boolean("succeeded", job.succeeded)
        .boolean("running", job.running)
        .integer("nextInMs", job.next_in_ms)
        .integer("runs", job.runs)
        .integer("failures", job.failures)
        .close();
  }
  answer.body += ']';
  append_next(answer.body, until < all.size(), "jobs", static_cast<std::int64_t>(until));
  send(call, std::move(answer));
}

Detached Api::list_audit(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultLimit);
  const std::int64_t after = integer_cursor(query, "audit").value_or(0);
  if (wrong_query(call, query)) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  const auto rows =
      co_await parts_.ledger_reads.run([this, after, limit] { return parts_.ledger.audit(after, limit + 1); });
  if (!rows) {
    send(call, failed(rows.error(), call.language, call.request->path));
    co_return;
  }
  const std::size_t shown = std::min(rows->size(), static_cast<std::size_t>(limit));
  Answer answer;
  answer.body = "{\"items\":[";
  for (std::size_t i = 0; i < shown; ++i) {
    const AuditRow& row = (*rows)[i];
    if (i > 0) answer.body += ',';
    codec::ObjectWriter line(answer.body);
    line.integer("seq", row.seq)
        .instant("at", row.at)
        .text("actor", std::string_view(row.actor))
        .text("action", std::string_view(row.action))
        .text("subject", std::string_view(row.subject));
    // Definitions stand in the ledger as JSON and are shown as such.
    line.name("before") += row.before.empty() ? "null" : row.before;
    line.name("after") += row.after.empty() ? "null" : row.after;
    line.text("reason", std::string_view(row.reason)).text("chain", std::string_view(row.chain)).close();
  }
  answer.body += ']';
  append_next(answer.body, rows->size() > shown, "audit", shown == 0 ? 0 : (*rows)[shown - 1].seq);
  send(call, std::move(answer));
}

}  // namespace windfall::http
