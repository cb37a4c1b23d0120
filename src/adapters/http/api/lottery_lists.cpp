// What the ledger knows of lotteries: a participant's tickets and draws, and the winners that everyone may see.
#include <algorithm>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/http/api/body.hpp"
#include "adapters/http/api/render_lottery.hpp"
#include "application/on_request/look_for.hpp"

namespace windfall::http {

namespace {

/// The latest ones are what most pages show.
constexpr int kDefaultWinners = 20;

}  // namespace

Task<std::optional<LotteryLedger::Page>> Api::page_of_mine(Call* call, std::string_view kind, int* limit) {
  Query query(call->request->query);
  LotteryLedger::Page page{.user = call->caller.user, .partition = {}};
  const std::optional<std::string> promotion = query.identifier("promotionId");
  *limit = query.limit(kDefaultLimit);
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor(kind, *cursor, 1);
    const auto after = parts ? parse_integer(parts->at(0)) : std::nullopt;
    if (!after) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    page.after = after.value_or(0);
  }
  if (wrong_query(*call, query)) co_return std::nullopt;
  if (promotion) {
    auto asking = cannot_tell(call, *promotion);
    if (co_await asking) co_return std::nullopt;
    const DefinitionPtr definition = parts_.store.find(*promotion);
    // An unknown promotion has nothing of anyone's; its number is one that no promotion has.
    page.partition = definition ? definition->partition : parts_.store.next_partition();
  }
  page.limit = *limit + 1;  // one more tells whether there is a next page
  co_return page;
}

template <class Row, class Render>
void Api::send_page(Call& call, std::string_view kind, int limit, const std::vector<Row>& rows, Render render) {
  Answer answer;
  answer.body = "{\"items\":[";
  const std::size_t shown = std::min(rows.size(), static_cast<std::size_t>(limit));
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) answer.body += ',';
    render(answer.body, rows[i]);
  }
  answer.body += "],\"nextCursor\":";
  answer.body +=
      rows.size() > shown ? '"' + make_cursor(kind, {std::to_string(rows[shown - 1].seq)}) + '"' : std::string("null");
  answer.body += '}';
  send(call, std::move(answer));
}

Task<bool> Api::knows_prizes(Call* call, const std::vector<DrawRow>* rows) {
  for (const DrawRow& row : *rows) {
    if (!row.prize || parts_.store.find(row.promotion_id)) continue;
    auto asking = definition_of(parts_.store, row.promotion_id);
    const Result<DefinitionPtr> definition = co_await asking;
    if (definition) continue;
    send(*call, failed(definition.error(), call->language, call->request->path));
    co_return false;
  }
  co_return true;
}

void Api::render_draw(std::string& out, const DrawRow& row) { begin_draw(out, row).close(); }

codec::ObjectWriter Api::begin_draw(std::string& out, const DrawRow& row) {
  codec::ObjectWriter writer(out);
  writer.uuid("drawId", parts_.store.event_ids(row.promotion_id, row.epoch, row.sequence).event)
      .text("promotionId", row.promotion_id)
      .text("kind", row.place.segment == WinPlace::kSecondChance ? "SECOND_CHANCE" : "TICKET")
      .text("outcome", row.prize ? "WIN" : "LOSE");
  const DefinitionPtr definition = parts_.store.find(row.promotion_id);
  if (row.prize && definition && definition->promotion.lottery) {
    render_prize(writer.name("prize"), definition->promotion.lottery->prizes.at(*row.prize));
  }
  writer.instant("drawnAt", row.at);
  if (row.voided) writer.boolean("voided", true);
  return writer;
}

Detached Api::list_my_tickets(Call call) {
  int limit = 0;
  auto asking = page_of_mine(&call, "tickets", &limit);
  const std::optional<LotteryLedger::Page> page = co_await asking;
  if (!page || !co_await ledger_caught_up(&call, page->partition)) co_return;
  const auto rows = co_await parts_.ledger_reads.run([this, page] { return parts_.lottery.ledger.tickets(*page); });
  if (!rows) {
    send(call, failed(rows.error(), call.language, call.request->path));
    co_return;
  }
  send_page(call, "tickets", limit, *rows, render_entry);
}

Detached Api::list_my_draws(Call call) {
  int limit = 0;
  auto asking = page_of_mine(&call, "draws", &limit);
  const std::optional<LotteryLedger::Page> page = co_await asking;
  if (!page || !co_await ledger_caught_up(&call, page->partition)) co_return;
  const auto rows = co_await parts_.ledger_reads.run([this, page] { return parts_.lottery.ledger.draws(*page); });
  if (!rows) {
    send(call, failed(rows.error(), call.language, call.request->path));
    co_return;
  }
  auto knowing = knows_prizes(&call, &*rows);
  if (!co_await knowing) co_return;
  send_page(call, "draws", limit, *rows, [this](std::string& out, const DrawRow& row) { render_draw(out, row); });
}

Detached Api::list_winners(Call call) {
  Query query(call.request->query);
  const int limit = query.limit(kDefaultWinners);
  LotteryLedger::LatestPage page;
  if (const std::optional<std::string> cursor = query.text("cursor")) {
    const auto parts = read_cursor("winners", *cursor, 1);
    const auto before = parts ? parse_integer(parts->at(0)) : std::nullopt;
    if (!before) query.add_error("cursor", "이 목록의 커서가 아닙니다", "is not a cursor of this list");
    page.before = before.value_or(0);
  }
  if (wrong_query(call, query)) co_return;
  const DefinitionPtr definition = parts_.store.find(call.parameter);
  if (!definition || !known_to_participants(definition->promotion)) {
    send_problem(call, "PROMOTION_NOT_FOUND");
    co_return;
  }
  if (!definition->promotion.lottery) {
    send_problem(call, "NOT_JOINABLE");
    co_return;
  }
  if (!co_await ledger_caught_up(&call, definition->partition)) co_return;
  page.partition = definition->partition;
  page.limit = limit + 1;  // one more tells whether there is a next page
  const auto rows = co_await parts_.ledger_reads.run([this, page] { return parts_.lottery.ledger.winners(page); });
  if (!rows) {
    send(call, failed(rows.error(), call.language, call.request->path));
    co_return;
  }
  send_page(call, "winners", limit, *rows, [&definition](std::string& out, const DrawRow& row) {
    const Prize& prize = definition->promotion.lottery->prizes.at(row.prize.value_or(0));
    codec::ObjectWriter(out)
        .text("userId", masked(row.user_id))
        .text("prizeId", prize.id)
        .text("name", prize.name)
        .instant("wonAt", row.at)
        .close();
  });
}

}  // namespace windfall::http
