#include "adapters/sqlite/sqlite_ledger.hpp"

#include <sodium.h>

#include <set>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "adapters/sqlite/projector.hpp"
#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open(Options options) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  return attempt([&] {
    std::unique_ptr<SqliteLedger> ledger(new SqliteLedger(std::move(options)));
    ledger->prepare();
    return ledger;
  });
}

SqliteLedger::SqliteLedger(Options options)
    : options_(std::move(options)),
      writer_(std::make_unique<Connection>(options_.path, Access::write)),
      readers_(std::make_unique<Readers>(options_.path)) {}

SqliteLedger::~SqliteLedger() = default;

void SqliteLedger::prepare() {
  Connection& db = *writer_;
  migrate(db, options_.path, migrations());
  const std::string lineage = hex(options_.lineage);
  Transaction transaction(db, Access::write);
  db("insert into meta (key, value) values ('lineage', ?), ('rebuild_until', '0') on conflict do nothing").run(lineage);
  {
    Rows rows = db("select value from meta where key = 'lineage'").select();
    if (rows.next() && rows.text(0) != lineage) {
      throw SqlError(FailureCode::conflict,
                     options_.path + " belongs to lineage " + rows.text(0) + ", not to " + lineage);
    }
  }
  // The audit's chain starts from the lineage: a row cannot be moved to another ledger either.
  db("insert into progress (one, position, ordinal, effect, dead_letter, audit, chain, paused_all) values (1, 0, 0, 0, "
     "0, 0, ?, 0) on conflict do nothing")
      .run(lineage);
  db("update meta set value = max(cast(value as integer), ?) where key = 'rebuild_until'")
      .run(options_.rebuild_until_position);
  transaction.commit();
}

// --- Writing

Result<bool> SqliteLedger::apply(const LogBatch& batch) {
  return write([&](Connection& db) { return Projector(db, options_.event_ids, options_.alarm).apply(batch); });
}

Result<bool> SqliteLedger::sync(const std::vector<Sync>& documents) {
  return write([&](Connection& db) {
    Statement& update =
        db("update promotion set left_join_count = ?, join_count = ?, spent = ?, status = ?, synced_at = ?, "
           "synced_sequence = ?6 "
           "where partition = ?7 and synced_sequence <= ?6");
    std::int64_t changed = 0;
    for (const Sync& document : documents) {
      update.run(document.left_join_count, document.join_count, document.spent, document.status, document.at.ms,
                 document.sequence.value, document.partition.value);
      changed += db.changes();
    }
    return changed > 0;
  });
}

Result<bool> SqliteLedger::add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) {
  return write([&](Connection& db) {
    // A person who was erased meanwhile stays forgotten.
    Statement& insert =
        db("insert into refusal (user, at, promotion_id, code, detail) select ?1, ?2, ?3, ?4, ?5 "
           "where not exists (select 1 from user where ref = ?1 and id is null)");
    std::set<UserRef> users;
    for (const auto& [user, row] : refusals) {
      insert.run(user, row.at.ms, row.promotion_id, row.code, row.detail);
      users.insert(user);
    }
    Statement& trim =
        db("delete from refusal where user = ?1 and no <= (select no from refusal where user = ?1 order by no desc "
           "limit 1 offset ?2)");
    for (const UserRef user : users) trim.run(user, kRefusalsKept);
    return !refusals.empty();
  });
}

Result<std::int64_t> SqliteLedger::drop_older_than(Instant limit) {
  return write([&](Connection& db) {
    db("delete from refusal where at < ?").run(limit.ms);
    std::int64_t dropped = db.changes();
    db("delete from attempt where effect in (select a.effect from attempt a join effect e on e.no = a.effect "
       "where e.state = 3 and e.updated_at < ?)")
        .run(limit.ms);
    dropped += db.changes();
    return dropped;
  });
}

// --- Checking

Result<std::vector<std::string>> SqliteLedger::integrity() {
  return read([](Connection& db) {
    std::vector<std::string> problems;
    {
      Rows rows = db("pragma integrity_check").select();
      while (rows.next()) {
        if (rows.text(0) != "ok") problems.push_back(rows.text(0));
      }
    }
    {
      Rows rows = db("select partition, state from (select partition, state, count(*) as count from effect group by "
                     "partition, state "
                     "except select partition, state, count from effect_count where count <> 0) union "
                     "select partition, state from (select partition, state, count from effect_count where count <> 0 "
                     "except select partition, state, count(*) from effect group by partition, state)")
                      .select();
      while (rows.next()) {
        problems.push_back("effect_count of partition " + rows.text(0) + ", state " + rows.text(1) +
                           " differs from the rows");
      }
    }
    Rows rows =
        db("select partition from (select partition, count(*), sum(amount) from participation group by partition "
           "except select partition, participations, spent from total) union "
           "select partition from (select partition, participations, spent from total "
           "except select partition, count(*), sum(amount) from participation group by partition)")
            .select();
    while (rows.next()) problems.push_back("total of partition " + rows.text(0) + " differs from the rows");
    return problems;
  });
}

Result<std::optional<std::int64_t>> SqliteLedger::first_broken_audit() {
  return read([&](Connection& db) { return first_broken_row(db, hex(options_.lineage)); });
}

Result<bool> SqliteLedger::backup_to(const std::string& path) {
  return attempt([&] {
    copy_database(options_.path, path);
    return true;
  });
}

}  // namespace windfall::sqlite
