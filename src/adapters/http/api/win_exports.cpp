// Files for those who have to deal with winners: who won what, and whose prize the tax office wants to know of.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render.hpp"
#include "adapters/http/api/render_lottery.hpp"

namespace windfall::http {

namespace {

/// Rows of one look into the ledger; some 30 KiB of lines if every draw won.
constexpr int kExportBatch = 256;
/// Taxes are filed by years of Korea, which has no summer time.
constexpr std::int64_t kKoreaMs = std::int64_t{9} * 3'600'000;
constexpr std::int64_t kDayMs = std::int64_t{24} * 3'600'000;

std::string year_of(Instant at) {
  const std::int64_t there = at.ms + kKoreaMs;
  const std::int64_t day = (there / kDayMs) - (there % kDayMs < 0 ? 1 : 0);
  const std::string text = codec::to_text(LocalDay{static_cast<std::int32_t>(day)});
  return text.substr(0, text.find('-'));
}

bool is_year(std::string_view text) {
  constexpr std::size_t kDigits = 4;
  return text.size() == kDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Detached Api::export_winners(Call call) { return export_wins(std::move(call), false); }
Detached Api::export_taxable(Call call) { return export_wins(std::move(call), true); }

Detached Api::export_wins(Call call, bool only_taxable) {
  Query query(call.request->query);
  const std::optional<std::string> year = only_taxable ? query.text("year") : std::nullopt;
  if (year && !is_year(*year)) query.add_error("year", "네 자리 연도여야 합니다", "must be a year of four digits");
  if (wrong_query(call, query)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition || !definition->promotion.lottery) {
    send_problem(call, definition ? "NOT_JOINABLE" : "PROMOTION_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call, definition->partition)) co_return;
  const std::string name =
      (only_taxable ? "taxable-" : "winners-") + definition->promotion.id + (year ? "-" + *year : "");
  const std::shared_ptr<Stream> stream =
      call.responder.start_stream({.status = 200,
                                   .content_type = "text/csv; charset=utf-8",
                                   .headers = "Content-Disposition: attachment; filename=\"" + name + ".csv\"\r\n"});
  stream->write(std::string("drawId,promotionId,userId,kind,prizeId,prizeName,prizeKind,value,wonAt") +
                (only_taxable ? "\r\n" : ",taxable\r\n"));
  LotteryLedger::Page wanted{.user = {}, .partition = definition->partition, .after = 0, .limit = kExportBatch};
  while (!stream->closed()) {
    const auto rows = co_await parts_.ledger_reads.run([this, wanted] { return parts_.lottery.ledger.draws(wanted); });
    if (!rows) co_return;  // the stream is cut, so that the reader sees that something is missing
    std::string lines;
    for (const DrawRow& row : *rows) {
      wanted.after = row.seq;
      if (!row.prize || row.voided) continue;
      const Prize& prize = definition->promotion.lottery->prizes.at(*row.prize);
      const bool taxed = taxable(prize, row);
      if ((only_taxable && !taxed) || (year && year_of(row.at) != *year)) continue;
      codec::append_uuid(lines, parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence).event);
      lines += ',' + row.promotion_id + ',';
      append_csv_text(lines, row.user_id);
      lines += row.place.segment == WinPlace::kSecondChance ? ",SECOND_CHANCE," : ",TICKET,";
      append_csv_text(lines, prize.id);
      lines += ',';
      append_csv_text(lines, prize.name);
      lines += ',';
      lines += windfall::name_of(prize.kind);
      lines += ',' + std::to_string(prize.value) + ',' + codec::to_text(row.at);
      if (!only_taxable) lines += taxed ? ",true" : ",false";
      lines += "\r\n";
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
