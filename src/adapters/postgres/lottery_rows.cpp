#include "adapters/postgres/lottery_rows.hpp"

#include <fmt/format.h>

#include <string_view>

#include "adapters/postgres/access.hpp"

namespace windfall::postgres {

namespace {

// Not std::string: other files' constants are made from them before main().
constexpr std::string_view kDrawColumns =
    "d.seq, d.at, p.id, d.partition, d.epoch, d.sequence, u.ref, u.id, d.segment, d.serial, d.prize, d.item, d.test, "
    "d.voided <> 0, d.voided = 2";
constexpr std::string_view kJoined =
    " join promotion p on p.partition = d.partition join identity u on u.no = d.user_no where ";
constexpr int kCouponColumns = 15;  // behind those of its draw

/// The entries of a user are few and lie together in two indexes.
constexpr const char* kTickets =
    "with entry as (select seq, partition, at, case when tickets > 0 then 0 else 2 end as type, cause, tickets, other, "
    "reason from ticket where user_no = (select no from identity where ref = $1) and seq > $3 union all select seq, "
    "partition, at, 1, null, -1, null, null from draw where user_no = (select no from identity where ref = $1) and seq "
    "> $3 and segment <> 4294967295) "
    "select e.seq, e.at, p.id, e.type, e.cause, e.tickets, o.id, e.reason, (select id from identity where ref = $1) "
    "from entry e join promotion p on p.partition = e.partition left join identity o on o.no = e.other where "
    "$2::integer is null or e.partition = $2::integer order by e.seq limit $4";

const std::string kDrawsOfUser = draws_where(
    "d.user_no = (select no from identity where ref = $1) and d.seq > $3 and ($2::integer is null or d.partition = "
    "$2::integer) order by d.seq limit $4");
/// Places stand in the order of decision, so that they need no index by seq: the page starts behind the place of its
/// last row.
const std::string kDrawsOfPromotion = draws_where(
    "d.partition = $1 and (d.segment, d.serial) > (coalesce((select segment from draw where partition = $1 and seq <= "
    "$2 order by seq desc limit 1), -1), coalesce((select serial from draw where partition = $1 and seq <= $2 order by "
    "seq desc limit 1), -1)) order by d.partition, d.segment, d.serial limit $3");
const std::string kAllDraws = draws_where("d.seq > $1 order by d.seq limit $2");
const std::string kCouponsOfUser = coupons_where(
    "d.user_no = (select no from identity where ref = $1) and d.seq > $3 and ($2::integer is null or d.partition = "
    "$2::integer) order by d.seq limit $4");

std::optional<Instant> time_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.time(column)};
}

std::optional<std::uint32_t> index_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{static_cast<std::uint32_t>(rows.integer(column))};
}

std::optional<std::uint32_t> number_of(const std::optional<PartitionNo>& partition) {
  return partition ? std::optional{partition->value} : std::nullopt;
}

}  // namespace

std::string draws_where(const std::string& chosen) {
  return fmt::format("select {} from draw d{}{}", kDrawColumns, kJoined, chosen);
}

std::string coupons_where(const std::string& chosen) {
  return fmt::format(
      "select {}, c.issue, c.ordinal, c.issued_at, c.used_at, c.expires_at from coupon c join draw d on d.seq = "
      "c.draw{}{}",
      kDrawColumns, kJoined, chosen);
}

DrawRow draw_row(const Rows& rows) {
  return {.seq = rows.integer(0),
          .at = rows.time(1),
          .promotion_id = rows.text(2),
          .partition = {static_cast<std::uint32_t>(rows.integer(3))},
          .epoch = {static_cast<std::uint32_t>(rows.integer(4))},
          .sequence = {static_cast<std::uint64_t>(rows.integer(5))},
          .user = rows.user(6),
          .user_id = rows.text(7),
          .place = {.segment = static_cast<std::uint32_t>(rows.integer(8)), .serial = rows.integer(9)},
          .prize = index_at(rows, 10),
          .item = index_at(rows, 11),
          .test = rows.boolean(12),
          .voided = rows.boolean(13),
          .voided_late = rows.boolean(14)};
}

CouponRow coupon_row(const Rows& rows) {
  return {.draw = draw_row(rows),
          .issue = static_cast<std::uint32_t>(rows.integer(kCouponColumns)),
          .ordinal = rows.is_null(kCouponColumns + 1) ? std::nullopt : std::optional{rows.integer(kCouponColumns + 1)},
          .issued_at = time_at(rows, kCouponColumns + 2),
          .used_at = time_at(rows, kCouponColumns + 3),
          .expires_at = time_at(rows, kCouponColumns + 4)};
}

std::vector<DrawRow> draw_rows(Rows rows) {
  std::vector<DrawRow> out;
  while (rows.next()) out.push_back(draw_row(rows));
  return out;
}

std::vector<CouponRow> coupon_rows(Rows rows) {
  std::vector<CouponRow> out;
  while (rows.next()) out.push_back(coupon_row(rows));
  return out;
}

std::vector<TicketEntry> tickets_of(Connection& db, const LotteryLedger::Page& page) {
  Rows rows = db.select(kTickets, page.user, number_of(page.partition), page.after, at_least_zero(page.limit));
  std::vector<TicketEntry> out;
  while (rows.next()) {
    out.push_back({.seq = rows.integer(0),
                   .type = static_cast<TicketEntry::Type>(rows.integer(3)),
                   .at = rows.time(1),
                   .promotion_id = rows.text(2),
                   .cause = rows.is_null(4) ? std::nullopt : std::optional{static_cast<GrantCause>(rows.integer(4))},
                   .tickets = rows.integer(5),
                   .other_user = rows.text(6),
                   .reason = rows.text(7),
                   .user_id = rows.text(8)});
  }
  return out;
}

std::vector<DrawRow> draws_of(Connection& db, const LotteryLedger::Page& page) {
  const std::int64_t limit = at_least_zero(page.limit);
  if (page.user) {
    return draw_rows(db.select(kDrawsOfUser, page.user, number_of(page.partition), page.after, limit));
  }
  if (page.partition) return draw_rows(db.select(kDrawsOfPromotion, page.partition->value, page.after, limit));
  return draw_rows(db.select(kAllDraws, page.after, limit));
}

std::vector<CouponRow> coupons_of(Connection& db, const LotteryLedger::Page& page) {
  return coupon_rows(
      db.select(kCouponsOfUser, page.user, number_of(page.partition), page.after, at_least_zero(page.limit)));
}

std::vector<InboundRow> inbound_of(Connection& db, UserRef user) {
  Rows rows = db.select(
      "select r.at, r.id, r.reason, coalesce(p.id, '') from inbound_rejection r left join promotion p on p.partition = "
      "r.partition where r.user_no = (select no from identity where ref = $1) order by r.no",
      user);
  std::vector<InboundRow> out;
  while (rows.next()) {
    out.push_back(
        {.at = rows.time(0), .id = rows.uuid(1), .user = user, .reason = rows.text(2), .promotion_id = rows.text(3)});
  }
  return out;
}

}  // namespace windfall::postgres
