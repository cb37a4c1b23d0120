#include "app/proof/lottery_file_rows.hpp"

namespace windfall::proof {

namespace {

constexpr const char* kTickets =
    "select t.seq, t.partition, u.ref, t.cause, t.tickets, t.at, o.ref, t.reason from ticket t left join user u on "
    "u.no = t.user left join user o on o.no = t.other order by t.seq";
constexpr const char* kDraws =
    "select d.seq, d.partition, d.epoch, d.sequence, u.ref, d.segment, d.serial, d.at, d.test, d.prize, d.item, d.day, "
    "d.event_id, e.id, d.voided, c.partition, c.prize, c.voided, c.expires_at from draw d left join user u on u.no = "
    "d.user left join effect e on e.no = d.effect left join coupon c on c.draw = d.seq order by d.seq";
constexpr const char* kEffects =
    "select e.no, e.id, e.partition, u.ref, e.amount, e.occurred_at, e.state, e.kind, e.prize from effect e left join "
    "user u on u.no = e.user where e.ordinal = 0 order by e.no";
constexpr const char* kCoupons =
    "select c.draw, d.partition, d.segment, d.serial, c.issue, c.ordinal, c.issued_at, c.used_at from coupon c left "
    "join draw d on d.seq = c.draw order by c.draw";

PartitionNo partition_at(const sqlite::Rows& rows, int column) {
  return {static_cast<std::uint32_t>(rows.integer(column))};
}
WinPlace place_at(const sqlite::Rows& rows, int column) {
  return {.segment = static_cast<std::uint32_t>(rows.integer(column)), .serial = rows.integer(column + 1)};
}
std::optional<std::int64_t> integer_at(const sqlite::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.integer(column)};
}
std::optional<UserRef> user_at(const sqlite::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.user(column)};
}
std::optional<Instant> time_at(const sqlite::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{Instant{rows.integer(column)}};
}
std::optional<codec::Uuid> uuid_at(const sqlite::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional<codec::Uuid>{rows.bytes16(column)};
}

}  // namespace

LotteryFileRows::LotteryFileRows(LedgerFile& file)
    : file_(file),
      tickets_(file(kTickets).select()),
      draws_(file(kDraws).select()),
      effects_(file(kEffects).select()),
      coupons_(file(kCoupons).select()) {}

std::optional<codec::LedgerTicket> LotteryFileRows::next_ticket() {
  if (!tickets_.next()) return std::nullopt;
  return codec::LedgerTicket{.seq = tickets_.integer(0),
                             .partition = partition_at(tickets_, 1),
                             .user = user_at(tickets_, 2),
                             .cause = tickets_.integer(3),
                             .tickets = tickets_.integer(4),
                             .at = Instant{tickets_.integer(5)},
                             .other = user_at(tickets_, 6),
                             .reason = tickets_.is_null(7) ? std::nullopt : std::optional{tickets_.text(7)}};
}

std::optional<codec::LedgerDraw> LotteryFileRows::next_draw() {
  if (!draws_.next()) return std::nullopt;
  codec::LedgerDraw row{.seq = draws_.integer(0),
                        .partition = partition_at(draws_, 1),
                        .epoch = {static_cast<std::uint32_t>(draws_.integer(2))},
                        .sequence = {static_cast<std::uint64_t>(draws_.integer(3))},
                        .user = user_at(draws_, 4),
                        .place = place_at(draws_, 5),
                        .at = Instant{draws_.integer(7)},
                        .test = draws_.integer(8) != 0,
                        .prize = integer_at(draws_, 9),
                        .item = integer_at(draws_, 10),
                        .day = std::nullopt,
                        .event_id = uuid_at(draws_, 12),
                        .effect = uuid_at(draws_, 13),
                        .voided = draws_.integer(14),
                        .coupon = std::nullopt};
  if (!draws_.is_null(11)) row.day = LocalDay{static_cast<std::int32_t>(draws_.integer(11))};
  if (!draws_.is_null(16)) {
    row.coupon = {.partition = partition_at(draws_, 15),
                  .prize = draws_.integer(16),
                  .voided = draws_.integer(17) != 0,
                  .expires_at = time_at(draws_, 18)};
  }
  return row;
}

std::optional<codec::LedgerEffect> LotteryFileRows::next_effect() {
  if (!effects_.next()) return std::nullopt;
  return codec::LedgerEffect{.no = effects_.integer(0),
                             .id = effects_.bytes16(1),
                             .partition = partition_at(effects_, 2),
                             .user = user_at(effects_, 3),
                             .amount = effects_.integer(4),
                             .occurred_at = Instant{effects_.integer(5)},
                             .state = effects_.integer(6),
                             .kind = effects_.integer(7),
                             .prize = integer_at(effects_, 8)};
}

std::optional<codec::LedgerCoupon> LotteryFileRows::next_coupon() {
  if (!coupons_.next()) return std::nullopt;
  return codec::LedgerCoupon{.draw = coupons_.integer(0),
                             .partition = partition_at(coupons_, 1),
                             .win = coupons_.is_null(2) ? std::nullopt : std::optional{place_at(coupons_, 2)},
                             .issue = coupons_.integer(4),
                             .ordinal = integer_at(coupons_, 5),
                             .issued_at = time_at(coupons_, 6),
                             .used_at = time_at(coupons_, 7)};
}

bool LotteryFileRows::stands_later(const codec::Uuid& effect, std::int64_t no) {
  return file_("select 1 from effect where id = ? and no > ? and ordinal = 0").select(effect, no).next();
}

std::vector<codec::LedgerSegment> LotteryFileRows::segments() {
  sqlite::Rows rows =
      file_("select partition, segment, at, previous, quota, length, first_item, paused from segment").select();
  std::vector<codec::LedgerSegment> out;
  while (rows.next()) {
    out.push_back({.partition = partition_at(rows, 0),
                   .segment = static_cast<std::uint32_t>(rows.integer(1)),
                   .at = Instant{rows.integer(2)},
                   .previous = rows.integer(3),
                   .quota = rows.integer(4),
                   .length = rows.integer(5),
                   .first_item = rows.integer(6),
                   .paused = rows.integer(7) != 0});
  }
  return out;
}

std::vector<codec::LedgerLotteryTotal> LotteryFileRows::totals() {
  sqlite::Rows rows = file_(
                          "select partition, visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, "
                          "second_won, voided, accruals, second_begun from lottery_total")
                          .select();
  std::vector<codec::LedgerLotteryTotal> out;
  while (rows.next()) {
    out.push_back({.partition = partition_at(rows, 0),
                   .granted = {rows.integer(1), rows.integer(2), rows.integer(3), rows.integer(4)},
                   .revoked = rows.integer(5),
                   .drawn = rows.integer(6),
                   .won = rows.integer(7),
                   .second_won = rows.integer(8),
                   .voided = rows.integer(9),
                   .accruals = rows.integer(10),
                   .second_begun = rows.integer(11) != 0});
  }
  return out;
}

std::optional<LotteryRows::Rejections> LotteryFileRows::rejections() {
  Rejections out{.rows = {}, .kept_since = Instant{file_.integer("select dropped_before from progress")}};
  sqlite::Rows rows =
      file_(
          "select r.id, r.at, u.ref, r.dropped, r.reason, r.partition from inbound_rejection r join user u on u.no = "
          "r.user order by r.no")
          .select();
  while (rows.next()) {
    out.rows.push_back({.id = rows.bytes16(0),
                        .at = Instant{rows.integer(1)},
                        .user = rows.user(2),
                        .dropped = rows.integer(3) != 0,
                        .reason = rows.text(4),
                        .partition = partition_at(rows, 5)});
  }
  return out;
}

}  // namespace windfall::proof
