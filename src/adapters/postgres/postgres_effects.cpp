// PostgresLedger as Effects. A settlement comes with apply(), where it is an event, or by settle(). Several processes
// send: a row is locked by whoever takes it, skipped by the others, and then SENDING under its owner's name.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "adapters/postgres/access.hpp"
#include "adapters/postgres/batch.hpp"
#include "adapters/postgres/effect_state.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

namespace {

/// The port's bound: what is SENDING after a crash has to be asked one by one.
constexpr int kMostTaken = 256;

/// While the ledger is being rebuilt, the log may still settle what looks open.
bool rebuilding(Connection& db) {
  Rows rows = db.select("select position < (select value::bigint from meta where key = 'rebuild_until') from progress");
  return rows.next() && rows.boolean(0);
}

/// The questions to a queue. Its index is a partial one, so that its condition stands in their text.
struct Queue {
  std::string take;
  std::string next;
};

Queue queue_of(const std::string& kinds) {
  const std::string open = " from effect where state in (0, 2) and " + kinds;
  const std::string in_order = " order by next_try, no limit ";
  return {.take = "with due as (select id, state, next_try" + open + " and next_try <= $1" + in_order +
                  "$2 for update skip locked), taken as (update effect e set state = 1, next_try = 'epoch', taken_at = "
                  "$1, owner = $3, life = $4, deadline = clock_timestamp() + $5 * interval '1 millisecond' from due "
                  "where e.id = due.id returning e.*, due.state as was, due.next_try as due_at) "
                  "select t.id, u.id, p.id, t.amount, t.occurred_at, t.tries - t.tries_before, t.first_at, t.was, "
                  "t.kind, case when t.kind = 0 then '' else p.title end, case when t.kind = 1 then p.document -> "
                  "'lottery' -> 'prizes' -> t.prize ->> 'name' end, t.partition from taken t join promotion p on "
                  "p.partition = t.partition join identity u on u.no = t.user_no order by t.due_at, t.no",
          .next = "select next_try" + open + in_order + "1"};
}

const Queue& queue_of(PartnerEndpoint of) {
  static const Queue kAccruals = queue_of("kind = 0");
  static const Queue kNotifications = queue_of("kind <> 0");
  return of == PartnerEndpoint::accruals ? kAccruals : kNotifications;
}

constexpr const char* kDeadLetters =
    "select e.dead_letter, e.id, u.id, p.id, e.amount, e.tries, e.last_error, e.updated_at, e.kind from effect e join "
    "promotion p on p.partition = e.partition join identity u on u.no = e.user_no where e.dead_letter > $1 order by "
    "e.dead_letter limit $2";

/// The call may have been made: the schedule has begun.
constexpr const char* kRecover =
    "with gone as (select id from effect where state = 1 and ((owner = $1 and life <> $2) or deadline < "
    "clock_timestamp()) order by id for update), recovered as (update effect e set state = 2, next_try = 'epoch', "
    "first_at = coalesce(first_at, taken_at), unknown_since = coalesce(unknown_since, taken_at, occurred_at), owner = "
    "null, life = null, deadline = null from gone where e.id = gone.id returning e.partition, e.kind) "
    "select partition, kind, count(*) from recovered group by partition, kind";

/// Nobody's name.
constexpr std::string_view kNoOwner;

/// Its own rows only: whoever was thought to have gone may come back when another one is sending the row.
constexpr const char* kRetry =
    "update effect set state = $1::smallint, next_try = $2, unknown_since = case when $1::smallint = 2 then "
    "coalesce(unknown_since, taken_at) end, tries = tries + $3::integer, first_at = case when $3::integer > 0 then "
    "coalesce(first_at, taken_at) else first_at end, last_error = $4, owner = null, life = null, deadline = null where "
    "id = $5 and state = 1 and owner = $6 and life = $7 returning partition, kind";

std::vector<DeadLetter> find_dead(Connection& db, std::int64_t after, std::int64_t limit) {
  Rows rows = db.select(kDeadLetters, after, limit);
  std::vector<DeadLetter> letters;
  while (rows.next()) {
    letters.push_back({.id = rows.integer(0),
                       .effect = rows.uuid(1),
                       .kind = name_of(static_cast<EffectKind>(rows.integer(8))),
                       .user_id = rows.text(2),
                       .promotion_id = rows.text(3),
                       .amount = rows.integer(4),
                       .tries = static_cast<int>(rows.integer(5)),
                       .last_error = rows.text(6),
                       .since = rows.time(7)});
  }
  return letters;
}

/// What earlier lives of `owner` left SENDING, and what anybody did whose time is over; how many rows.
std::int64_t make_unknown(Connection& db, std::string_view owner, const std::array<std::uint8_t, 16>& life) {
  EffectCounts counts;
  std::int64_t recovered = 0;
  Rows rows = db.select(kRecover, owner, life);
  while (rows.next()) {
    recovered += rows.integer(2);
    counts.moved(rows.integer(0), static_cast<EffectKind>(rows.integer(1)), EffectState::sending, EffectState::unknown,
                 rows.integer(2));
  }
  counts.write(db);
  return recovered;
}

}  // namespace

Result<bool> PostgresLedger::settle(const std::vector<EffectSettled>& settled, Instant at) {
  const LogBatch nothing;
  return write([&](Connection& db) {
    KnownUsers nobody;
    Batch rows(db, nobody, nothing, Batch::Pace::together);
    rows.settle(settled, at);
    rows.write();
    return true;
  });
}

Result<std::vector<DueEffect>> PostgresLedger::take_due(PartnerEndpoint of, Instant due, int limit) {
  return write([&](Connection& db) {
    std::vector<DueEffect> effects;
    if (rebuilding(db)) return effects;
    EffectCounts counts;
    Rows rows = db.select(queue_of(of).take, due, std::min<std::int64_t>(at_least_zero(limit), kMostTaken),
                          options_.owner, life_, options_.sending_lease_ms);
    while (rows.next()) {
      const auto was = static_cast<EffectState>(rows.integer(7));
      const auto kind = static_cast<EffectKind>(rows.integer(8));
      counts.moved(rows.integer(11), kind, was, EffectState::sending);
      effects.push_back({.id = rows.uuid(0),
                         .user_id = rows.text(1),
                         .promotion_id = rows.text(2),
                         .amount = rows.integer(3),
                         .occurred_at = rows.time(4),
                         .tries = static_cast<int>(rows.integer(5)),
                         .first_tried_at = rows.time(6),
                         .unknown = was == EffectState::unknown,
                         .kind = kind,
                         .promotion_title = rows.text(9),
                         .prize_name = rows.text(10)});
    }
    counts.write(db);
    return effects;
  });
}

Result<bool> PostgresLedger::cancel_effect(const EffectId& effect) {
  return write([&](Connection& db) {
    if (rebuilding(db)) return false;
    Rows rows = db.select(
        "update effect set state = 1, next_try = 'epoch', taken_at = coalesce(taken_at, occurred_at), owner = $2, life "
        "= $3, deadline = clock_timestamp() + $4 * interval '1 millisecond' where id = $1 and state = 0 and tries = 0 "
        "returning partition, kind",
        effect, options_.owner, life_, options_.held_lease_ms);
    if (!rows.next()) return false;
    EffectCounts counts;
    counts.moved(rows.integer(0), static_cast<EffectKind>(rows.integer(1)), EffectState::pending, EffectState::sending);
    counts.write(db);
    return true;
  });
}

Result<Instant> PostgresLedger::next_due(PartnerEndpoint of) {
  return read([of](Connection& db) {
    if (rebuilding(db)) return kEndOfTime;
    Rows rows = db.select(queue_of(of).next);
    return rows.next() ? rows.time(0) : kEndOfTime;
  });
}

Result<bool> PostgresLedger::retry_later(const std::vector<Retry>& retries) {
  return write([&](Connection& db) {
    std::vector<const Retry*> in_order;
    in_order.reserve(retries.size());
    for (const Retry& retry : retries) in_order.push_back(&retry);
    std::ranges::sort(in_order, {}, [](const Retry* retry) { return retry->id; });  // as everybody locks them
    EffectCounts counts;
    bool all_found = true;
    for (const Retry* retry : in_order) {
      const EffectState to = retry->unknown ? EffectState::unknown : EffectState::pending;
      Rows rows = db.select(kRetry, static_cast<int>(to), retry->next_try, retry->counted ? 1 : 0, retry->error,
                            retry->id, options_.owner, life_);
      if (!rows.next()) {  // settled meanwhile, or never taken: there is nothing to try again
        all_found = false;
        continue;
      }
      counts.moved(rows.integer(0), static_cast<EffectKind>(rows.integer(1)), EffectState::sending, to);
    }
    counts.write(db);
    return all_found;
  });
}

Result<std::int64_t> PostgresLedger::recover() {
  return write([&](Connection& db) { return make_unknown(db, options_.owner, life_); });
}

Result<std::int64_t> PostgresLedger::recover_abandoned() {
  return write([&](Connection& db) { return make_unknown(db, kNoOwner, life_); });
}

Result<Effects::Gauges> PostgresLedger::gauges() {
  return snapshot([](Connection& db) {
    Gauges gauges;
    {
      Rows rows = db.select("select state, sum(count)::bigint from effect_count group by state");
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
    Rows dead = db.select("select count(*) from effect where dead_letter > 0");
    if (dead.next()) gauges.dead = dead.integer(0);
    Rows rows = db.select("select unknown_since from effect where state = 2 order by unknown_since limit 1");
    if (rows.next()) gauges.oldest_unknown = rows.time(0);
    // One that is being asked for is as unknown as before: else its age would fall to nothing at every question.
    Rows asked =
        db.select("select count(*), min(unknown_since) from effect where state = 1 and unknown_since is not null");
    if (asked.next() && !asked.is_null(1)) {
      gauges.pending -= asked.integer(0);
      gauges.unknown += asked.integer(0);
      gauges.oldest_unknown = std::min(gauges.oldest_unknown, asked.time(1));
    }
    // Those never tried come first and in order of age, so a bounded look finds the oldest but for rows that wait for a
    // late retry behind thousands of others; it costs milliseconds however long the backlog is.
    Rows open = db.select(
        "select min(occurred_at) from ((select occurred_at from effect where state in (0, 2) and kind = 0 order by "
        "next_try, no limit 10000) union all (select occurred_at from effect where state = 1 and kind = 0)) as o");
    if (open.next() && !open.is_null(0)) gauges.oldest_open = open.time(0);
    return gauges;
  });
}

Result<std::vector<DeadLetter>> PostgresLedger::dead_letters(std::int64_t after, int limit) {
  return read([&](Connection& db) { return find_dead(db, after, at_least_zero(limit)); });
}

Result<std::optional<DeadLetter>> PostgresLedger::dead_letter(std::int64_t id) {
  return read([&](Connection& db) -> std::optional<DeadLetter> {
    if (id <= 0) return std::nullopt;
    std::vector<DeadLetter> next = find_dead(db, id - 1, 1);
    if (next.empty() || next.front().id != id) return std::nullopt;
    return std::move(next.front());
  });
}

Result<bool> PostgresLedger::open_for(UserRef user) {
  return read([&](Connection& db) {
    return db
        .select(
            "select 1 from participation j join effect e on e.id = j.effect where j.user_no = (select no from identity "
            "where ref = $1) and e.state in (0, 1, 2) union all select 1 from effect where ordinal = 0 and user_no = "
            "(select no from identity where ref = $1) and state in (0, 1, 2) limit 1",
            user)
        .next();
  });
}

}  // namespace windfall::postgres
