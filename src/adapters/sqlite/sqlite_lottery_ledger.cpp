// SqliteLedger as LotteryLedger; cancel_effect() stands with the other effects.
#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/lottery_rows.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"

namespace windfall::sqlite {

namespace {

const std::string kWinners = draws_where(
    "d.seq in (select seq from draw indexed by draw_won where partition = ?1 and prize is not null and "
    "voided = 0 and seq < ?2 order by seq desc limit ?3) order by d.seq desc");
const std::string kDrawOf = draws_where("d.event_id = ? and d.prize is not null");
const std::string kCouponOf = coupons_where("d.event_id = ? and d.prize is not null");
const std::string kPending = coupons_where(
    "c.draw in (select draw from coupon indexed by coupon_pending where partition = ? and prize = ? and ordinal is "
    "null and voided = 0 order by draw limit ?) and d.test = 0 order by c.draw");
const std::string kEachDraw = draws_where("d.partition = ? order by d.segment, d.serial");

}  // namespace

Result<std::vector<TicketEntry>> SqliteLedger::tickets(const Page& page) {
  return read([&](Connection& db) { return tickets_of(db, page); });
}

Result<std::vector<DrawRow>> SqliteLedger::draws(const Page& page) {
  return read([&](Connection& db) { return draws_of(db, page); });
}

Result<std::vector<DrawRow>> SqliteLedger::winners(const LatestPage& page) {
  return read([&](Connection& db) {
    return draw_rows(db(kWinners).select(page.partition.value, page.before, at_least_zero(page.limit)));
  });
}

Result<std::vector<CouponRow>> SqliteLedger::coupons(const Page& page) {
  return read([&](Connection& db) { return coupons_of(db, page); });
}

Result<std::optional<DrawRow>> SqliteLedger::draw_of(const EffectId& event_id) {
  return read([&](Connection& db) {
    Rows rows = db(kDrawOf).select(event_id);
    return rows.next() ? std::optional{draw_row(rows)} : std::nullopt;
  });
}

Result<std::optional<CouponRow>> SqliteLedger::coupon_of(const EffectId& event_id) {
  return read([&](Connection& db) {
    Rows rows = db(kCouponOf).select(event_id);
    return rows.next() ? std::optional{coupon_row(rows)} : std::nullopt;
  });
}

Result<std::vector<CouponRow>> SqliteLedger::pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) {
  return read(
      [&](Connection& db) { return coupon_rows(db(kPending).select(partition.value, prize, at_least_zero(limit))); });
}

Result<std::vector<UserRef>> SqliteLedger::second_chance_pool(PartitionNo partition, std::int64_t allowed) {
  return read([&](Connection& db) {
    // By the table, once: the index of users would visit every row of it in no order.
    Rows rows = db("select u.ref from (select user from draw not indexed where partition = ?1 and segment <> "
                   "4294967295 group by user having count(*) > count(prize) and count(prize) < ?2) d join user u on "
                   "u.no = d.user")
                    .select(partition.value, allowed);
    std::vector<UserRef> pool;
    while (rows.next()) pool.push_back(rows.user(0));
    return pool;
  });
}

Result<std::vector<std::uint32_t>> SqliteLedger::voided_items(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db("select item from draw indexed by draw_won where partition = ? and prize is not null and voided = 1 "
                   "order by item")
                    .select(partition.value);
    std::vector<std::uint32_t> items;
    while (rows.next()) items.push_back(static_cast<std::uint32_t>(rows.integer(0)));
    return items;
  });
}

Result<LotteryTotals> SqliteLedger::lottery_totals(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db("select visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, second_won, voided, "
                   "accruals from lottery_total where partition = ?")
                    .select(partition.value);
    LotteryTotals totals;
    if (!rows.next()) return totals;
    totals.granted = {rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3)};
    totals.revoked = rows.integer(4);
    totals.drawn = rows.integer(5);
    totals.won = rows.integer(6);
    totals.second_chance = rows.integer(7);
    totals.voided = rows.integer(8);
    totals.accruals = rows.integer(9);
    return totals;
  });
}

Result<std::vector<DailyWins>> SqliteLedger::wins_by_day(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db("select day, prize, sum(segment <> 4294967295), sum(segment = 4294967295), sum(voided <> 0) from "
                   "draw indexed "
                   "by draw_won where partition = ? and prize is not null group by day, prize order by day, prize")
                    .select(partition.value);
    std::vector<DailyWins> days;
    while (rows.next()) {
      days.push_back({.day = {static_cast<std::int32_t>(rows.integer(0))},
                      .prize = static_cast<std::uint32_t>(rows.integer(1)),
                      .wins = rows.integer(2),
                      .second_chance = rows.integer(3),
                      .voided = rows.integer(4)});
    }
    return days;
  });
}

Result<std::vector<SegmentRow>> SqliteLedger::segments(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db("select at, segment, previous, quota, length, first_item, paused from segment where partition = ? "
                   "order by segment")
                    .select(partition.value);
    std::vector<SegmentRow> out;
    while (rows.next()) {
      out.push_back({.at = Instant{rows.integer(0)},
                     .segment = static_cast<std::uint32_t>(rows.integer(1)),
                     .previous = rows.integer(2),
                     .quota = static_cast<std::uint32_t>(rows.integer(3)),
                     .length = static_cast<std::uint32_t>(rows.integer(4)),
                     .first_item = static_cast<std::uint32_t>(rows.integer(5)),
                     .paused = rows.integer(6) != 0});
    }
    return out;
  });
}

Result<bool> SqliteLedger::each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) {
  return read([&](Connection& db) {
    Rows rows = db(kEachDraw).select(partition.value);
    while (rows.next()) {
      if (!row(draw_row(rows))) return false;
    }
    return true;
  });
}

}  // namespace windfall::sqlite
