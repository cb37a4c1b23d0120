#include "adapters/sqlite/sqlite_ledger.hpp"

#include <sodium.h>

#include <set>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/lottery_books.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "adapters/sqlite/projector.hpp"
#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

/// Partitions whose counts are not those of their rows.
constexpr const char* kLotteryTotalsDiffer =
    "with counted as (select partition, "
    "sum(iif(tickets > 0 and cause = 0, tickets, 0)) as visit, sum(iif(tickets > 0 and cause = 1, tickets, 0)) as "
    "invite_sent, sum(iif(tickets > 0 and cause = 2, tickets, 0)) as invite_opened, sum(iif(tickets > 0 and cause = 3, "
    "tickets, 0)) as adjustment, sum(iif(tickets < 0, -tickets, 0)) as revoked, 0 as drawn, 0 as won, 0 as second_won, "
    "0 as voided, 0 as accruals from ticket group by partition union all "
    "select partition, 0, 0, 0, 0, 0, sum(segment <> 4294967295), sum(segment <> 4294967295 and prize is not null), "
    "sum(segment = 4294967295), sum(voided <> 0), sum(effect is not null and voided = 0) from draw group by partition "
    "union all "
    "select partition, -visit, -invite_sent, -invite_opened, -adjustment, -revoked, -drawn, -won, -second_won, "
    "-voided, -accruals from lottery_total) "
    "select partition from counted group by partition having sum(visit) <> 0 or sum(invite_sent) <> 0 or "
    "sum(invite_opened) <> 0 or sum(adjustment) <> 0 or sum(revoked) <> 0 or sum(drawn) <> 0 or sum(won) <> 0 or "
    "sum(second_won) <> 0 or sum(voided) <> 0 or sum(accruals) <> 0";

}  // namespace

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
      books_(std::make_unique<LotteryBooks>(options_.open_seed)),
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
  return write([&](Connection& db) {
    try {
      return Projector(db, *books_, options_.event_ids, options_.alarm, batch).apply();
    } catch (...) {
      books_->forget_all();  // they may have seen events that are rolled back now
      throw;
    }
  });
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
    // A person who was erased meanwhile stays forgotten. The audit has no index by users: it is asked for those only
    // who have lost their name.
    Statement& insert =
        db("insert into refusal (user, at, promotion_id, code, detail) select ?1, ?2, ?3, ?4, ?5 "
           "where not exists (select 1 from user u cross join audit a where u.ref = ?1 and u.id is null "
           "and a.subject_user = ?1 and a.action = ?6 and a.at >= ?2)");
    std::set<UserRef> users;
    for (const auto& [user, row] : refusals) {
      insert.run(user, row.at.ms, row.promotion_id, row.code, row.detail, std::string_view(kErasure));
      users.insert(user);
    }
    Statement& trim =
        db("delete from refusal where user = ?1 and no <= (select no from refusal where user = ?1 order by no desc "
           "limit 1 offset ?2)");
    for (const UserRef user : users) trim.run(user, kRefusalsKept);
    return !refusals.empty();
  });
}

Result<std::int64_t> SqliteLedger::drop_older_than(const Retention& limits) {
  return write([&](Connection& db) {
    db("delete from refusal where at < ?").run(limits.refusals.ms);
    std::int64_t dropped = db.changes();
    db("delete from attempt where effect in (select a.effect from attempt a join effect e on e.no = a.effect "
       "where e.state = 3 and e.updated_at < ?)")
        .run(limits.attempts.ms);
    dropped += db.changes();
    db("delete from inbound_rejection where at < ?").run(limits.rejections.ms);
    dropped += db.changes();
    db("update progress set dropped_before = max(dropped_before, ?)").run(limits.rejections.ms);
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
    {
      Rows rows =
          db("select partition, state from (select partition, state, count(*) as count from effect where kind <> 0 "
             "group by partition, state "
             "except select partition, state, count from notification_count where count <> 0) union "
             "select partition, state from (select partition, state, count from notification_count where count <> 0 "
             "except select partition, state, count(*) from effect where kind <> 0 group by partition, state)")
              .select();
      while (rows.next()) {
        problems.push_back("notification_count of partition " + rows.text(0) + ", state " + rows.text(1) +
                           " differs from the rows");
      }
    }
    {
      Rows rows = db(kLotteryTotalsDiffer).select();
      while (rows.next()) problems.push_back("lottery_total of partition " + rows.text(0) + " differs from the rows");
    }
    Rows rows =
        // In two parts, since sum() fails where the sum passes 64 bits; what is put together from them stays there.
        db("with rows_of as (select partition, count(*), min(9223372036854775807, "
           "sum(amount / 1000000) * 1000000 + sum(amount % 1000000)) from participation group by partition) "
           "select partition from (select * from rows_of except select partition, participations, spent from total) "
           "union "
           "select partition from (select partition, participations, spent from total except select * from rows_of)")
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
