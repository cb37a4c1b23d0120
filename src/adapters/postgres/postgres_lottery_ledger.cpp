// PostgresLedger as LotteryLedger; cancel_effect() stands with the other effects.
#include "adapters/postgres/access.hpp"
#include "adapters/postgres/lottery_rows.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

namespace {

const std::string kWinners = draws_where(
    "d.partition = $1 and d.prize is not null and d.voided = 0 and d.seq < $2 order by d.seq desc limit $3");
const std::string kDrawOf = draws_where("d.event_id = $1 and d.prize is not null");
const std::string kCouponOf = coupons_where("d.event_id = $1 and d.prize is not null");
const std::string kPending = coupons_where(
    "c.partition = $1 and c.prize = $2 and c.ordinal is null and not c.voided and not d.test order by c.draw limit $3");
/// Draws of one page of an export: a few megabytes.
constexpr int kExportPage = 8192;

}  // namespace

Result<std::vector<TicketEntry>> PostgresLedger::tickets(const Page& page) {
  return read([&](Connection& db) { return tickets_of(db, page); });
}

Result<std::vector<DrawRow>> PostgresLedger::draws(const Page& page) {
  return read([&](Connection& db) { return draws_of(db, page); });
}

Result<std::vector<DrawRow>> PostgresLedger::winners(const LatestPage& page) {
  return read([&](Connection& db) {
    return draw_rows(db.select(kWinners, page.partition.value, page.before, at_least_zero(page.limit)));
  });
}

Result<std::vector<CouponRow>> PostgresLedger::coupons(const Page& page) {
  return read([&](Connection& db) { return coupons_of(db, page); });
}

Result<std::optional<DrawRow>> PostgresLedger::draw_of(const EffectId& event_id) {
  return read([&](Connection& db) {
    Rows rows = db.select(kDrawOf, event_id);
    return rows.next() ? std::optional{draw_row(rows)} : std::nullopt;
  });
}

Result<std::optional<CouponRow>> PostgresLedger::coupon_of(const EffectId& event_id) {
  return read([&](Connection& db) {
    Rows rows = db.select(kCouponOf, event_id);
    return rows.next() ? std::optional{coupon_row(rows)} : std::nullopt;
  });
}

Result<std::vector<CouponRow>> PostgresLedger::pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) {
  return read(
      [&](Connection& db) { return coupon_rows(db.select(kPending, partition.value, prize, at_least_zero(limit))); });
}

Result<std::vector<UserRef>> PostgresLedger::second_chance_pool(PartitionNo partition, std::int64_t allowed) {
  return snapshot([&](Connection& db) {
    Rows rows = db.select(
        "select u.ref from (select user_no from draw where partition = $1 and segment <> 4294967295 group by user_no "
        "having count(*) > count(prize) and count(prize) < $2) d join identity u on u.no = d.user_no",
        partition.value, allowed);
    std::vector<UserRef> pool;
    pool.reserve(static_cast<std::size_t>(rows.count()));
    while (rows.next()) pool.push_back(rows.user(0));
    return pool;
  });
}

Result<std::vector<std::uint32_t>> PostgresLedger::voided_items(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows =
        db.select("select item from draw where partition = $1 and prize is not null and voided = 1 order by item",
                  partition.value);
    std::vector<std::uint32_t> items;
    while (rows.next()) items.push_back(static_cast<std::uint32_t>(rows.integer(0)));
    return items;
  });
}

Result<LotteryTotals> PostgresLedger::lottery_totals(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db.select(
        "select visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, second_won, voided, accruals from "
        "lottery_total where partition = $1",
        partition.value);
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

Result<std::vector<DailyWins>> PostgresLedger::wins_by_day(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db.select(
        "select day, prize, count(*) filter (where segment <> 4294967295), count(*) filter (where segment = "
        "4294967295), count(*) filter (where voided <> 0) from draw where partition = $1 and prize is not null group "
        "by day, prize order by day, prize",
        partition.value);
    std::vector<DailyWins> days;
    while (rows.next()) {
      days.push_back({.day = rows.day(0),
                      .prize = static_cast<std::uint32_t>(rows.integer(1)),
                      .wins = rows.integer(2),
                      .second_chance = rows.integer(3),
                      .voided = rows.integer(4)});
    }
    return days;
  });
}

Result<std::vector<SegmentRow>> PostgresLedger::segments(PartitionNo partition) {
  return read([&](Connection& db) {
    Rows rows = db.select(
        "select at, segment, previous, quota, length, first_item, paused from segment where partition = $1 order by "
        "segment",
        partition.value);
    std::vector<SegmentRow> out;
    while (rows.next()) {
      out.push_back({.at = rows.time(0),
                     .segment = static_cast<std::uint32_t>(rows.integer(1)),
                     .previous = rows.integer(2),
                     .quota = static_cast<std::uint32_t>(rows.integer(3)),
                     .length = static_cast<std::uint32_t>(rows.integer(4)),
                     .first_item = static_cast<std::uint32_t>(rows.integer(5)),
                     .paused = rows.boolean(6)});
    }
    return out;
  });
}

Result<bool> PostgresLedger::each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) {
  return snapshot([&](Connection& db) {
    Page page{.partition = partition, .limit = kExportPage};
    while (true) {
      const std::vector<DrawRow> rows = draws_of(db, page);
      if (rows.empty()) return true;
      for (const DrawRow& each : rows) {
        if (!row(each)) return false;
      }
      page.after = rows.back().seq;
    }
  });
}

}  // namespace windfall::postgres
