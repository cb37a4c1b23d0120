// SqliteLedger as LedgerRows: what stands in the rows, whatever the counts beside them say.
#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"

namespace windfall::sqlite {

namespace {

// By the indexes of users; 4294967295 is the second chance, which draws no ticket.
constexpr const char* kSumsOfUsers =
    "select user, partition, sum(joins), sum(held), sum(draws) from ("
    "select user, partition, count(*) as joins, 0 as held, 0 as draws from participation where user between ?1 and ?2 "
    "group by user, partition union all "
    "select user, partition, 0, sum(tickets), 0 from ticket where user between ?1 and ?2 group by user, partition "
    "union all "
    "select user, partition, 0, -sum(segment <> 4294967295), sum(segment <> 4294967295) from draw where user between "
    "?1 and ?2 group by user, partition) group by user, partition order by user, partition";

// ?1 is a JSON array of partitions.
// In two parts, since sum() fails where the sum passes 64 bits; what is put together from them stays there.
constexpr const char* kTotals =
    "insert into total (partition, participations, spent) select partition, count(*), min(9223372036854775807, "
    "sum(amount / 1000000) * 1000000 + sum(amount % 1000000)) from participation where partition in (select value from "
    "json_each(?1)) group by partition "
    "on conflict (partition) do update set participations = excluded.participations, spent = excluded.spent "
    "where participations <> excluded.participations or spent <> excluded.spent";
constexpr const char* kTotalsOfNothing =
    "delete from total where partition in (select value from json_each(?1)) and partition not in (select partition "
    "from "
    "participation)";

constexpr const char* kEffects =
    "insert into effect_count (partition, state, count) select partition, state, count(*) from effect where partition "
    "in (select value from json_each(?1)) group by partition, state on conflict (partition, state) do update set count "
    "= excluded.count where count <> "
    "excluded.count";
constexpr const char* kEffectsOfNothing =
    "update effect_count set count = 0 where count <> 0 and partition in (select value from json_each(?1)) and "
    "(partition, state) not in (select partition, state from "
    "effect group by partition, state)";
constexpr const char* kNotifications =
    "insert into notification_count (partition, state, count) select partition, state, count(*) from effect where kind "
    "<> 0 group by partition, state on conflict (partition, state) do update set count = excluded.count where count <> "
    "excluded.count";
constexpr const char* kNotificationsOfNothing =
    "update notification_count set count = 0 where count <> 0 and (partition, state) not in (select partition, state "
    "from effect where kind <> 0 group by partition, state)";

constexpr const char* kLotteries =
    "insert into lottery_total (partition, visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, "
    "second_won, voided, accruals) "
    "select partition, sum(visit), sum(invite_sent), sum(invite_opened), sum(adjustment), sum(revoked), sum(drawn), "
    "sum(won), sum(second_won), sum(voided), sum(accruals) from ("
    "select partition, sum(iif(tickets > 0 and cause = 0, tickets, 0)) as visit, "
    "sum(iif(tickets > 0 and cause = 1, tickets, 0)) as invite_sent, "
    "sum(iif(tickets > 0 and cause = 2, tickets, 0)) as invite_opened, "
    "sum(iif(tickets > 0 and cause = 3, tickets, 0)) as adjustment, sum(iif(tickets < 0, -tickets, 0)) as revoked, "
    "0 as drawn, 0 as won, 0 as second_won, 0 as voided, 0 as accruals from ticket group by partition union all "
    "select partition, 0, 0, 0, 0, 0, sum(segment <> 4294967295), sum(segment <> 4294967295 and prize is not null), "
    "sum(segment = 4294967295), sum(voided <> 0), sum(effect is not null and voided = 0) from draw group by partition "
    "union all select partition, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from lottery_total) where partition in (select value "
    "from json_each(?1)) group by partition "
    "on conflict (partition) do update set visit = excluded.visit, invite_sent = excluded.invite_sent, "
    "invite_opened = excluded.invite_opened, adjustment = excluded.adjustment, revoked = excluded.revoked, "
    "drawn = excluded.drawn, won = excluded.won, second_won = excluded.second_won, voided = excluded.voided, "
    "accruals = excluded.accruals where (visit, invite_sent, invite_opened, adjustment, revoked, drawn, won, "
    "second_won, voided, accruals) <> (excluded.visit, excluded.invite_sent, excluded.invite_opened, "
    "excluded.adjustment, excluded.revoked, excluded.drawn, excluded.won, excluded.second_won, excluded.voided, "
    "excluded.accruals)";

std::string as_json(const std::set<PartitionNo>& partitions) {
  std::string out = "[";
  for (const PartitionNo partition : partitions) {
    if (out.size() > 1) out += ',';
    out += std::to_string(partition.value);
  }
  return out + "]";
}

}  // namespace

Result<std::vector<LedgerRows::OfUser>> SqliteLedger::rows_of_users(std::int64_t after, int limit) {
  return read([&](Connection& db) {
    std::vector<OfUser> users;
    {
      Rows rows = db("select no, ref, coalesce(id, '') from user where no > ? order by no limit ?")
                      .select(after, at_least_zero(limit));
      while (rows.next()) {
        users.push_back({.number = rows.integer(0), .user = rows.user(1), .user_id = rows.text(2), .sums = {}});
      }
    }
    if (users.empty()) return users;
    Rows rows = db(kSumsOfUsers).select(users.front().number, users.back().number);
    auto of = users.begin();
    while (rows.next()) {
      const std::int64_t number = rows.integer(0);
      while (of != users.end() && of->number < number) ++of;
      // A row of nobody: the totals show what it stands for.
      if (of == users.end() || of->number != number) continue;
      of->sums.push_back({.partition = {static_cast<std::uint32_t>(rows.integer(1))},
                          .joins = rows.integer(2),
                          .held = rows.integer(3),
                          .draws = rows.integer(4)});
    }
    return users;
  });
}

Result<std::optional<std::int64_t>> SqliteLedger::number_of(UserRef user) {
  return read([&](Connection& db) -> std::optional<std::int64_t> {
    Rows rows = db("select no from user where ref = ?").select(user);
    return rows.next() ? std::optional{rows.integer(0)} : std::nullopt;
  });
}

Result<std::int64_t> SqliteLedger::recount(const Wrong& wrong) {
  return write([&wrong](Connection& db) {
    std::int64_t changed = 0;
    const auto count = [&](std::initializer_list<const char*> statements, const auto&... of) {
      for (const char* const sql : statements) {
        db(sql).run(of...);
        changed += db.changes();
      }
    };
    count({kTotals, kTotalsOfNothing}, as_json(wrong.joins));
    count({kEffects, kEffectsOfNothing}, as_json(wrong.effects));
    count({kNotifications, kNotificationsOfNothing});
    count({kLotteries}, as_json(wrong.lotteries));
    return changed;
  });
}

}  // namespace windfall::sqlite
