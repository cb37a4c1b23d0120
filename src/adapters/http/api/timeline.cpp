#include "adapters/http/api/timeline.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/render_lottery.hpp"

namespace windfall::http {

namespace {

/// Rows read at a time; few people have more.
constexpr int kHistoryBatch = 1000;

/// All pages of one of the lottery ledger's lists.
template <class Row, class Read>
Result<bool> read_all(LotteryLedger::Page page, std::vector<Row>& out, Read read) {
  page.limit = kHistoryBatch;
  for (bool more = true; more;) {
    Result<std::vector<Row>> rows = read(page);
    if (!rows) return tl::unexpected(rows.error());
    more = rows->size() == static_cast<std::size_t>(kHistoryBatch);
    if constexpr (requires(const Row& row) { row.draw.seq; }) {
      if (more) page.after = rows->back().draw.seq;
    } else {
      if (more) page.after = rows->back().seq;
    }
    std::ranges::move(*rows, std::back_inserter(out));
  }
  return true;
}

bool second_chance(const DrawRow& row) { return row.place.segment == WinPlace::kSecondChance; }

TimelineItem item_of(const TicketEntry& entry) {
  const bool adjusted = entry.cause == GrantCause::adjustment;
  TimelineItem item{.at = entry.at,
                    .type = adjusted ? "ADJUSTMENT" : "GRANT",
                    .promotion_id = entry.promotion_id,
                    .cause = entry.cause ? std::string(name_of(*entry.cause)) : std::string(),
                    .tickets = entry.tickets,
                    .detail = adjusted ? entry.reason : entry.other_user};
  return item;
}

TimelineItem item_of(const DrawRow& row, const PrizeName& prize_name) {
  std::string detail = row.prize ? "WIN" : "LOSE";
  if (row.prize) detail += ", " + prize_name(row.promotion_id, *row.prize);
  if (row.voided) detail += ", VOID";
  return {.at = row.at,
          .type = "DRAW",
          .promotion_id = row.promotion_id,
          .cause = second_chance(row) ? "SECOND_CHANCE" : "TICKET",
          .tickets = second_chance(row) ? 0 : -1,
          .detail = std::move(detail)};
}

/// In the words of the owner's own list.
const char* state_of(const CouponRow& row, Instant now) {
  if (row.draw.voided) return "VOID";
  if (row.used_at) return "USED";
  if (waits_for_code(row)) return "PENDING_CODE";
  return row.expires_at && now >= *row.expires_at ? "EXPIRED" : "ISSUED";
}

TimelineItem item_of(const CouponRow& row, Instant now, const PrizeName& prize_name) {
  return {
      .at = row.issued_at.value_or(row.draw.at),
      .type = "REWARD",
      .promotion_id = row.draw.promotion_id,
      .cause = "GIFTICON",
      .detail = std::string(state_of(row, now)) + ", " + prize_name(row.draw.promotion_id, row.draw.prize.value_or(0))};
}

TimelineItem item_of(const RewardRow& row) {
  const bool accrual = row.kind == EffectKind::accrual;
  // What was given up is FAILED wherever the API shows it.
  std::string detail = row.state == "DEAD" ? "FAILED" : row.state;
  if (accrual) detail += ", " + std::to_string(row.amount);
  if (!row.last_error.empty() && row.state != "DONE" && row.state != "VOID") detail += ", " + row.last_error;
  std::string cause;
  if (row.kind == EffectKind::notification_win) cause = "WIN";
  if (row.kind == EffectKind::notification_ticket_granted) cause = "TICKET_GRANTED";
  return {.at = row.at,
          .type = accrual ? "REWARD" : "NOTIFICATION",
          .promotion_id = row.promotion_id,
          .cause = std::move(cause),
          .detail = std::move(detail)};
}

/// Grants, revocations and draws in the order of decision, which time alone does not tell.
void append_tickets(std::vector<TimelineItem>& items, const History& history, const PrizeName& prize_name) {
  auto draw = history.draws.begin();
  for (const TicketEntry& entry : history.tickets) {
    for (; draw != history.draws.end() && draw->seq < entry.seq; ++draw) items.push_back(item_of(*draw, prize_name));
    if (entry.type != TicketEntry::Type::draw) items.push_back(item_of(entry));
  }
  for (; draw != history.draws.end(); ++draw) items.push_back(item_of(*draw, prize_name));
}

}  // namespace

bool concerns(const RefusalRow& row, std::string_view promotion_id) {
  return promotion_id.empty() || row.promotion_id == promotion_id;
}

bool waits_for_code(const CouponRow& row) { return !row.draw.voided && !row.used_at && !row.ordinal && !row.draw.test; }

Result<History> history_of(Ledger& ledger, LotteryLedger& lottery, UserRef user, std::optional<PartitionNo> partition) {
  History history;
  Ledger::ParticipationQuery wanted{.user = user, .partition = partition, .from = {}, .to = {}, .limit = kHistoryBatch};
  for (bool more = true; more;) {
    auto joins = ledger.participations(wanted);
    if (!joins) return tl::unexpected(joins.error());
    more = joins->size() == static_cast<std::size_t>(kHistoryBatch);
    if (more) wanted.after = joins->back().ordinal;
    std::ranges::move(*joins, std::back_inserter(history.joins));
  }
  const LotteryLedger::Page page{.user = user, .partition = partition};
  const auto draws = read_all(page, history.draws, [&](const auto& p) { return lottery.draws(p); });
  if (!draws) return tl::unexpected(draws.error());
  const auto tickets = read_all(page, history.tickets, [&](const auto& p) { return lottery.tickets(p); });
  if (!tickets) return tl::unexpected(tickets.error());
  // Of an erased person only what the rules need is left, without a name: nobody is told any more what it was. The
  // tickets tell too: they may be all there is, or a second chance is a draw without one. What they were refused since
  // is all that the ledger has of refusals.
  const auto nameless = [](const auto& row) { return row.user_id.empty(); };
  if (std::ranges::any_of(history.joins, nameless) || std::ranges::any_of(history.draws, nameless) ||
      std::ranges::any_of(history.tickets, nameless)) {
    auto since = ledger.refusals(user);
    if (!since) return tl::unexpected(since.error());
    History refused{.erased = true};
    refused.refusals = std::move(*since);
    return refused;
  }
  const auto coupons = read_all(page, history.coupons, [&](const auto& p) { return lottery.coupons(p); });
  if (!coupons) return tl::unexpected(coupons.error());
  auto rewards = ledger.rewards(user, partition);
  if (!rewards) return tl::unexpected(rewards.error());
  auto refusals = ledger.refusals(user);
  if (!refusals) return tl::unexpected(refusals.error());
  history.rewards = std::move(*rewards);
  history.refusals = std::move(*refusals);
  return history;
}

std::vector<TimelineItem> timeline_of(const History& history, std::string_view promotion_id,
                                      const PrizeName& prize_name, Instant now) {
  std::vector<TimelineItem> items;
  items.reserve(history.joins.size());
  for (const ParticipationRow& row : history.joins) {
    items.push_back({.at = row.at,
                     .type = "JOIN",
                     .promotion_id = row.promotion_id,
                     .detail = codec::to_text(row.day) + ", " + std::to_string(row.amount)});
  }
  append_tickets(items, history, prize_name);
  for (const CouponRow& row : history.coupons) items.push_back(item_of(row, now, prize_name));
  for (const RewardRow& row : history.rewards) items.push_back(item_of(row));
  for (const RefusalRow& row : history.refusals) {
    if (!concerns(row, promotion_id)) continue;
    items.push_back(
        {.at = row.at, .type = "REFUSED", .promotion_id = row.promotion_id, .cause = row.code, .detail = row.detail});
  }
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair{items[i].at, i}; });
  std::vector<TimelineItem> sorted;
  sorted.reserve(items.size());
  for (const std::size_t i : order) sorted.push_back(std::move(items[i]));
  return sorted;
}

std::vector<TimelineItem> without_others(std::vector<TimelineItem> items) {
  for (TimelineItem& item : items) {
    if (item.type == "GRANT") item.detail.clear();
  }
  return items;
}

TicketSum sum_of(const History& history) {
  TicketSum sum;
  for (const TicketEntry& entry : history.tickets) {
    if (entry.type == TicketEntry::Type::draw) continue;
    (entry.tickets > 0 ? sum.granted : sum.revoked) += entry.tickets > 0 ? entry.tickets : -entry.tickets;
  }
  sum.drawn = std::ranges::count_if(history.draws, [](const DrawRow& row) { return !second_chance(row); });
  return sum;
}

void append_items(std::string& out, const std::vector<TimelineItem>& items) {
  std::int64_t seq = 0;
  codec::append_json_array(out, items, [&](const TimelineItem& item) {
    codec::ObjectWriter line(out);
    line.integer("seq", ++seq)
        .instant("at", item.at)
        .text("type", item.type)
        .text("promotionId", std::string_view(item.promotion_id));
    if (!item.cause.empty()) line.text("cause", std::string_view(item.cause));
    line.integer("tickets", item.tickets).text("detail", std::string_view(item.detail)).close();
  });
}

}  // namespace windfall::http
