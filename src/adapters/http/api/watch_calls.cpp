// What operators watch: figures, their live stream, dead letters, reconciliation, jobs, audit.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render.hpp"

namespace windfall::http {

namespace {

/// The live stream looks for changes this often.
constexpr std::int64_t kStreamMs = 1000;
/// Seconds of silence after which a comment keeps proxies from closing the stream.
constexpr int kHeartbeatBeats = 15;
/// Dead letters redriven by one call; the rest follows with the next one.
constexpr int kRedriveBatch = 1000;

struct Figures {
  PromotionView view;
  Refusals::Counts refusals;
  LedgerTotals totals;
  std::optional<LotteryFigures> lottery{};
};

/// Points promised by joins, or points and values won.
Amount spent_in(const Figures& figures) {
  if (!figures.lottery) return figures.view.spent;
  const LotterySpend spend = spend_of(*figures.view.definition->promotion.lottery, figures.lottery->wins);
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

/// One promotion in three books, and where they disagree.
struct Comparison {
  PromotionView before;
  PromotionView after;
  LedgerTotals ledger;
  /// Of a lottery: by the hot state before and after the ledger was asked, and by the ledger.
  std::optional<ShowTickets::Totals> tickets_before{};
  std::optional<ShowTickets::Totals> tickets_after{};
  LotteryTotals lottery{};
};

std::int64_t granted_by(const std::array<std::int64_t, kGrantCauses>& causes) {
  return std::accumulate(causes.begin(), causes.end(), std::int64_t{0});
}

struct Difference {
  std::string promotion_id;
  const char* kind;
  std::int64_t expected;
  std::int64_t found;
};

std::vector<Difference> differences_of(const Comparison& c) {
  std::vector<Difference> differences;
  const std::string& promotion_id = c.before.definition->promotion.id;
  const auto check = [&](const char* kind, std::int64_t low, std::int64_t high, std::int64_t found) {
    // Joins go on while the books are read: anything between the two looks at the hot state is right.
    if (found >= low && found <= high) return;
    differences.push_back({.promotion_id = promotion_id, .kind = kind, .expected = high, .found = found});
  };
  check("JOINS", c.before.join_count, c.after.join_count, c.ledger.participations);
  check("SPEND", c.before.spent, c.after.spent, c.ledger.spent);
  // The ledger counts what needs no accrual (TEST, nothing to pay) as done.
  const std::int64_t accruals = c.ledger.accruals_pending + c.ledger.accruals_done + c.ledger.accruals_failed;
  check("ACCRUALS", c.ledger.participations + c.lottery.accruals, c.ledger.participations + c.lottery.accruals,
        accruals);
  if (c.tickets_before && c.tickets_after) {
    const ShowTickets::Totals& low = *c.tickets_before;
    const ShowTickets::Totals& high = *c.tickets_after;
    check("TICKETS_GRANTED", granted_by(low.granted), granted_by(high.granted), granted_by(c.lottery.granted));
    check("TICKETS_REVOKED", low.revoked, high.revoked, c.lottery.revoked);
    check("DRAWS", low.drawn, high.drawn, c.lottery.drawn);
    check("SECOND_CHANCE", low.second_chance, high.second_chance, c.lottery.second_chance);
    check("VOIDED", low.voided, high.voided, c.lottery.voided);
  }
  return differences;
}

void append_differences(std::string& out, const std::vector<Difference>& differences) {
  codec::append_json_array(out, differences, [&](const Difference& d) {
    codec::ObjectWriter(out)
        .text("promotionId", std::string_view(d.promotion_id))
        .text("kind", std::string_view(d.kind))
        .integer("expected", d.expected)
        .integer("found", d.found)
        .close();
  });
}

LedgerTotals totals_of(const std::vector<LedgerTotals>& all, PartitionNo partition) {
  const auto found = std::ranges::find(all, partition, &LedgerTotals::partition);
  return found == all.end() ? LedgerTotals{.partition = partition} : *found;
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

Detached Api::stream_stats(Call call) {
  if (wrong_query(call)) co_return;
  const std::shared_ptr<Stream> stream =
      call.responder.start_stream({.content_type = "text/event-stream; charset=utf-8",
                                   .headers = "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"});
  std::map<PartitionNo, std::string> last;
  int silent = 0;
  stream->write("retry: 2000\n\n");
  while (!stream->closed() && !stopping_) {
    std::vector<DefinitionPtr> all = parts_.store.all();
    const Result<std::vector<PromotionView>> views = co_await parts_.browse.views(std::move(all));
    const auto totals = co_await parts_.ledger_reads.run([this] { return parts_.ledger.totals(); });
    std::string events;
    if (views && totals) {
      for (const PromotionView& view : *views) {
        const PartitionNo partition = view.definition->partition;
        const DefinitionPtr definition = view.definition;
        const auto lottery = co_await watched_figures(definition);
        if (!lottery) continue;  // with the next look
        const Figures figures{.view = view,
                              .refusals = parts_.refusals.counts(partition),
                              .totals = totals_of(*totals, partition),
                              .lottery = *lottery};
        // Compared without the time, sent with it.
        std::string fingerprint;
        append_stats(fingerprint, figures, Instant{});
        if (last[partition] == fingerprint) continue;
        last[partition] = std::move(fingerprint);
        events += "event: stats\ndata: ";
        append_stats(events, figures, parts_.store.now(partition));
        events += "\n\n";
      }
    }
    silent = events.empty() ? silent + 1 : 0;
    if (silent >= kHeartbeatBeats) {
      events = ":\n\n";
      silent = 0;
    }
    // A reader too slow for its own stream gets the next figures instead of these.
    if (!events.empty() && !stream->closed()) stream->write(events);
    co_await sleep_for(parts_.timer, kStreamMs);
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
  const std::optional<std::int64_t> id = parse_integer(call.parameter);
  if (wrong_query(call, query)) co_return;
  if (co_await repeated(&call)) co_return;
  if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  if (!co_await ledger_caught_up(&call)) co_return;
  std::optional<DeadLetter> letter;
  if (id) {
    const auto found = co_await parts_.ledger_reads.run([this, id] { return parts_.effects.dead_letter(*id); });
    if (!found) {
      send(call, failed(found.error(), call.language, call.request->path));
      co_return;
    }
    letter = *found;
  }
  if (!letter || nameless(*letter)) {
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

Task<bool> Api::compare_books(Call* call, std::vector<DefinitionPtr> promotions, std::string* out) {
  std::vector<DefinitionPtr> again = promotions;
  const std::vector<DefinitionPtr> lotteries = promotions;
  const auto before = co_await parts_.browse.views(std::move(promotions));
  std::map<PartitionNo, ShowTickets::Totals> tickets_before;
  for (const DefinitionPtr& definition : lotteries) {
    if (!definition->promotion.lottery) continue;
    const DefinitionPtr one = definition;
    const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(one);
    if (tickets) tickets_before[one->partition] = *tickets;
  }
  std::optional<PartitionNo> only;
  if (lotteries.size() == 1) only = lotteries.front()->partition;
  if (!co_await ledger_caught_up(call, only)) co_return false;
  const auto totals = co_await parts_.ledger_reads.run([this] { return parts_.ledger.totals(); });
  std::map<PartitionNo, LotteryFigures> figures_after;
  for (const DefinitionPtr& definition : lotteries) {
    const DefinitionPtr one = definition;
    const auto figures = co_await lottery_figures(one);
    if (!figures || (one->promotion.lottery && !tickets_before.contains(one->partition))) {
      send(*call, later("OVERLOADED", 1, call->language, call->request->path));
      co_return false;
    }
    if (!*figures) continue;
    // Again, since people went on drawing while the ledger was asked.
    const Result<ShowTickets::Totals> tickets = co_await parts_.lottery.show.totals(one);
    LotteryFigures later_figures = **figures;
    if (tickets) later_figures.tickets = *tickets;
    figures_after[one->partition] = std::move(later_figures);
  }
  const auto after = co_await parts_.browse.views(std::move(again));
  if (!before || !totals || !after) {
    send(*call, later("OVERLOADED", 1, call->language, call->request->path));
    co_return false;
  }
  std::vector<Difference> differences;
  codec::ObjectWriter body(*out);
  body.instant("checkedAt", parts_.clock.now());
  std::vector<std::size_t> indexes(before->size());
  for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;
  codec::append_json_array(body.name("promotions"), indexes, [&](std::size_t i) {
    const PartitionNo partition = (*before)[i].definition->partition;
    Comparison c{.before = (*before)[i], .after = (*after)[i], .ledger = totals_of(*totals, partition)};
    if (const auto found = figures_after.find(partition); found != figures_after.end()) {
      c.tickets_before = tickets_before[partition];
      c.tickets_after = found->second.tickets;
      c.lottery = found->second.ledger;
    }
    const std::vector<Difference> found = differences_of(c);
    differences.insert(differences.end(), found.begin(), found.end());
    codec::ObjectWriter line(*out);
    line.text("promotionId", std::string_view(c.before.definition->promotion.id));
    codec::ObjectWriter(line.name("joins"))
        .integer("hotState", c.after.join_count)
        .integer("ledger", c.ledger.participations)
        .close();
    codec::ObjectWriter(line.name("spend"))
        .integer("hotState", c.after.spent)
        .integer("ledger", c.ledger.spent)
        .close();
    codec::ObjectWriter(line.name("accruals"))
        .integer("pending", c.ledger.accruals_pending)
        .integer("done", c.ledger.accruals_done)
        .integer("failed", c.ledger.accruals_failed)
        .close();
    if (c.tickets_after) {
      const ShowTickets::Totals& hot = *c.tickets_after;
      codec::ObjectWriter(line.name("tickets"))
          .integer("hotState", granted_by(hot.granted) - hot.drawn - hot.revoked)
          .integer("ledger", granted_by(c.lottery.granted) - c.lottery.drawn - c.lottery.revoked)
          .close();
      codec::ObjectWriter(line.name("draws")).integer("hotState", hot.drawn).integer("ledger", c.lottery.drawn).close();
    }
    line.close();
  });
  append_differences(body.name("differences"), differences);
  body.close();
  co_return true;
}

Detached Api::get_reconciliation(Call call) {
  Query query(call.request->query);
  const std::optional<std::string> promotion_id = query.identifier("promotionId");
  if (wrong_query(call, query)) co_return;
  std::vector<DefinitionPtr> promotions = parts_.store.all();
  if (promotion_id) {
    std::erase_if(promotions, [&](const DefinitionPtr& d) { return d->promotion.id != *promotion_id; });
    if (promotions.empty()) {
      send_problem(call, "PROMOTION_NOT_FOUND");
      co_return;
    }
  }
  Answer answer;
  if (co_await compare_books(&call, std::move(promotions), &answer.body)) send(call, std::move(answer));
}

Detached Api::repair_reconciliation(Call call) {
  if (wrong_query(call)) co_return;
  if (co_await repeated(&call)) co_return;
  if (!read_body(call, [](codec::ObjectReader&) { return true; })) co_return;
  // The documents that the 30 s sync writes are made anew from the hot state, which is the fold of the log. Rows are
  // made by the projection alone: a ledger that differs in rows is rebuilt from the journal by moving its file away and
  // starting again.
  const Result<std::string> synced = co_await parts_.hooks.sync_ledger();
  if (!synced) {
    send(call, failed(synced.error(), call.language, call.request->path));
    co_return;
  }
  std::vector<Event> events;
  events.emplace_back(Audited{.audit = audit_of(call, ""), .subject = "ledger documents"});
  const Result<bool> recorded = co_await parts_.manage.record(std::move(events), std::nullopt, Identity{});
  if (!recorded) {
    send(call, failed(recorded.error(), call.language, call.request->path));
    co_return;
  }
  std::vector<DefinitionPtr> promotions = parts_.store.all();
  Answer answer;
  codec::ObjectWriter body(answer.body);
  body.integer("repaired", static_cast<std::int64_t>(promotions.size()));
  if (!co_await compare_books(&call, std::move(promotions), &body.name("reconciliation"))) co_return;
  body.close();
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
