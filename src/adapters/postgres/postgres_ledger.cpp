#include "adapters/postgres/postgres_ledger.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <set>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/postgres/access.hpp"
#include "adapters/postgres/lottery_books.hpp"
#include "adapters/postgres/migrate.hpp"
#include "adapters/postgres/projector.hpp"
#include "adapters/postgres/term.hpp"

namespace windfall::postgres {

namespace {

/// Events of one read of the log: some hundred KiB.
constexpr std::int64_t kEventPage = 4096;

std::vector<std::pair<PartitionNo, std::string>> promotions_in(Connection& db) {
  Rows rows = db.select("select partition, id from promotion order by partition");
  std::vector<std::pair<PartitionNo, std::string>> out;
  while (rows.next()) out.emplace_back(PartitionNo{static_cast<std::uint32_t>(rows.integer(0))}, rows.text(1));
  return out;
}

}  // namespace

Result<std::unique_ptr<PostgresLedger>> PostgresLedger::open(Options options) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  return attempt([&] {
    std::unique_ptr<PostgresLedger> ledger(new PostgresLedger(std::move(options)));
    ledger->pool_->with([&](Connection& db) { ledger->prepare(db); });
    return ledger;
  });
}

Result<std::unique_ptr<PostgresLedger>> PostgresLedger::open_later(Options options) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  std::unique_ptr<PostgresLedger> ledger(new PostgresLedger(std::move(options)));
  ledger->pool_->before_first_use([it = ledger.get()](Connection& db) { it->prepare(db); });
  return ledger;
}

PostgresLedger::PostgresLedger(Options options)
    : options_(std::move(options)),
      books_(std::make_unique<LotteryBooks>(options_.open_seed)),
      known_users_(std::make_unique<KnownUsers>()),
      pool_(std::make_unique<Pool>(options_.connection)) {
  randombytes_buf(life_.data(), life_.size());
}

PostgresLedger::~PostgresLedger() = default;

void PostgresLedger::prepare(Connection& db) {
  migrate(db, migrations());
  const std::string lineage = codec::to_hex(options_.lineage);
  Transaction transaction(db, Transaction::Kind::change);
  db.run("insert into meta (key, value) values ('lineage', $1), ('rebuild_until', '0') on conflict do nothing",
         lineage);
  const std::string theirs = db.text("select value from meta where key = 'lineage'");
  if (theirs != lineage) {
    throw SqlError(FailureCode::conflict, "postgres: the ledger belongs to lineage " + theirs + ", not to " + lineage);
  }
  // The audit's chain starts from the lineage: a row cannot be moved to another ledger either.
  db.run(
      "insert into progress (position, ordinal, effect, dead_letter, audit, entry, chain, users, erasures, "
      "paused_all) "
      "values (0, 0, 0, 0, 0, 0, $1, 0, 0, false) on conflict do nothing",
      lineage);
  const std::string keeps = options_.keeps == Options::Keeps::effects ? "effects" : "ledger";
  db.run(
      "insert into meta (key, value) select 'keeps', case when exists (select from partition_position) then 'ledger' "
      "else $1 end on conflict do nothing",
      keeps);
  const std::string kept = db.text("select value from meta where key = 'keeps'");
  if (kept != keeps) {
    throw SqlError(FailureCode::conflict, kept == "ledger" ? "postgres: the database holds a whole ledger, which the "
                                                             "configuration says is elsewhere"
                                                           : "postgres: the database holds effects only; its ledger "
                                                             "is elsewhere");
  }
  db.run(
      "update meta set value = greatest(value::bigint, $1::bigint)::text where key = 'rebuild_until' and "
      "value::bigint < $1::bigint",
      options_.rebuild_until_position);
  transaction.commit();
}

// --- Writing

Result<bool> PostgresLedger::apply(const LogBatch& batch) {
  return apply_by(batch, [this](Batch& rows) { Projector(rows, *books_, options_.event_ids).apply(); });
}

Result<bool> PostgresLedger::apply_by(const LogBatch& batch, const std::function<void(Batch&)>& project) {
  const std::lock_guard lock(applying_);
  std::vector<std::string> alarms;
  const auto try_at = [&](Batch::Pace pace) {
    return pool_->with([&](Connection& db) {
      Transaction transaction(db, Transaction::Kind::change);
      Batch rows(db, *known_users_, batch, pace);
      if (!rows.begin()) return false;
      project(rows);
      transaction.commit();
      rows.committed();
      alarms = rows.alarms();
      return true;
    });
  };
  Result<bool> applied = attempt([&] {
    try {
      return try_at(Batch::Pace::together);
    } catch (const SqlError& error) {
      books_->forget_all();  // they may have seen events that are rolled back now
      if (!error.unique_violation()) throw;
    }
    // The log contradicts itself, or effects stand there already: each row by itself tells which.
    try {
      return try_at(Batch::Pace::one_by_one);
    } catch (const SqlError&) {
      books_->forget_all();
      throw;
    }
  });
  if (options_.alarm) {
    for (const std::string& line : alarms) options_.alarm(line);
  }
  return applied;
}

Result<bool> PostgresLedger::sync(const std::vector<Sync>& documents) {
  return write([&](Connection& db) {
    // A leader that was stopped for a while has counted in a state that may be lost since.
    if (options_.term) hold_term(db, options_.term());
    std::int64_t changed = 0;
    for (const Sync& document : documents) {
      changed += db.run(
          "update promotion set left_join_count = $1, join_count = $2, spent = $3, status = $4, synced_at = $5, "
          "synced_sequence = $6 where partition = $7 and synced_sequence <= $6",
          document.left_join_count, document.join_count, document.spent, document.status, document.at,
          document.sequence.value, document.partition.value);
    }
    return changed > 0;
  });
}

Result<bool> PostgresLedger::add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) {
  return write([&](Connection& db) {
    Array users = Array::of_uuids();
    Array times = Array::of_times();
    Array promotions = Array::of_texts();
    Array codes = Array::of_texts();
    Array details = Array::of_texts();
    std::set<UserRef> distinct;
    for (const auto& [user, row] : refusals) {
      users.add(user);
      times.add(row.at);
      promotions.add(std::string_view(row.promotion_id));
      codes.add(std::string_view(row.code));
      details.add(std::string_view(row.detail));
      distinct.insert(user);
    }
    if (users.empty()) return false;
    // A person who was erased meanwhile stays forgotten.
    db.run(
        "insert into refusal (user_ref, at, promotion_id, code, detail) select v.user_ref, v.at, v.promotion_id, "
        "v.code, v.detail from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[]) with "
        "ordinality as v(user_ref, at, promotion_id, code, detail, place) where not exists (select from audit a "
        "where a.subject_user = v.user_ref and a.action = $6 and a.at >= v.at) order by v.place",
        users, times, promotions, codes, details, std::string_view(kErasure));
    Array trimmed = Array::of_uuids();
    for (const UserRef user : distinct) trimmed.add(user);
    db.run(
        "delete from refusal r using (select u.user_ref, (select no from refusal where user_ref = u.user_ref order by "
        "no desc limit 1 offset $2::bigint) as last from unnest($1::uuid[]) as u(user_ref)) t where r.user_ref = "
        "t.user_ref and r.no <= t.last",
        trimmed, kRefusalsKept);
    return true;
  });
}

Result<std::int64_t> PostgresLedger::drop_older_than(const Retention& limits) {
  return write([&](Connection& db) {
    std::int64_t dropped = db.run("delete from refusal where at < $1", limits.refusals);
    dropped += db.run(
        "update effect set tries = 0, tries_before = 0, first_at = null, taken_at = null, last_error = '' where state "
        "= 3 and tries > 0 and updated_at < $1",
        limits.attempts);
    dropped += db.run("delete from inbound_rejection where at < $1", limits.rejections);
    return dropped;
  });
}

// --- The log that it keeps

Result<std::vector<PostgresLedger::Place>> PostgresLedger::places() {
  return read([](Connection& db) {
    Rows rows = db.select("select partition, epoch, sequence from partition_position order by partition");
    std::vector<Place> out;
    while (rows.next()) {
      out.push_back({.partition = {static_cast<std::uint32_t>(rows.integer(0))},
                     .epoch = {static_cast<std::uint32_t>(rows.integer(1))},
                     .sequence = {static_cast<std::uint64_t>(rows.integer(2))}});
    }
    return out;
  });
}

Result<std::vector<std::pair<PartitionNo, std::string>>> PostgresLedger::promotions() {
  return read([](Connection& db) { return promotions_in(db); });
}

Result<std::vector<std::pair<PartitionNo, std::string>>> PostgresLedger::known_promotions(
    const std::string& connection) {
  return attempt([&] {
    Connection db(connection);
    return promotions_in(db);
  });
}

Result<std::vector<Recorded>> PostgresLedger::events(PartitionNo partition, Sequence after, std::size_t most) {
  std::vector<Recorded> page;
  const Result<bool> read_all = each_event(partition, after, [&](const Recorded& event) {
    page.push_back(event);
    return page.size() < most;
  });
  if (!read_all) return tl::unexpected(read_all.error());
  return page;
}

Result<bool> PostgresLedger::begin_epoch(PartitionNo partition, Epoch epoch, Sequence last) {
  return write([&](Connection& db) {
    // Whoever applies holds this row, so that nothing is applied in between.
    Rows held = db.select("select position from progress for update");
    Rows granted = db.select(
        "select g.epoch = $2 and g.token = l.token from partition_epoch g, leader l where g.partition = $1 order by "
        "g.epoch desc limit 1 for share of l",
        partition.value, epoch.value);
    if (!granted.next() || !granted.boolean(0)) {
      throw SqlError(
          FailureCode::conflict,
          fmt::format("postgres: partition {} may not enter epoch {}: another leader was granted a later one",
                      partition.value, epoch.value));
    }
    if (last.value == 0) {
      db.run(
          "insert into partition_position (partition, epoch, sequence) values ($1, $2, 0) on conflict (partition) do "
          "nothing",
          partition.value, epoch.value);
    }
    const bool begun =
        db.run("update partition_position set epoch = $2 where partition = $1 and sequence = $3 and epoch <= $2",
               partition.value, epoch.value, last.value) == 1;
    // Totals of what is lost now must not stand until as much has been decided again.
    if (begun) {
      db.run("update promotion set synced_sequence = $2 where partition = $1 and synced_sequence > $2", partition.value,
             last.value);
    }
    return begun;
  });
}

Result<std::optional<std::array<std::uint8_t, 16>>> PostgresLedger::known_lineage(const std::string& connection) {
  return attempt([&]() -> std::optional<std::array<std::uint8_t, 16>> {
    Connection db(connection);
    if (db.text("select coalesce(to_regclass('meta')::text, '')").empty()) return std::nullopt;
    const auto bytes = codec::from_hex(db.text("select coalesce(max(value), '') from meta where key = 'lineage'"));
    std::array<std::uint8_t, 16> lineage{};
    if (!bytes || bytes->size() != lineage.size()) return std::nullopt;
    std::ranges::copy(*bytes, lineage.begin());
    return lineage;
  });
}

Result<bool> PostgresLedger::each_event(PartitionNo partition, Sequence after,
                                        const std::function<bool(const Recorded&)>& event) {
  return snapshot([&](Connection& db) {
    // Sequences go on over epochs, so the last place says where the next page begins.
    std::int64_t epoch = 0;
    auto sequence = static_cast<std::int64_t>(after.value);
    while (true) {
      Rows rows = db.select(
          "select epoch, sequence, bytes from event where partition = $1 and (epoch, sequence) > ($2, $3) and sequence "
          "> $4 order by epoch, sequence limit $5",
          partition.value, epoch, sequence, after.value, kEventPage);
      if (rows.count() == 0) return true;
      while (rows.next()) {
        epoch = rows.integer(0);
        sequence = rows.integer(1);
        std::string_view bytes = rows.bytes(2);
        const Result<Recorded> recorded = codec::decode(bytes);
        if (!recorded) throw SqlError(recorded.error().code, "ledger: " + recorded.error().message);
        if (!event(*recorded)) return false;
      }
    }
  });
}

}  // namespace windfall::postgres
