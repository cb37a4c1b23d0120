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

/// In the words of the owner's own list; a TEST coupon never waits for a code.
const char* state_of(const CouponRow& row, Instant now) {
  if (row.draw.voided) return "VOID";
  if (row.used_at) return "USED";
  if (!row.ordinal && !row.draw.test) return "PENDING_CODE";
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
  std::string detail = row.state;
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

/// "visit 1, …" for each cause that gave any.
struct Causes {
  std::array<std::int64_t, kGrantCauses> tickets{};
  [[nodiscard]] std::string named(const std::array<const char*, kGrantCauses>& names, std::string_view unit) const {
    std::string text;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      if (tickets.at(i) == 0) continue;
      if (!text.empty()) text += ", ";
      text += std::string(names.at(i)) + " " + std::to_string(tickets.at(i)) + std::string(unit);
    }
    return text;
  }
};

std::string tickets_en(std::int64_t count) { return std::to_string(count) + (count == 1 ? " ticket" : " tickets"); }

void tell_tickets(Told& out, const History& history, const Telling& telling) {
  const TicketSum sum = sum_of(history);
  if (telling.provisional && telling.blocked) {
    out.ko += "응모권 " + std::to_string(*telling.provisional) +
              "장은 잠정적으로 표시될 뿐이며, 참여가 제한된 사용자이므로 지급되지 않습니다. ";
    out.en += tickets_en(*telling.provisional) + (*telling.provisional == 1 ? " is" : " are") +
              " shown provisionally and will not be granted: you are on the block list. ";
    return;
  }
  if (telling.provisional) {
    out.ko += "응모권 " + std::to_string(*telling.provisional) +
              "장은 아직 처리 중이라 잠정적으로 표시되며, 지급이 끝나면 추첨에 쓸 수 있습니다. ";
    out.en += tickets_en(*telling.provisional) + (*telling.provisional == 1 ? " is" : " are") +
              " still being processed: shown provisionally, and ready to be drawn as soon as the grant is done. ";
    return;
  }
  Causes causes;
  for (const TicketEntry& entry : history.tickets) {
    if (entry.type == TicketEntry::Type::grant && entry.cause) {
      causes.tickets.at(static_cast<std::size_t>(*entry.cause)) += entry.tickets;
    }
  }
  out.ko += "지금 응모권 " + std::to_string(sum.held()) + "장을 가지고 계십니다. ";
  out.en += "You hold " + tickets_en(sum.held()) + ". ";
  if (sum.granted == 0) {
    out.ko += "지금까지 지급된 응모권은 없습니다. ";
    out.en += "None has been granted so far. ";
    return;
  }
  out.ko += "지금까지 " + std::to_string(sum.granted) + "장이 지급되었고(" +
            causes.named({"첫 방문", "친구 초대", "초대 링크 열람", "고객센터 조정"}, "장") + "), " +
            std::to_string(sum.drawn) + "장을 추첨에 쓰셨습니다. ";
  out.en += "So far " + std::to_string(sum.granted) + " were granted (" +
            causes.named({"first visit", "inviting friends", "opening an invite", "adjusted by customer service"}, "") +
            ") and " + std::to_string(sum.drawn) + " drawn. ";
  if (sum.revoked > 0) {
    out.ko += std::to_string(sum.revoked) + "장은 회수되었습니다. ";
    out.en += std::to_string(sum.revoked) + " were taken back. ";
  }
  const auto wins = std::ranges::count_if(history.draws, [](const DrawRow& row) { return row.prize && !row.voided; });
  if (!history.draws.empty()) {
    out.ko += wins == 0 ? "당첨된 경품은 없습니다. " : "당첨은 " + std::to_string(wins) + "건입니다. ";
    out.en += wins == 0 ? "No prize was won. "
                        : std::to_string(wins) + (wins == 1 ? " prize was won. " : " prizes were won. ");
  }
}

void tell_rewards(Told& out, const History& history) {
  std::int64_t done = 0;
  std::int64_t waiting = 0;
  std::int64_t dead = 0;
  Amount paid = 0;
  for (const RewardRow& row : history.rewards) {
    if (row.kind != EffectKind::accrual || row.state == "VOID") continue;
    if (row.state == "DONE") {
      ++done;
      paid += row.amount;
    } else if (row.state == "DEAD") {
      ++dead;
    } else {
      ++waiting;
    }
  }
  out.ko += "적립 " + std::to_string(done) + "건(" + std::to_string(paid) + "포인트)이 완료되었습니다. ";
  out.en += std::to_string(done) + (done == 1 ? " accrual is" : " accruals are") + " done (" + std::to_string(paid) +
            " points). ";
  if (waiting > 0) {
    out.ko += "처리 중인 적립이 " + std::to_string(waiting) + "건 있습니다. ";
    out.en += std::to_string(waiting) + (waiting == 1 ? " is on its way. " : " are on their way. ");
  }
  if (dead > 0) {
    out.ko += "적립 " + std::to_string(dead) + "건은 여러 번 실패하여 담당자의 확인이 필요합니다. ";
    out.en += std::to_string(dead) + (dead == 1 ? " accrual has" : " accruals have") +
              " failed repeatedly and an operator has to look into it. ";
  }
}

bool concerns(const RefusalRow& row, std::string_view promotion_id) {
  return promotion_id.empty() || row.promotion_id == promotion_id;
}

void tell_refusal(Told& out, const History& history, std::string_view promotion_id) {
  const RefusalRow* last = nullptr;
  for (const RefusalRow& row : history.refusals) {
    if (concerns(row, promotion_id) && (last == nullptr || last->at <= row.at)) last = &row;
  }
  if (last == nullptr) return;
  const std::string reason = last->code + (last->detail.empty() ? "" : "(" + last->detail + ")");
  out.ko += "마지막으로 거절된 시도의 사유는 " + reason + "입니다. ";
  out.en +=
      "The last refused attempt was " + last->code + (last->detail.empty() ? "" : " (" + last->detail + ")") + ". ";
}

}  // namespace

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
    History refused;
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

Told told(const History& history, const Telling& telling) {
  Told out;
  const bool has_lottery = telling.lottery || !history.tickets.empty() || !history.draws.empty();
  if (has_lottery) tell_tickets(out, history, telling);
  if (!history.joins.empty() || !has_lottery) {
    const std::string joins = std::to_string(history.joins.size());
    out.ko += "프로모션에 " + joins + "번 참여하셨습니다. ";
    out.en += "You have joined " + joins + (history.joins.size() == 1 ? " time. " : " times. ");
  }
  const bool accruals =
      std::ranges::any_of(history.rewards, [](const RewardRow& row) { return row.kind == EffectKind::accrual; });
  if (accruals || !has_lottery) tell_rewards(out, history);
  tell_refusal(out, history, telling.promotion_id);
  out.ko.pop_back();
  out.en.pop_back();
  return out;
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
