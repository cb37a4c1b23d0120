#include "app/proof/relabel.hpp"

#include <optional>

#include "adapters/codec/encoding.hpp"
#include "adapters/sqlite/audit_chain.hpp"
#include "adapters/sqlite/database.hpp"

namespace windfall::proof {

namespace {

using sqlite::Connection;
using sqlite::SqlError;

std::string chain_anew(Connection& db, std::string chain) {
  sqlite::Rows rows =
      db("select seq, at, actor, action, subject, subject_user, before, after, reason from audit order by seq")
          .select();
  sqlite::Statement& update = db("update audit set chain = ? where seq = ?");
  while (rows.next()) {
    const std::string actor = rows.text(2);
    const std::string action = rows.text(3);
    const std::string subject = rows.text(4);
    const std::string reason = rows.text(8);
    chain = sqlite::chain_of(chain, rows.integer(0),
                             {.at = Instant{rows.integer(1)},
                              .actor = actor,
                              .action = action,
                              .subject = subject,
                              .subject_user = rows.is_null(5) ? std::nullopt : std::optional{rows.user(5)},
                              .before = rows.text(6),
                              .after = rows.text(7),
                              .reason = reason});
    update.run(chain, rows.integer(0));
  }
  return chain;
}

}  // namespace

Result<std::int64_t> relabel(const std::string& ledger, const Relabelling& relabelling) {
  return sqlite::attempt([&] {
    Connection db(ledger, sqlite::Access::write);
    const std::string from = codec::to_hex(relabelling.from);
    const std::string to = codec::to_hex(relabelling.to);
    if (const auto broken = sqlite::first_broken_row(db, from)) {
      throw SqlError(FailureCode::damaged, "the audit's chain breaks at row " + std::to_string(*broken));
    }
    sqlite::Transaction transaction(db, sqlite::Access::write);
    const std::string chain = chain_anew(db, to);
    db("update meta set value = ? where key = 'lineage'").run(to);
    db("update meta set value = '0' where key = 'rebuild_until'").run();
    db("update progress set position = ?, chain = ?").run(relabelling.position, chain);
    // States as stored: 0 PENDING, 1 SENDING, 2 UNKNOWN. The server that was backed up went on: any of them may have
    // been sent meanwhile.
    db("update effect set state = 2, next_try = 0, updated_at = ?1, unknown_since = coalesce(unknown_since, ?1) where "
       "state in (0, 1, 2)")
        .run(relabelling.now.ms);
    db("delete from effect_count").run();
    db("insert into effect_count (partition, state, count) select partition, state, count(*) from effect group by "
       "partition, state")
        .run();
    db("delete from notification_count").run();
    db("insert into notification_count (partition, state, count) select partition, state, count(*) from effect where "
       "kind <> 0 group by partition, state")
        .run();
    const std::int64_t unknown = db.integer("select count(*) from effect where state = 2");
    transaction.commit();
    return unknown;
  });
}

}  // namespace windfall::proof
