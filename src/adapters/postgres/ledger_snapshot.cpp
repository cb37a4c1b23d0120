#include "adapters/postgres/ledger_snapshot.hpp"

#include <fmt/format.h>

#include <string_view>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/postgres/database.hpp"

namespace windfall::postgres {

namespace {

PartitionNo partition_at(const Rows& rows, int column) { return {static_cast<std::uint32_t>(rows.integer(column))}; }
Epoch epoch_at(const Rows& rows, int column) { return {static_cast<std::uint32_t>(rows.integer(column))}; }
Sequence sequence_at(const Rows& rows, int column) { return {static_cast<std::uint64_t>(rows.integer(column))}; }
Revision revision_at(const Rows& rows, int column) { return {static_cast<std::uint32_t>(rows.integer(column))}; }

std::optional<std::uint32_t> prize_at(const Rows& rows, int column) {
  if (rows.is_null(column)) return std::nullopt;
  return static_cast<std::uint32_t>(rows.integer(column));
}

constexpr const char* kEvents =
    "select e.epoch, e.sequence, e.at, e.revision, e.bytes, e.ordinal, j.event_id, j.partition, j.epoch, j.sequence, "
    "u.ref, j.day, j.amount, j.at, j.revision, j.test, j.effect, f.id, w.ref, f.amount, f.kind, f.state, f.ordinal, "
    "f.prize from event e left join participation j on j.ordinal = e.ordinal left join identity u on u.no = j.user_no "
    "left join effect f on f.id = j.effect left join identity w on w.no = f.user_no where e.partition = $1 and "
    "(e.epoch, e.sequence) > ($2, $3) order by e.epoch, e.sequence limit $4";

/// What they have in common: rows that should not be, as what they are, where, and why.
struct Search {
  const char* sql;
  const char* what;
};

constexpr Search kSearches[] = {
    {"select 'participation ' || j.ordinal, 'partition ' || j.partition || ', sequence ' || j.sequence from "
     "participation j left join event e on e.partition = j.partition and e.epoch = j.epoch and e.sequence = j.sequence "
     "and e.ordinal = j.ordinal where e.partition is null order by j.ordinal limit 50",
     "is of no event in the log"},
    {"select 'effect ' || f.id, 'partition ' || f.partition || ', ' || f.amount || ' points' from effect f left join "
     "participation j on j.effect = f.id where f.ordinal <> 0 and j.ordinal is null order by f.no limit 50",
     "is named by no participation"},
    {"select 'effect ' || id, 'state ' || state from effect where state not between 0 and 4 or (state = 4) <> "
     "(dead_letter is not null) order by no limit 50",
     "is in no state that an effect can be in"},
    {"select 'progress', 'entry ' || p.entry from progress p, (select count(*) as rows, coalesce(max(seq), 0) as last "
     "from (select seq from ticket union all select seq from draw) as numbered) as n where (n.rows, n.last) is "
     "distinct "
     "from (p.entry, p.entry)",
     "tickets and draws are not numbered from 1 to there"},
};

}  // namespace

LedgerSnapshot::LedgerSnapshot() = default;

LedgerSnapshot::~LedgerSnapshot() {
  moment_.reset();
  db_.reset();
}

Result<std::unique_ptr<LedgerSnapshot>> LedgerSnapshot::open(const std::string& connection) {
  return attempt([&] {
    std::unique_ptr<LedgerSnapshot> snapshot(new LedgerSnapshot());
    snapshot->db_ = std::make_unique<Connection>(connection);
    snapshot->moment_ = std::make_unique<Transaction>(*snapshot->db_, Transaction::Kind::snapshot);
    snapshot->db_->lift_limit();
    return snapshot;
  });
}

Result<std::vector<PostgresLedger::Place>> LedgerSnapshot::places() {
  return attempt([&] {
    Rows rows = db_->select("select partition, epoch, sequence from partition_position order by partition");
    std::vector<PostgresLedger::Place> out;
    while (rows.next()) {
      out.push_back({.partition = partition_at(rows, 0), .epoch = epoch_at(rows, 1), .sequence = sequence_at(rows, 2)});
    }
    return out;
  });
}

Result<std::vector<LedgerSnapshot::EventRow>> LedgerSnapshot::events(PartitionNo partition, Epoch after_epoch,
                                                                     Sequence after, std::int64_t most) {
  return attempt([&] {
    Rows rows = db_->select(kEvents, partition.value, after_epoch.value, after.value, most);
    std::vector<EventRow> out;
    out.reserve(static_cast<std::size_t>(rows.count()));
    while (rows.next()) {
      std::string_view bytes = rows.bytes(4);
      EventRow& event = out.emplace_back(EventRow{.epoch = epoch_at(rows, 0),
                                                  .sequence = sequence_at(rows, 1),
                                                  .at = rows.time(2),
                                                  .revision = revision_at(rows, 3),
                                                  .ordinal = rows.integer(5),
                                                  .recorded = codec::decode(bytes),
                                                  .acceptance = {}});
      if (rows.is_null(6)) continue;
      AcceptanceRow& row = event.acceptance.emplace();
      row.event_id = rows.uuid(6);
      row.partition = partition_at(rows, 7);
      row.epoch = epoch_at(rows, 8);
      row.sequence = sequence_at(rows, 9);
      if (!rows.is_null(10)) row.user = rows.user(10);
      row.day = rows.day(11);
      row.amount = rows.integer(12);
      row.at = rows.time(13);
      row.revision = revision_at(rows, 14);
      row.test = rows.boolean(15);
      if (!rows.is_null(16)) row.names_effect = rows.uuid(16);
      if (rows.is_null(17)) continue;
      row.effect = EffectRow{.id = rows.uuid(17),
                             .user = rows.is_null(18) ? UserRef{} : rows.user(18),
                             .amount = rows.integer(19),
                             .kind = rows.integer(20),
                             .state = rows.integer(21),
                             .ordinal = rows.integer(22),
                             .prize = prize_at(rows, 23)};
    }
    return out;
  });
}

Result<std::vector<LedgerSnapshot::PromotionRow>> LedgerSnapshot::promotions() {
  return attempt([&] {
    Rows rows = db_->select(
        "select partition, id, definition, revision, created, modified, left_join_count, join_count, spent, "
        "synced_sequence from promotion order by partition");
    std::vector<PromotionRow> out;
    while (rows.next()) {
      out.push_back({.partition = partition_at(rows, 0),
                     .id = rows.text(1),
                     .definition = rows.text(2),
                     .revision = revision_at(rows, 3),
                     .created = rows.time(4),
                     .modified = rows.time(5),
                     .left = rows.integer(6),
                     .joined = rows.integer(7),
                     .spent = rows.integer(8),
                     .synced = sequence_at(rows, 9)});
    }
    return out;
  });
}

Result<std::set<UserRef>> LedgerSnapshot::blocked() {
  return attempt([&] {
    Rows rows = db_->select("select user_ref from blocked");
    std::set<UserRef> out;
    while (rows.next()) out.insert(rows.user(0));
    return out;
  });
}

Result<std::unique_ptr<LotterySnapshot>> LedgerSnapshot::lottery(PartitionNo partition) {
  return attempt([&] { return std::make_unique<LotterySnapshot>(*db_, partition); });
}

Result<std::vector<PartitionNo>> LedgerSnapshot::with_rows_of_lotteries() {
  return attempt([&] {
    Rows rows = db_->select(
        "select partition from ticket union select partition from draw union select partition from segment union "
        "select partition from coupon union select partition from lottery_total union select partition from effect "
        "where ordinal = 0 order by 1");
    std::vector<PartitionNo> out;
    while (rows.next()) out.push_back(partition_at(rows, 0));
    return out;
  });
}

Result<std::vector<LedgerSnapshot::Stray>> LedgerSnapshot::strays() {
  return attempt([&] {
    std::vector<Stray> out;
    for (const Search& search : kSearches) {
      Rows rows = db_->select(search.sql);
      while (rows.next()) out.push_back({.row = rows.text(0), .what = rows.text(1) + ": " + search.what});
    }
    return out;
  });
}

}  // namespace windfall::postgres
