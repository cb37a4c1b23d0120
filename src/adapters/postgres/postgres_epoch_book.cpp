#include "adapters/postgres/postgres_epoch_book.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <utility>

#include "adapters/postgres/database.hpp"
#include "adapters/postgres/term.hpp"

namespace windfall::postgres {

namespace {

/// What is kept of processes and epochs of the past, for those who look into an incident.
constexpr const char* kForgetProcesses = "delete from process where ended_at < now() - interval '30 days'";
constexpr const char* kForgetConfirmations =
    "delete from epoch_confirmation c using partition_epoch g where g.partition = c.partition and g.epoch = c.epoch "
    "and "
    "g.granted_at < now() - interval '30 days'";
/// Clocks of this database and of the servers that decide may differ, and who is dead is noticed a little later.
constexpr std::int64_t kClocksDifferMs = 5'000;

struct Columns {
  Array partitions = Array::of_integers();
  Array epochs = Array::of_integers();
};

Columns columns_of(const std::vector<EpochBook::Entry>& entries) {
  Columns columns;
  for (const EpochBook::Entry& entry : entries) {
    columns.partitions.add(std::int64_t{entry.partition.value});
    columns.epochs.add(std::int64_t{entry.epoch.value});
  }
  return columns;
}

std::vector<EpochBook::Entry> entries_in(Rows rows) {
  std::vector<EpochBook::Entry> entries;
  while (rows.next()) {
    entries.push_back({.partition = {static_cast<std::uint32_t>(rows.integer(0))},
                       .epoch = {static_cast<std::uint32_t>(rows.integer(1))}});
  }
  return entries;
}

}  // namespace

PostgresEpochBook::PostgresEpochBook(std::string connection, std::string process)
    : process_(std::move(process)), pool_(std::make_unique<Pool>(std::move(connection))) {
  randombytes_buf(life_.data(), life_.size());
}

PostgresEpochBook::~PostgresEpochBook() = default;

template <class Work>
auto PostgresEpochBook::write(Work work) {
  return attempt([&] {
    return pool_->with([&](Connection& connection) {
      Transaction transaction(connection, Transaction::Kind::change);
      auto result = work(connection);
      transaction.commit();
      return result;
    });
  });
}

Result<Term> PostgresEpochBook::begin_term() {
  return write([&](Connection& db) {
    Rows rows = db.select("update leader set token = token + 1, process = $1, since = now() returning token", process_);
    if (!rows.next()) throw SqlError(FailureCode::damaged, "postgres: the leader's row is missing");
    const Term term{static_cast<std::uint64_t>(rows.integer(0))};
    db.run("update partition_epoch set closed_at = now() where closed_at is null");
    db.run(kForgetProcesses);
    db.run(kForgetConfirmations);
    return term;
  });
}

Result<bool> PostgresEpochBook::still(Term term) {
  return write([&](Connection& db) {
    hold_term(db, term.value);
    return true;
  });
}

Result<std::vector<EpochBook::Entry>> PostgresEpochBook::grant(Term term, const std::vector<Entry>& above) {
  return write([&](Connection& db) {
    hold_term(db, term.value);
    const Columns wanted = columns_of(above);
    // An earlier try of this term has come to nothing.
    db.run("update partition_epoch set closed_at = now() where closed_at is null and partition = any($1::bigint[])",
           wanted.partitions);
    return entries_in(db.select(
        "insert into partition_epoch (partition, epoch, token, granted_at) select w.partition, greatest(w.epoch, "
        "coalesce((select max(g.epoch) from partition_epoch g where g.partition = w.partition), 0), coalesce((select "
        "p.epoch from partition_position p where p.partition = w.partition), 0)) + 1, $3::bigint, now() from "
        "unnest($1::bigint[], $2::bigint[]) as w(partition, epoch) returning partition, epoch",
        wanted.partitions, wanted.epochs, term.value));
  });
}

Result<std::size_t> PostgresEpochBook::awaited(Term term, const std::vector<Entry>& granted, std::int64_t patience_ms) {
  return write([&](Connection& db) {
    hold_term(db, term.value);
    const Columns of = columns_of(granted);
    db.run(
        "update process p set ended_at = now() where ended_at is null and seen_at < now() - $3::bigint * interval '1 "
        "millisecond' and exists (select from unnest($1::bigint[], "
        "$2::bigint[]) as w(partition, epoch) join partition_epoch g on g.partition = w.partition and g.epoch = "
        "w.epoch "
        "where g.granted_at < now() - $3::bigint * interval '1 millisecond' and not exists (select from "
        "epoch_confirmation c where c.partition = w.partition and c.epoch = w.epoch and c.life = p.life))",
        of.partitions, of.epochs, patience_ms);
    Rows rows = db.select(
        "select count(*) from process p where ended_at is null and exists (select from unnest($1::bigint[], "
        "$2::bigint[]) as w(partition, epoch) where not exists (select from epoch_confirmation c where c.partition = "
        "w.partition and c.epoch = w.epoch and c.life = p.life))",
        of.partitions, of.epochs);
    return rows.next() ? static_cast<std::size_t>(rows.integer(0)) : std::size_t{0};
  });
}

Result<EpochBook::Ended> PostgresEpochBook::conclude(Term term, Entry entered, Sequence last, Instant last_at) {
  return write([&](Connection& db) {
    hold_term(db, term.value);
    Ended ended;
    Rows known = db.select(
        "select known_sequence from epoch_confirmation where partition = $1 and epoch = $2 order by known_epoch desc, "
        "known_sequence desc limit 1",
        entered.partition.value, entered.epoch.value);
    if (known.next()) {
      const auto sequence = static_cast<std::uint64_t>(known.integer(0));
      if (sequence > last.value) ended.lost = sequence - last.value;
    }
    // Whoever died before the last event that was kept knew of nothing behind it.
    Rows died = db.select("select exists (select from process where ended_at >= $1 and not orderly)",
                          Instant{last_at.ms - kClocksDifferMs});
    ended.at_least = died.next() && died.boolean(0);
    db.run(
        "update partition_epoch set closed_at = now(), in_force_at = now(), last_sequence = $3, lost = $4, at_least = "
        "$5 where partition = $1 and epoch = $2",
        entered.partition.value, entered.epoch.value, last.value, ended.lost, ended.at_least);
    return ended;
  });
}

Result<std::vector<EpochBook::Entry>> PostgresEpochBook::asked() {
  return attempt([&] {
    return pool_->with([&](Connection& db) {
      Rows own = db.select("select ended_at is null from process where life = $1", life_);
      if (!own.next() || !own.boolean(0)) {
        Transaction transaction(db, Transaction::Kind::change);
        db.run("update process set ended_at = now() where name = $1 and life <> $2 and ended_at is null", process_,
               life_);
        db.run(
            "insert into process (life, name, begun_at, seen_at) values ($1, $2, now(), now()) on conflict (life) do "
            "update set ended_at = null, seen_at = now()",
            life_, process_);
        transaction.commit();
      }
      std::vector<Entry> open = entries_in(db.select(
          "select partition, epoch from partition_epoch g where closed_at is null and not exists (select from "
          "epoch_confirmation c where c.partition = g.partition and c.epoch = g.epoch and c.life = $1) order by "
          "partition, epoch",
          life_));
      if (!open.empty()) db.run("update process set seen_at = now() where life = $1", life_);
      return open;
    });
  });
}

Result<bool> PostgresEpochBook::confirm(Entry asked, Epoch known_epoch, Sequence known) {
  return write([&](Connection& db) {
    return db.run(
               "insert into epoch_confirmation (partition, epoch, life, known_epoch, known_sequence) values ($1, $2, "
               "$3, $4, $5) on conflict do nothing",
               asked.partition.value, asked.epoch.value, life_, known_epoch.value, known.value) == 1;
  });
}

Result<bool> PostgresEpochBook::leave(bool orderly) {
  return write([&](Connection& db) {
    return db.run("update process set ended_at = now(), orderly = $2 where life = $1 and ended_at is null", life_,
                  orderly) == 1;
  });
}

}  // namespace windfall::postgres
