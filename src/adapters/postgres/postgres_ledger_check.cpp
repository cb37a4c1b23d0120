// PostgresLedger as something that is checked: what it noticed itself, and its rows against its counts and chains.
#include "adapters/codec/audit_chain.hpp"
#include "adapters/codec/encoding.hpp"
#include "adapters/postgres/access.hpp"
#include "adapters/postgres/effect_state.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

namespace {

/// Rows of one fetch: some megabytes at most.
constexpr std::string_view kFetch = "fetch 4096 from rows";

/// Calls `row` for every row of a query without parameters, page by page, in a snapshot of the caller.
template <class Row>
void each_row(Connection& db, const std::string& query, Row row) {
  db.execute("declare rows no scroll cursor for " + query);
  while (true) {
    Rows rows = db.select_once(kFetch);
    if (rows.count() == 0) break;
    while (rows.next()) row(rows);
  }
  db.execute("close rows");
}

struct Check {
  const char* sql;   ///< rows that differ: partition and, of effects, the state
  const char* what;  ///< is different
};

constexpr Check kChecks[] = {
    {"select distinct partition, state from ((select partition, state, count(*) as count from effect group by "
     "partition, state except select partition, state, count from effect_count where count <> 0) union all (select "
     "partition, state, count from effect_count where count <> 0 except select partition, state, count(*) from effect "
     "group by partition, state)) as d order by 1, 2",
     "effect_count"},
    {"select distinct partition, state from ((select partition, state, count(*) as count from effect where kind <> 0 "
     "group by partition, state except select partition, state, count from notification_count where count <> 0) union "
     "all (select partition, state, count from notification_count where count <> 0 except select partition, state, "
     "count(*) from effect where kind <> 0 group by partition, state)) as d order by 1, 2",
     "notification_count"},
    {"with counted as (select partition, sum(tickets) filter (where tickets > 0 and cause = 0) as visit, sum(tickets) "
     "filter (where tickets > 0 and cause = 1) as invite_sent, sum(tickets) filter (where tickets > 0 and cause = 2) "
     "as invite_opened, sum(tickets) filter (where tickets > 0 and cause = 3) as adjustment, -sum(tickets) filter "
     "(where tickets < 0) as revoked, 0::numeric as drawn, 0::numeric as won, 0::numeric as second_won, 0::numeric as "
     "voided, 0::numeric as accruals from ticket group by partition union all select partition, 0, 0, 0, 0, 0, "
     "count(*) "
     "filter (where segment <> 4294967295), count(prize) filter (where segment <> 4294967295), count(*) filter (where "
     "segment = 4294967295), count(*) filter (where voided <> 0), count(effect) filter (where voided = 0) from draw "
     "group by partition union all "
     "select partition, -visit, -invite_sent, -invite_opened, -adjustment, -revoked, -drawn, -won, -second_won, "
     "-voided, -accruals from lottery_total) select partition from counted group by partition having "
     "coalesce(sum(visit), 0) <> 0 or coalesce(sum(invite_sent), 0) <> 0 or coalesce(sum(invite_opened), 0) <> 0 or "
     "coalesce(sum(adjustment), 0) <> 0 or coalesce(sum(revoked), 0) <> 0 or coalesce(sum(drawn), 0) <> 0 or "
     "coalesce(sum(won), 0) <> 0 or coalesce(sum(second_won), 0) <> 0 or coalesce(sum(voided), 0) <> 0 or "
     "coalesce(sum(accruals), 0) <> 0 order by 1",
     "lottery_total"},
    {"select coalesce(r.partition, t.partition) from (select partition, count(*) as participations, "
     "least(9223372036854775807, sum(amount))::bigint as spent from participation group by partition) r full join "
     "total "
     "t on t.partition = r.partition where (r.participations, r.spent) is distinct from (t.participations, t.spent) "
     "order by 1",
     "total"},
    {"select coalesce(e.partition, p.partition) from (select partition, min(sequence) as first, max(sequence) as last, "
     "count(*) as count from event group by partition) e full join partition_position p on p.partition = e.partition "
     "where (e.first, e.last, e.count) is distinct from (1::bigint, p.sequence, p.sequence) and not (e.partition is "
     "null and p.sequence = 0) order by 1",  // an epoch may begin before the first event
     "event"},
};

}  // namespace

Result<std::vector<LedgerFinding>> PostgresLedger::findings() {
  return read([](Connection& db) {
    Rows rows = db.select("select at, kind, partition, epoch, sequence, detail from finding order by no");
    std::vector<LedgerFinding> out;
    while (rows.next()) {
      out.push_back({.at = rows.time(0),
                     .kind = rows.text(1),
                     .partition = {static_cast<std::uint32_t>(rows.integer(2))},
                     .epoch = {static_cast<std::uint32_t>(rows.integer(3))},
                     .sequence = {static_cast<std::uint64_t>(rows.integer(4))},
                     .detail = rows.text(5)});
    }
    return out;
  });
}

Result<ParticipationDigest> PostgresLedger::digest(PartitionNo partition) {
  return snapshot([&](Connection& db) {
    ParticipationDigest digest;
    each_row(db,
             "select u.ref, j.day, j.amount, j.sequence from participation j join identity u on u.no = j.user_no where "
             "j.partition = " +
                 std::to_string(partition.value),
             [&](const Rows& rows) {
               digest.add(rows.user(0), rows.day(1), rows.integer(2),
                          Sequence{static_cast<std::uint64_t>(rows.integer(3))});
             });
    return digest;
  });
}

Result<std::int64_t> PostgresLedger::effect_book(const std::function<void(const BookEntry&)>& entry) {
  return snapshot([&](Connection& db) {
    std::int64_t count = 0;
    each_row(db,
             "select e.id, u.id, p.id, e.amount, e.state, e.kind from effect e join promotion p on p.partition = "
             "e.partition "
             "join identity u on u.no = e.user_no order by e.no",
             [&](const Rows& rows) {
               entry({.effect = rows.uuid(0),
                      .kind = static_cast<EffectKind>(rows.integer(5)),
                      .user_id = rows.text(1),
                      .promotion_id = rows.text(2),
                      .amount = rows.integer(3),
                      .state = name_of(static_cast<EffectState>(rows.integer(4)))});
               ++count;
             });
    return count;
  });
}

Result<std::optional<std::int64_t>> PostgresLedger::first_broken_audit() {
  return snapshot([&](Connection& db) -> std::optional<std::int64_t> {
    std::string chain = codec::to_hex(options_.lineage);
    std::int64_t seq = 0;
    std::optional<std::int64_t> broken;
    each_row(db,
             "select seq, at, actor, action, subject, subject_user, before, after, reason, chain from audit order by "
             "seq",
             [&](const Rows& rows) {
               if (broken) return;
               ++seq;
               const std::string actor = rows.text(2);
               const std::string action = rows.text(3);
               const std::string subject = rows.text(4);
               const std::string reason = rows.text(8);
               chain = codec::chain_of(chain, seq,
                                       {.at = rows.time(1),
                                        .actor = actor,
                                        .action = action,
                                        .subject = subject,
                                        .subject_user = rows.is_null(5) ? std::nullopt : std::optional{rows.user(5)},
                                        .before = rows.text(6),
                                        .after = rows.text(7),
                                        .reason = reason});
               if (rows.integer(0) != seq || rows.text(9) != chain) broken = seq;
             });
    if (broken) return broken;
    Rows progress = db.select("select audit, chain from progress");
    if (!progress.next() || progress.integer(0) != seq || progress.text(1) != chain) return seq + 1;
    return std::nullopt;
  });
}

Result<std::vector<std::string>> PostgresLedger::integrity() {
  return snapshot([this](Connection& db) {
    std::vector<std::string> problems;
    for (const Check& check : kChecks) {
      // The log is where the ledger is.
      if (options_.keeps == Options::Keeps::effects && std::string_view(check.what) == "event") continue;
      Rows rows = db.select(check.sql);
      while (rows.next()) {
        std::string problem = std::string(check.what) + " of partition " + std::to_string(rows.integer(0));
        if (rows.columns() > 1) problem += ", state " + std::to_string(rows.integer(1));
        problems.push_back(problem + " differs from the rows");
      }
    }
    return problems;
  });
}

}  // namespace windfall::postgres
