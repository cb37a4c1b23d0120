// A person's history as customer service reads it: what the ledger has, put into one order, added up, and told in a
// sentence that can be sent as it is. Pure but for history_of(), which asks the ledgers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/ledger.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::http {

/// What happened to a person, by the ledger.
struct History {
  std::vector<ParticipationRow> joins;
  std::vector<RewardRow> rewards;
  std::vector<RefusalRow> refusals;
  std::vector<TicketEntry> tickets;  ///< grants, revocations and draws
  std::vector<DrawRow> draws;
  std::vector<CouponRow> coupons;
  bool erased = false;  ///< there was more, which nobody is told any more
};

/// Reads all of it; blocking. Of an erased person only refusals since are told.
Result<History> history_of(Ledger& ledger, LotteryLedger& lottery, UserRef user, std::optional<PartitionNo> partition);

/// The refusal is of that promotion; empty = any.
[[nodiscard]] bool concerns(const RefusalRow& row, std::string_view promotion_id);
/// A coupon that nobody has given a code yet; one of a TEST never waits.
[[nodiscard]] bool waits_for_code(const CouponRow& row);

struct TimelineItem {
  Instant at;
  std::string_view type;  ///< GRANT, JOIN, DRAW, REWARD, ADJUSTMENT, NOTIFICATION, REFUSED
  std::string promotion_id;
  std::string cause;
  std::int64_t tickets = 0;  ///< signed; all of them add up to TicketSum::held
  std::string detail;
};

/// Name of a prize, for people; may be empty.
using PrizeName = std::function<std::string(std::string_view promotion_id, std::uint32_t prize)>;

/// In order of time; what happened in the same moment stands in the order of decision. `promotion_id` limits refusals,
/// which the ledger keeps by person only; empty = all. A coupon may have expired by `now`.
[[nodiscard]] std::vector<TimelineItem> timeline_of(const History& history, std::string_view promotion_id,
                                                    const PrizeName& prize_name, Instant now);

/// What a person may be given of their own: whom else a grant names is left out.
[[nodiscard]] std::vector<TimelineItem> without_others(std::vector<TimelineItem> items);

struct TicketSum {
  std::int64_t granted = 0;
  std::int64_t drawn = 0;
  std::int64_t revoked = 0;
  [[nodiscard]] std::int64_t held() const { return granted - drawn - revoked; }
};
[[nodiscard]] TicketSum sum_of(const History& history);

/// Tickets that are shown although their grant is still on its way.
struct Provisional {
  std::string title;  ///< of the promotion; empty where it was asked about
  std::int64_t tickets = 0;
};
/// What is to be told besides the history.
struct Telling {
  bool lottery = false;  ///< it was asked about a lottery
  std::vector<Provisional> provisional{};
  bool blocked = false;           ///< the person is: nothing is on its way
  std::string_view promotion_id;  ///< of refusals; empty = all
};
struct Told {
  std::string ko;
  std::string en;
};
/// The sentences, which address the customer: no codes, only words.
[[nodiscard]] Told told(const History& history, const Telling& telling);

void append_items(std::string& out, const std::vector<TimelineItem>& items);

}  // namespace windfall::http
