// SqliteLedger as Effects. A settlement is no method here: it is an event, and comes with apply().
#include <algorithm>
#include <string>

#include "adapters/sqlite/access.hpp"
#include "adapters/sqlite/effect_counts.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"

namespace windfall::sqlite {

namespace {

/// The port's bound: what is SENDING after a crash has to be asked one by one.
constexpr int kMostTaken = 256;

/// While the ledger is being rebuilt, the log may still settle what looks open.
bool rebuilding(Connection& db) {
  return db.integer(
             "select position < (select cast(value as integer) from meta where key = 'rebuild_until') from progress") !=
         0;
}

struct Taken {
  std::int64_t no = 0;
  std::int64_t partition = 0;
  EffectState from{};
  DueEffect effect;
};

/// The questions to a queue. Its index is a partial one, so that its condition stands in their text.
struct Queue {
  std::string due;
  std::string next;
};

Queue queue_of(const std::string& index, const std::string& kinds) {
  const std::string from = " from effect e indexed by " + index;
  const std::string open = " where e.state in (0, 2) and " + kinds;
  const std::string in_order = " order by e.next_try, e.no limit ";
  return {.due =
              "select e.no, e.partition, e.state, e.id, u.id, p.id, e.amount, e.occurred_at, coalesce(a.tries - "
              "a.tries_before, 0), coalesce(a.first_at, 0), e.kind, iif(e.kind = 0, '', p.title), iif(e.kind = 1, "
              "p.definition ->> ('$.lottery.prizes[' || e.prize || '].name'), '')" +
              from +
              " join promotion p on p.partition = e.partition join user u on u.no = e.user left join attempt a on "
              "a.effect = e.no" +
              open + " and e.next_try <= ?" + in_order + "?",
          .next = "select e.next_try" + from + open + in_order + "1"};
}

const Queue& queue_of(PartnerEndpoint of) {
  static const Queue kAccruals = queue_of("effect_due_accrual", "e.kind = 0");
  static const Queue kNotifications = queue_of("effect_due_notification", "e.kind <> 0");
  return of == PartnerEndpoint::accruals ? kAccruals : kNotifications;
}

std::vector<Taken> find_due(Connection& db, PartnerEndpoint of, Instant due, std::int64_t limit) {
  Rows rows = db(queue_of(of).due).select(due.ms, limit);
  std::vector<Taken> taken;
  while (rows.next()) {
    const auto state = static_cast<EffectState>(rows.integer(2));
    taken.push_back({.no = rows.integer(0),
                     .partition = rows.integer(1),
                     .from = state,
                     .effect = {.id = rows.bytes16(3),
                                .user_id = rows.text(4),
                                .promotion_id = rows.text(5),
                                .amount = rows.integer(6),
                                .occurred_at = Instant{rows.integer(7)},
                                .tries = static_cast<int>(rows.integer(8)),
                                .first_tried_at = Instant{rows.integer(9)},
                                .unknown = state == EffectState::unknown,
                                .kind = static_cast<EffectKind>(rows.integer(10)),
                                .promotion_title = rows.text(11),
                                .prize_name = rows.text(12)}});
  }
  return taken;
}

constexpr const char* kDeadLetters =
    "select e.dead_letter, e.id, u.id, p.id, e.amount, coalesce(a.tries, 0), a.last_error, e.updated_at, e.kind from "
    "effect e "
    "indexed by effect_dead join promotion p on p.partition = e.partition join user u on u.no = e.user left join "
    "attempt a on a.effect = e.no where e.dead_letter > ? order by e.dead_letter limit ?";

std::vector<DeadLetter> find_dead(Connection& db, std::int64_t after, std::int64_t limit) {
  Rows rows = db(kDeadLetters).select(after, limit);
  std::vector<DeadLetter> letters;
  while (rows.next()) {
    letters.push_back({.id = rows.integer(0),
                       .effect = rows.bytes16(1),
                       .kind = name_of(static_cast<EffectKind>(rows.integer(8))),
                       .user_id = rows.text(2),
                       .promotion_id = rows.text(3),
                       .amount = rows.integer(4),
                       .tries = static_cast<int>(rows.integer(5)),
                       .last_error = rows.text(6),
                       .since = Instant{rows.integer(7)}});
  }
  return letters;
}

}  // namespace

Result<std::vector<DueEffect>> SqliteLedger::take_due(PartnerEndpoint of, Instant due, int limit) {
  return write([&](Connection& db) {
    std::vector<DueEffect> effects;
    if (rebuilding(db)) return effects;
    EffectCounts counts;
    Statement& sending = db("update effect set state = 1, next_try = 0 where no = ?");
    Statement& remember =
        db("insert into attempt (effect, taken_at) values (?, ?) on conflict (effect) do update set taken_at = "
           "excluded.taken_at");
    for (Taken& taken : find_due(db, of, due, std::min<std::int64_t>(at_least_zero(limit), kMostTaken))) {
      sending.run(taken.no);
      remember.run(taken.no, due.ms);
      counts.moved(taken.partition, taken.effect.kind, taken.from, EffectState::sending);
      effects.push_back(std::move(taken.effect));
    }
    counts.write(db);
    return effects;
  });
}

Result<bool> SqliteLedger::cancel_effect(const EffectId& effect) {
  return write([&](Connection& db) {
    if (rebuilding(db)) return false;
    std::int64_t no = 0;
    std::int64_t partition = 0;
    EffectKind kind{};
    std::int64_t occurred_at = 0;
    {
      Rows rows = db("select e.no, e.partition, e.kind, e.occurred_at from effect e indexed by effect_not_done left "
                     "join attempt a on a.effect = e.no where e.id = ? and e.state <> 3 and e.state = 0 and "
                     "coalesce(a.tries, 0) = 0")
                      .select(effect);
      if (!rows.next()) return false;
      no = rows.integer(0);
      partition = rows.integer(1);
      kind = static_cast<EffectKind>(rows.integer(2));
      occurred_at = rows.integer(3);
    }
    db("update effect set state = 1, next_try = 0 where no = ?").run(no);
    db("insert into attempt (effect, taken_at) values (?, ?) on conflict do nothing").run(no, occurred_at);
    EffectCounts counts;
    counts.moved(partition, kind, EffectState::pending, EffectState::sending);
    counts.write(db);
    return true;
  });
}

Result<Instant> SqliteLedger::next_due(PartnerEndpoint of) {
  return read([of](Connection& db) {
    if (rebuilding(db)) return kEndOfTime;
    Rows rows = db(queue_of(of).next).select();
    return rows.next() ? Instant{rows.integer(0)} : kEndOfTime;
  });
}

Result<bool> SqliteLedger::retry_later(const std::vector<Retry>& retries) {
  return write([&](Connection& db) {
    EffectCounts counts;
    bool all_found = true;
    for (const Retry& retry : retries) {
      std::int64_t no = 0;
      std::int64_t partition = 0;
      EffectKind kind{};
      {
        Rows rows = db("select no, partition, kind from effect indexed by effect_not_done where id = ? and state <> 3 "
                       "and state = 1")
                        .select(retry.id);
        if (!rows.next()) {  // settled meanwhile, or never taken: there is nothing to try again
          all_found = false;
          continue;
        }
        no = rows.integer(0);
        partition = rows.integer(1);
        kind = static_cast<EffectKind>(rows.integer(2));
      }
      const EffectState to = retry.unknown ? EffectState::unknown : EffectState::pending;
      db("update effect set state = ?1, next_try = ?2, unknown_since = iif(?1 = 2, coalesce(unknown_since, (select "
         "taken_at from attempt where attempt.effect = no)), null) where no = ?3")
          .run(static_cast<int>(to), retry.next_try.ms, no);
      db("update attempt set tries = tries + ?1, first_at = iif(?1 and first_at = 0, taken_at, first_at), last_error = "
         "?2 where effect = ?3")
          .run(retry.counted, retry.error, no);
      counts.moved(partition, kind, EffectState::sending, to);
    }
    counts.write(db);
    return all_found;
  });
}

Result<std::int64_t> SqliteLedger::recover() {
  return write([](Connection& db) {
    EffectCounts counts;
    std::int64_t recovered = 0;
    {
      Rows rows = db("select partition, count(*), kind from effect indexed by effect_sending where state = 1 group by "
                     "partition, "
                     "kind")
                      .select();
      while (rows.next()) {
        recovered += rows.integer(1);
        for (std::int64_t i = 0; i < rows.integer(1); ++i)
          counts.moved(rows.integer(0), static_cast<EffectKind>(rows.integer(2)), EffectState::sending,
                       EffectState::unknown);
      }
    }
    // The call may have been made: the schedule has begun.
    db("update attempt set first_at = taken_at where first_at = 0 and effect in (select no from effect indexed by "
       "effect_sending where state = 1)")
        .run();
    db("update effect indexed by effect_sending set state = 2, next_try = 0, unknown_since = coalesce(unknown_since, "
       "(select taken_at from attempt where attempt.effect = no), occurred_at) where state = 1")
        .run();
    counts.write(db);
    return recovered;
  });
}

Result<Effects::Gauges> SqliteLedger::gauges() {
  return read([](Connection& db) {
    Gauges gauges;
    {
      Rows rows = db("select state, sum(count) from effect_count group by state").select();
      while (rows.next()) {
        const std::int64_t count = rows.integer(1);
        switch (static_cast<EffectState>(rows.integer(0))) {
          case EffectState::pending:
          case EffectState::sending:
            gauges.pending += count;
            break;
          case EffectState::unknown:
            gauges.unknown = count;
            break;
          case EffectState::dead:
          case EffectState::done:
            break;
        }
      }
    }
    // Those that were dismissed are dead as ever, and no alarm any more.
    gauges.dead = db.integer("select count(*) from effect indexed by effect_dead where dead_letter > 0");
    Rows rows =
        db("select unknown_since from effect indexed by effect_unknown where state = 2 order by unknown_since limit 1")
            .select();
    if (rows.next()) gauges.oldest_unknown = Instant{rows.integer(0)};
    // One that is being asked for is as unknown as before: else its age would fall to nothing at every question.
    Rows asked = db("select count(*), min(unknown_since) from effect indexed by effect_sending where state = 1 and "
                    "unknown_since is not null")
                     .select();
    if (asked.next() && !asked.is_null(1)) {
      gauges.pending -= asked.integer(0);
      gauges.unknown += asked.integer(0);
      gauges.oldest_unknown = std::min(gauges.oldest_unknown, Instant{asked.integer(1)});
    }
    // Those never tried come first and in order of age, so a bounded look finds the oldest but for rows that wait for a
    // late retry behind thousands of others; it costs milliseconds however long the backlog is.
    Rows open = db("select min(occurred_at) from ("
                   "select occurred_at from (select occurred_at from effect indexed by effect_due_accrual where state "
                   "in (0, 2) "
                   "and kind = 0 order by next_try, no limit 10000) "
                   "union all select occurred_at from effect indexed by effect_sending where state = 1 and kind = 0)")
                    .select();
    if (open.next() && !open.is_null(0)) gauges.oldest_open = Instant{open.integer(0)};
    return gauges;
  });
}

Result<std::vector<DeadLetter>> SqliteLedger::dead_letters(std::int64_t after, int limit) {
  return read([&](Connection& db) { return find_dead(db, after, at_least_zero(limit)); });
}

Result<std::optional<DeadLetter>> SqliteLedger::dead_letter(std::int64_t id) {
  return read([&](Connection& db) -> std::optional<DeadLetter> {
    if (id <= 0) return std::nullopt;
    std::vector<DeadLetter> next = find_dead(db, id - 1, 1);
    if (next.empty() || next.front().id != id) return std::nullopt;
    return std::move(next.front());
  });
}

Result<bool> SqliteLedger::open_for(UserRef user) {
  return read([&](Connection& db) {
    return db("select 1 from participation j join effect e on e.no = j.effect where j.user = (select no from user "
              "where ref = ?1) and e.state in (0, 1, 2) union all select 1 from effect indexed by effect_of_lottery "
              "where ordinal = 0 and user = (select no from user where ref = ?1) and state in (0, 1, 2) limit 1")
        .select(user)
        .next();
  });
}

}  // namespace windfall::sqlite
