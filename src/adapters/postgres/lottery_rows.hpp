// Rows of lotteries as the port has them, read on a connection of the caller.
#pragma once

#include <string>
#include <vector>

#include "adapters/postgres/database.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::postgres {

/// A query for draws: its rows are those that `chosen` names, in its order; `d` is the table.
[[nodiscard]] std::string draws_where(const std::string& chosen);
/// The same for coupons; `c` is the table of coupons, `d` that of draws.
[[nodiscard]] std::string coupons_where(const std::string& chosen);
/// A row of either query.
[[nodiscard]] DrawRow draw_row(const Rows& rows);
[[nodiscard]] CouponRow coupon_row(const Rows& rows);
[[nodiscard]] std::vector<DrawRow> draw_rows(Rows rows);
[[nodiscard]] std::vector<CouponRow> coupon_rows(Rows rows);

[[nodiscard]] std::vector<TicketEntry> tickets_of(Connection& db, const LotteryLedger::Page& page);
[[nodiscard]] std::vector<DrawRow> draws_of(Connection& db, const LotteryLedger::Page& page);
[[nodiscard]] std::vector<CouponRow> coupons_of(Connection& db, const LotteryLedger::Page& page);
[[nodiscard]] std::vector<InboundRow> inbound_of(Connection& db, UserRef user);

}  // namespace windfall::postgres
