#include "adapters/postgres/lottery_snapshot.hpp"

#include <fmt/format.h>

#include <string>

#include "adapters/postgres/database.hpp"

namespace windfall::postgres {

namespace {

// What a row refers to is joined from the left: a row that refers to nothing is read all the same.
constexpr const char* kTickets =
    "select t.seq, u.ref, t.cause, t.tickets, t.at, o.ref, t.reason from ticket t left join identity u on u.no = "
    "t.user_no left join identity o on o.no = t.other where t.partition = {} order by t.at, t.seq";
constexpr const char* kDraws =
    "select d.seq, d.epoch, d.sequence, u.ref, d.segment, d.serial, d.at, d.test, d.prize, d.item, d.day, d.event_id, "
    "d.effect, d.voided, c.partition, c.prize, c.voided, c.expires_at from draw d left join identity u on u.no = "
    "d.user_no left join coupon c on c.draw = d.seq where d.partition = {} order by d.sequence, d.seq";
constexpr const char* kEffects =
    "select f.no, f.id, u.ref, f.amount, f.occurred_at, f.state, f.kind, f.prize from effect f left join identity u on "
    "u.no = f.user_no where f.partition = {} and f.ordinal = 0 order by f.no";
constexpr const char* kCoupons =
    "select c.draw, d.segment, d.serial, c.issue, c.ordinal, c.issued_at, c.used_at from coupon c left join draw d on "
    "d.seq = c.draw where coalesce(d.partition, c.partition) = {} order by c.draw";

WinPlace place_at(const Rows& rows, int column) {
  return {.segment = static_cast<std::uint32_t>(rows.integer(column)), .serial = rows.integer(column + 1)};
}
std::optional<std::int64_t> integer_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.integer(column)};
}
std::optional<UserRef> user_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.user(column)};
}
std::optional<Instant> time_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional{rows.time(column)};
}
std::optional<codec::Uuid> uuid_at(const Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional<codec::Uuid>{rows.uuid(column)};
}

/// `row_of(rows)` makes a value of the row at hand.
template <class RowOf>
auto all(Rows rows, RowOf row_of) {
  std::vector<std::invoke_result_t<RowOf&, const Rows&>> out;
  out.reserve(static_cast<std::size_t>(rows.count()));
  while (rows.next()) out.push_back(row_of(rows));
  return out;
}

}  // namespace

LotterySnapshot::LotterySnapshot(Connection& db, PartitionNo partition) : db_(db), partition_(partition) {
  for (const auto& [name, query] : {std::pair{"tickets_of_lottery", kTickets},
                                    {"draws_of_lottery", kDraws},
                                    {"effects_of_lottery", kEffects},
                                    {"coupons_of_lottery", kCoupons}}) {
    db_.execute(
        fmt::format("declare {} no scroll cursor for {}", name, fmt::format(fmt::runtime(query), partition.value)));
  }
}

LotterySnapshot::~LotterySnapshot() {
  // What cannot be closed is gone with its transaction.
  static_cast<void>(attempt([this] {
    db_.execute("close tickets_of_lottery; close draws_of_lottery; close effects_of_lottery; close coupons_of_lottery");
    return true;
  }));
}

Result<std::vector<codec::LedgerTicket>> LotterySnapshot::tickets() {
  return attempt([this] {
    return all(db_.select_once("fetch 4096 from tickets_of_lottery"), [this](const Rows& rows) {
      return codec::LedgerTicket{.seq = rows.integer(0),
                                 .partition = partition_,
                                 .user = user_at(rows, 1),
                                 .cause = rows.integer(2),
                                 .tickets = rows.integer(3),
                                 .at = rows.time(4),
                                 .other = user_at(rows, 5),
                                 .reason = rows.is_null(6) ? std::nullopt : std::optional{rows.text(6)}};
    });
  });
}

Result<std::vector<codec::LedgerDraw>> LotterySnapshot::draws() {
  return attempt([this] {
    return all(db_.select_once("fetch 4096 from draws_of_lottery"), [this](const Rows& rows) {
      codec::LedgerDraw row{.seq = rows.integer(0),
                            .partition = partition_,
                            .epoch = {static_cast<std::uint32_t>(rows.integer(1))},
                            .sequence = {static_cast<std::uint64_t>(rows.integer(2))},
                            .user = user_at(rows, 3),
                            .place = place_at(rows, 4),
                            .at = rows.time(6),
                            .test = rows.boolean(7),
                            .prize = integer_at(rows, 8),
                            .item = integer_at(rows, 9),
                            .day = std::nullopt,
                            .event_id = uuid_at(rows, 11),
                            .effect = uuid_at(rows, 12),
                            .voided = rows.integer(13),
                            .coupon = std::nullopt};
      if (!rows.is_null(10)) row.day = rows.day(10);
      if (!rows.is_null(15)) {
        row.coupon = {.partition = {static_cast<std::uint32_t>(rows.integer(14))},
                      .prize = rows.integer(15),
                      .voided = rows.boolean(16),
                      .expires_at = time_at(rows, 17)};
      }
      return row;
    });
  });
}

Result<std::vector<codec::LedgerEffect>> LotterySnapshot::effects() {
  return attempt([this] {
    return all(db_.select_once("fetch 4096 from effects_of_lottery"), [this](const Rows& rows) {
      return codec::LedgerEffect{.no = rows.integer(0),
                                 .id = rows.uuid(1),
                                 .partition = partition_,
                                 .user = user_at(rows, 2),
                                 .amount = rows.integer(3),
                                 .occurred_at = rows.time(4),
                                 .state = rows.integer(5),
                                 .kind = rows.integer(6),
                                 .prize = integer_at(rows, 7)};
    });
  });
}

Result<std::vector<codec::LedgerCoupon>> LotterySnapshot::coupons() {
  return attempt([this] {
    return all(db_.select_once("fetch 4096 from coupons_of_lottery"), [this](const Rows& rows) {
      return codec::LedgerCoupon{.draw = rows.integer(0),
                                 .partition = partition_,
                                 .win = rows.is_null(1) ? std::nullopt : std::optional{place_at(rows, 1)},
                                 .issue = rows.integer(3),
                                 .ordinal = integer_at(rows, 4),
                                 .issued_at = time_at(rows, 5),
                                 .used_at = time_at(rows, 6)};
    });
  });
}

Result<bool> LotterySnapshot::stands_later(const codec::Uuid& effect, std::int64_t no) {
  return attempt([&] {
    return db_
        .select("select 1 from effect where id = $1 and no > $2 and ordinal = 0 and partition = $3", effect, no,
                partition_.value)
        .next();
  });
}

Result<std::vector<codec::LedgerSegment>> LotterySnapshot::segments() {
  return attempt([this] {
    return all(db_.select("select segment, at, previous, quota, length, first_item, paused from segment where "
                          "partition = $1 order by segment",
                          partition_.value),
               [this](const Rows& rows) {
                 return codec::LedgerSegment{.partition = partition_,
                                             .segment = static_cast<std::uint32_t>(rows.integer(0)),
                                             .at = rows.time(1),
                                             .previous = rows.integer(2),
                                             .quota = rows.integer(3),
                                             .length = rows.integer(4),
                                             .first_item = rows.integer(5),
                                             .paused = rows.boolean(6)};
               });
  });
}

Result<std::optional<codec::LedgerLotteryTotal>> LotterySnapshot::total() {
  return attempt([this]() -> std::optional<codec::LedgerLotteryTotal> {
    Rows rows = db_.select(
        "select visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, second_won, voided, accruals, "
        "second_begun from lottery_total where partition = $1",
        partition_.value);
    if (!rows.next()) return std::nullopt;
    return codec::LedgerLotteryTotal{.partition = partition_,
                                     .granted = {rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3)},
                                     .revoked = rows.integer(4),
                                     .drawn = rows.integer(5),
                                     .won = rows.integer(6),
                                     .second_won = rows.integer(7),
                                     .voided = rows.integer(8),
                                     .accruals = rows.integer(9),
                                     .second_begun = rows.boolean(10)};
  });
}

}  // namespace windfall::postgres
