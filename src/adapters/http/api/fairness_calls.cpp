// The fairness export of a finished lottery: what anyone needs to draw again.
#include <algorithm>
#include <span>
#include <utility>

#include "adapters/http/api/api.hpp"
#include "adapters/http/api/render.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::http {

namespace {

/// Rows read and written at once: half a megabyte of lines.
constexpr int kExportRows = 5000;
/// Segments looked at in one call: a year has up to half a million.
constexpr std::size_t kSegmentsAtOnce = 4096;

}  // namespace

Task<Result<codec::FinishedLottery>> Api::finished_lottery(DefinitionPtr definition) {
  const PartitionNo partition = definition->partition;
  const Result<Outcomes*> outcomes = parts_.lottery.book.outcomes(*definition);
  if (!outcomes) co_return tl::unexpected(outcomes.error());
  codec::FinishedLottery lottery{.promotion = &definition->promotion, .seed = (*outcomes)->seed(), .segments = {}};
  using Read = std::pair<std::vector<SegmentRow>, std::size_t>;
  const std::int64_t allowed = definition->promotion.lottery->max_wins_per_user;
  LotteryLedger* ledger = &parts_.lottery.ledger;
  const Result<Read> read = co_await parts_.ledger_reads.run([ledger, partition, allowed]() -> Result<Read> {
    Result<std::vector<SegmentRow>> segments = ledger->segments(partition);
    if (!segments) return tl::unexpected(segments.error());
    const Result<std::vector<UserRef>> pool = ledger->second_chance_pool(partition, allowed);
    if (!pool) return tl::unexpected(pool.error());
    return Read{std::move(*segments), pool->size()};
  });
  if (!read) co_return tl::unexpected(read.error());
  lottery.pool = read->second;
  std::vector<Look> closed{keys::closed(partition)};
  const Result<std::vector<std::int64_t>> stage = co_await parts_.store.read(std::move(closed), Freshness::durable);
  if (!stage) co_return tl::unexpected(stage.error());
  lottery.second_chance = stage->front() == kClosedSecondChance;
  std::span<const SegmentRow> rows(read->first);
  while (!rows.empty()) {
    const std::span<const SegmentRow> some = rows.first(std::min(rows.size(), kSegmentsAtOnce));
    std::vector<Look> looks;
    for (const SegmentRow& row : some) {
      looks.emplace_back(keys::serials(partition, row.segment));
      looks.emplace_back(keys::paused_in(partition, row.segment));
    }
    const Result<std::vector<std::int64_t>> values = co_await parts_.store.read(std::move(looks), Freshness::durable);
    if (!values) co_return tl::unexpected(values.error());
    for (std::size_t i = 0; i < some.size(); ++i) {
      SegmentRow row = some[i];
      // By what the decks were made of: older programs' ledgers miss a pause that began before its segment was opened.
      row.paused = (*values)[2 * i + 1] != 0;
      lottery.segments.push_back({.row = row, .draws = (*values)[2 * i]});
    }
    rows = rows.subspan(some.size());
  }
  co_return lottery;
}

Detached Api::export_fairness(Call call) {
  if (wrong_query(call)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition || !known_to_participants(definition->promotion)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  const PartitionNo partition = definition->partition;
  std::vector<Look> looks{keys::closed(partition), keys::second_stage(partition)};
  const Result<std::vector<std::int64_t>> stage = co_await parts_.store.read(std::move(looks), Freshness::durable);
  if (!stage) {
    send(call, failed(stage.error(), call.language, call.request->path));
    co_return;
  }
  const bool over = stage->front() == kClosedForGood || stage->back() == kSecondOver;
  if (!definition->promotion.lottery || !over) {
    send_problem(call, "NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call, partition)) co_return;
  Result<codec::FinishedLottery> lottery = co_await finished_lottery(definition);
  if (!lottery) {
    send(call, failed(lottery.error(), call.language, call.request->path));
    co_return;
  }
  const std::shared_ptr<Stream> stream = call.responder.start_stream(
      {.status = 200,
       .content_type = "application/x-ndjson; charset=utf-8",
       .headers = "Content-Disposition: attachment; filename=\"fairness-" + call.parameter + ".ndjson\"\r\n"});
  codec::FairnessExport lines(std::move(*lottery));
  LotteryLedger::Page page{.user = {}, .partition = partition, .after = 0, .limit = kExportRows};
  std::string out;
  lines.begin(out);
  bool more = true;
  while (more && !stream->closed()) {
    // Pseudonyms are hashes: too much for the loop's thread.
    const Result<std::size_t> told =
        co_await parts_.ledger_reads.run([this, &lines, &page, &out]() -> Result<std::size_t> {
          const Result<std::vector<DrawRow>> rows = parts_.lottery.ledger.draws(page);
          if (!rows) return tl::unexpected(rows.error());
          for (const DrawRow& row : *rows) lines.row(out, row);
          if (!rows->empty()) page.after = rows->back().seq;
          return rows->size();
        });
    if (!told) co_return;  // the stream is cut, so that the reader sees that something is missing
    more = *told == static_cast<std::size_t>(kExportRows);
    if (!more) lines.finish(out);
    if (!stream->write(out) && !stream->closed()) {
      Completion<bool> drained;
      stream->on_drained([&drained] { drained.complete(true); });
      stream->on_closed([&drained] { drained.complete(false); });
      co_await drained;
      stream->on_drained({});
      stream->on_closed({});
    }
    out.clear();
  }
  if (!stream->closed()) stream->end();
}

}  // namespace windfall::http
