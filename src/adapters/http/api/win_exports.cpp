// Files for those who have to deal with winners: who won what, and whose prize the tax office wants to know of.
#include <utility>

#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render.hpp"

namespace windfall::http {

namespace {

/// Rows of one look into the ledger; some 30 KiB of lines if every draw won.
constexpr int kExportBatch = 256;
/// The Income Tax Act frees prizes of up to 50,000 KRW (article 84).
constexpr std::int64_t kTaxFree = 50'000;

}  // namespace

Detached Api::export_winners(Call call) { return export_wins(std::move(call), "winners", -1); }
Detached Api::export_taxable(Call call) { return export_wins(std::move(call), "taxable", kTaxFree); }

Detached Api::export_wins(Call call, std::string_view name, std::int64_t value_over) {
  if (wrong_query(call)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition || !definition->promotion.lottery) {
    send_problem(call, definition ? "NOT_JOINABLE" : "PROMOTION_NOT_FOUND");
    co_return;
  }
  if (!co_await ledger_caught_up(&call, definition->partition)) co_return;
  const std::shared_ptr<Stream> stream =
      call.responder.start_stream({.status = 200,
                                   .content_type = "text/csv; charset=utf-8",
                                   .headers = "Content-Disposition: attachment; filename=\"" + std::string(name) + '-' +
                                              definition->promotion.id + ".csv\"\r\n"});
  stream->write("drawId,promotionId,userId,kind,prizeId,prizeName,prizeKind,value,wonAt\r\n");
  LotteryLedger::Page wanted{.user = {}, .partition = definition->partition, .after = 0, .limit = kExportBatch};
  while (!stream->closed()) {
    const auto rows = co_await parts_.ledger_reads.run([this, wanted] { return parts_.lottery.ledger.draws(wanted); });
    if (!rows) co_return;  // the stream is cut, so that the reader sees that something is missing
    std::string lines;
    for (const DrawRow& row : *rows) {
      wanted.after = row.seq;
      if (!row.prize || row.voided) continue;
      const Prize& prize = definition->promotion.lottery->prizes.at(*row.prize);
      // Nobody gets anything of a test: nothing of it is taxed.
      if (prize.value <= value_over || (value_over >= 0 && row.test)) continue;
      lines += parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence).event + ',' + row.promotion_id + ',';
      append_csv_text(lines, row.user_id);
      lines += row.place.segment == WinPlace::kSecondChance ? ",SECOND_CHANCE," : ",TICKET,";
      append_csv_text(lines, prize.id);
      lines += ',';
      append_csv_text(lines, prize.name);
      lines += ',';
      lines += windfall::name_of(prize.kind);
      lines += ',' + std::to_string(prize.value) + ',' + codec::to_text(row.at) + "\r\n";
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
