#include "adapters/postgres/code_vault.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <unordered_set>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/sealed_code.hpp"
#include "adapters/postgres/database.hpp"
#include "adapters/postgres/migrate.hpp"

namespace windfall::postgres {

namespace {

using codec::name_of;
using codec::view_of;

/// Rows of one page of integrity(): a megabyte.
constexpr std::int64_t kPage = 4096;

std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

struct PrizeRow {
  std::int64_t no = 0;  ///< 0: there is none
  std::uint64_t written = 0;
  std::uint64_t committed = 0;
  bool announcing = false;
};

/// Locked until the transaction ends.
PrizeRow prize_row(Connection& db, const PrizeOfCodes& prize) {
  Rows rows = db.select(
      "select no, written, committed, coalesce(announcing_until > now(), false) from code_prize where promotion_id = "
      "$1 and prize_id = $2 for update",
      prize.promotion_id, prize.prize_id);
  if (!rows.next()) return {};
  return {.no = rows.integer(0),
          .written = unsigned_of(rows.integer(1)),
          .committed = unsigned_of(rows.integer(2)),
          .announcing = rows.boolean(3)};
}

/// What the lock on a prize is called: the length keeps two prizes from reading alike.
std::string lock_of(const PrizeOfCodes& prize) {
  return fmt::format("codes:{}:{}{}", prize.promotion_id.size(), prize.promotion_id, prize.prize_id);
}

SqlError another_import(const PrizeOfCodes& prize) {
  return {FailureCode::conflict, name_of(prize) + ": another import runs"};
}

/// Digests are looked for and written by one process at a time, so that none is written in between; a large batch may
/// keep the others waiting for some seconds. Until the transaction ends.
void lock_digests(Connection& db) {
  db.lift_limit();
  db.execute("set local lock_timeout = 0");
  db.select("select pg_advisory_xact_lock(hashtextextended('windfall codes:' || current_schema(), 0))");
}

/// Deletes the rows at and above `from`, whose ordinals are free again.
void cut(Connection& db, std::int64_t no, std::uint64_t from) {
  const std::int64_t deleted = db.run("delete from code where prize = $1::integer and ordinal >= $2::bigint", no, from);
  db.run(
      "update code_prize set written = least(written, $2::bigint), count = count - $3::bigint where no = $1::integer",
      no, from, deleted);
}

Failure no_such_import() { return {FailureCode::not_found, "codes: no such import is running"}; }

template <class Work>
auto in_transaction(Connection& db, Work work) {
  Transaction transaction(db, Transaction::Kind::change);
  auto result = work();
  transaction.commit();
  return result;
}

}  // namespace

Result<std::unique_ptr<PostgresCodeVault>> PostgresCodeVault::open(const std::string& connection, Seals& seals) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  return attempt([&] {
    std::unique_ptr<PostgresCodeVault> vault(new PostgresCodeVault(connection, seals));
    vault->pool_->with([&](Connection& db) {
      migrate(db, migrations());
      return vault->earlier_keys(db);
    });
    return vault;
  });
}

Result<std::unique_ptr<PostgresCodeVault>> PostgresCodeVault::open_later(const std::string& connection, Seals& seals) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  std::unique_ptr<PostgresCodeVault> vault(new PostgresCodeVault(connection, seals));
  vault->pool_->before_first_use([it = vault.get()](Connection& db) {
    migrate(db, migrations());
    it->earlier_keys(db);
  });
  return vault;
}

PostgresCodeVault::PostgresCodeVault(const std::string& connection, Seals& seals)
    : connection_string_(connection), seals_(seals), pool_(std::make_unique<Pool>(connection)) {}

PostgresCodeVault::~PostgresCodeVault() = default;

std::vector<KeyId> PostgresCodeVault::earlier_keys(Connection& db) {
  std::vector<KeyId> earlier;
  Rows rows = db.select("select id, fingerprint from code_key order by id");
  while (rows.next()) {
    const KeyId id{static_cast<std::uint32_t>(rows.integer(0))};
    const auto held = codec::check_code_key(seals_, id, rows.bytes(1), "postgres");
    if (!held) throw SqlError(held.error().code, held.error().message);
    if (id != seals_.current()) earlier.push_back(id);
  }
  return earlier;
}

void PostgresCodeVault::note_current_key(Connection& db) {
  const auto fingerprint = *seals_.fingerprint(seals_.current());
  db.run("insert into code_key (id, fingerprint) values ($1::bigint, $2::bytea) on conflict do nothing",
         seals_.current().value, Blob{view_of(fingerprint)});
}

// --- Importing

void PostgresCodeVault::GiveBack::operator()(Connection* holder) const {
  const std::unique_ptr<Connection> closed(holder);
  // If it cannot be said, the connection is broken, and the lock is gone with it.
  (void)attempt([&] { return closed->select("select pg_advisory_unlock_all()").count(); });
}

Result<CodeVault::Import> PostgresCodeVault::begin_import(const PrizeOfCodes& prize, std::uint64_t imported) {
  const std::lock_guard lock(importing_);
  return attempt([&] {
    Claim connection(new Connection(connection_string_));
    Connection& db = *connection;
    // Of the session, not of a transaction: as long as this connection lives.
    Rows locked =
        db.select("select pg_try_advisory_lock(hashtextextended(current_schema() || $1::text, 0))", lock_of(prize));
    if (!locked.next() || !locked.boolean(0)) throw another_import(prize);
    const std::int64_t no = in_transaction(db, [&] {
      const PrizeRow row = prize_row(db, prize);
      if (row.announcing) throw another_import(prize);
      if (imported > row.written) {
        throw SqlError(FailureCode::damaged, fmt::format("{}: {} codes were imported, but this vault has seen only {}",
                                                         name_of(prize), imported, row.written));
      }
      if (imported < row.committed) {
        throw SqlError(FailureCode::conflict,
                       fmt::format("{}: {} codes are committed as far as this vault knows, the import says {}",
                                   name_of(prize), row.committed, imported));
      }
      if (row.no != 0) {
        cut(db, row.no, imported);
        db.run("update code_prize set committed = $2::bigint, announcing_until = null where no = $1::integer", row.no,
               imported);
        return row.no;
      }
      Rows made = db.select(
          "insert into code_prize (promotion_id, prize_id, count, written, committed) values ($1, $2, 0, 0, 0) "
          "returning no",
          prize.promotion_id, prize.prize_id);
      made.next();
      return made.integer(0);
    });
    const Import import{++imports_};
    running_.emplace(
        import,
        Running{.prize = prize, .no = no, .first = imported, .next = imported, .connection = std::move(connection)});
    return import;
  });
}

Result<std::vector<std::uint64_t>> PostgresCodeVault::append(Import import, std::span<const CodeLine> lines) {
  const std::lock_guard lock(importing_);
  const auto running = running_.find(import);
  if (running == running_.end()) return tl::unexpected(no_such_import());
  Running& into = running->second;
  if (lines.size() > kAppendMost) return fail(FailureCode::invalid, name_of(into.prize) + ": too many codes at once");
  for (const CodeLine& line : lines) {
    if (!is_code(line.code)) {
      return fail(FailureCode::invalid, fmt::format("{}: line {} is no code", name_of(into.prize), line.line));
    }
  }
  std::uint64_t next = into.next;
  auto duplicates = attempt([&] {
    Connection& db = *into.connection;
    return in_transaction(db, [&] {
      lock_digests(db);
      const std::vector<bool> known_before = known(db, lines);
      note_current_key(db);
      std::vector<std::uint64_t> already;
      CopyRows rows(5);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (known_before[i]) {
          already.push_back(lines[i].line);
          continue;
        }
        const codec::SealedCode row = codec::seal_code(seals_, into.prize, next, lines[i].code);
        rows.row()
            .int4(into.no)
            .int8(static_cast<std::int64_t>(next++))
            .int8(row.key.value)
            .blob(row.sealed)
            .blob(view_of(row.digest));
      }
      db.copy("code (prize, ordinal, key, sealed, digest)", rows);
      db.run("update code_prize set written = $2::bigint, count = count + $3::bigint where no = $1::integer", into.no,
             next, next - into.next);
      return already;
    });
  });
  if (duplicates) into.next = next;
  return duplicates;
}

std::vector<bool> PostgresCodeVault::known(Connection& db, std::span<const CodeLine> lines) {
  std::vector<KeyId> keys = earlier_keys(db);
  keys.push_back(seals_.current());
  std::vector<bool> found(lines.size(), false);
  for (const KeyId key : keys) {
    // By position: what comes back is a number, not a digest to be looked up again.
    Array digests = Array::of_texts();
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::string digest = codec::to_hex(*seals_.digest(key, lines[i].code));
      digests.add(std::string_view{digest});
      if (!seen.insert(std::move(digest)).second) found[i] = true;
    }
    Rows rows = db.select(
        "select asked.place from unnest($1::text[]) with ordinality as asked (digest, place) join code on code.digest "
        "= decode(asked.digest, 'hex')",
        digests);
    while (rows.next()) found[static_cast<std::size_t>(rows.integer(0) - 1)] = true;
  }
  return found;
}

Result<std::uint64_t> PostgresCodeVault::finish_import(Import import) {
  const std::lock_guard lock(importing_);
  const auto running = running_.find(import);
  if (running == running_.end()) return tl::unexpected(no_such_import());
  const Running& of = running->second;
  // Over the connection that holds the lock: if that is gone, the prize may be somebody else's by now.
  return attempt([&] {
    of.connection->run(
        "update code_prize set announcing_until = now() + make_interval(secs => $2::bigint) where no = $1::integer",
        of.no, kAnnounceSeconds);
    return of.next - of.first;
  });
}

Result<bool> PostgresCodeVault::end_import(Import import, std::uint64_t imported) {
  const std::lock_guard lock(importing_);
  const auto running = running_.find(import);
  if (running == running_.end()) return false;
  const Running ended = std::move(running->second);
  running_.erase(running);
  constexpr std::string_view kEnd =
      "update code_prize set committed = greatest(committed, $2::bigint), announcing_until = null where no = "
      "$1::integer";
  if (attempt([&] { return ended.connection->run(kEnd, ended.no, imported); })) return true;
  // Without the lock only what never hurts: that so many are committed. A new connection, since those of the pool are
  // likely to be as broken.
  return attempt([&] {
    Connection db(connection_string_);
    db.run("update code_prize set committed = greatest(committed, $2::bigint) where no = $1::integer", ended.no,
           imported);
    return true;
  });
}

// --- Reading

Result<std::string> PostgresCodeVault::read(const PrizeOfCodes& prize, std::uint64_t ordinal) {
  return attempt([&] {
    return pool_->with([&](Connection& db) {
      Rows rows = db.select(
          "select c.key, c.sealed, c.digest from code c join code_prize p on p.no = c.prize where p.promotion_id = $1 "
          "and p.prize_id = $2 and c.ordinal = $3::bigint",
          prize.promotion_id, prize.prize_id, ordinal);
      if (!rows.next()) {
        throw SqlError(FailureCode::not_found, fmt::format("{}, ordinal {}: no such code", name_of(prize), ordinal));
      }
      return open_row(prize, ordinal, rows.integer(0), rows.bytes(1), rows.bytes(2));
    });
  });
}

std::string PostgresCodeVault::open_row(const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key,
                                        std::string_view sealed, std::string_view digest) {
  Result<std::string> code = codec::open_code(seals_, prize, ordinal, {.key = key, .sealed = sealed, .digest = digest});
  if (!code) throw SqlError(code.error().code, code.error().message);
  return std::move(*code);
}

Result<std::vector<CodeVault::Counts>> PostgresCodeVault::counts(std::string_view promotion_id) {
  return attempt([&] {
    return pool_->with([&](Connection& db) {
      std::vector<Counts> all;
      Rows rows = db.select(
          "select promotion_id, prize_id, count, written, committed from code_prize where $1::text = '' or "
          "promotion_id = $1::text order by promotion_id, prize_id",
          promotion_id);
      while (rows.next()) {
        all.push_back({.prize = {.promotion_id = rows.text(0), .prize_id = rows.text(1)},
                       .rows = unsigned_of(rows.integer(2)),
                       .written = unsigned_of(rows.integer(3)),
                       .committed = unsigned_of(rows.integer(4))});
      }
      return all;
    });
  });
}

Result<CodeVault::Resealed> PostgresCodeVault::reseal(std::size_t limit) {
  const std::lock_guard lock(resealing_);
  limit = std::min(limit, kBatchMost);
  const KeyId key = seals_.current();
  Place place = resealed_;
  struct Row {
    PrizeOfCodes prize;
    Place place;
    std::string code;
  };
  auto resealed = attempt([&] {
    return pool_->with([&](Connection& db) {
      return in_transaction(db, [&] {
        lock_digests(db);
        earlier_keys(db);
        note_current_key(db);
        std::vector<Row> found;
        Rows rows = db.select(
            "select p.promotion_id, p.prize_id, c.prize, c.ordinal, c.key, c.sealed, c.digest from code c join "
            "code_prize p on p.no = c.prize where (c.prize, c.ordinal) > ($2::integer, $3::bigint) and c.key <> "
            "$1::bigint order by c.prize, c.ordinal limit $4::bigint",
            key.value, place.prize, place.ordinal, limit);
        while (rows.next()) {
          Row row{.prize = {.promotion_id = rows.text(0), .prize_id = rows.text(1)},
                  .place = {.prize = rows.integer(2), .ordinal = rows.integer(3)},
                  .code = {}};
          row.code = open_row(row.prize, unsigned_of(row.place.ordinal), rows.integer(4), rows.bytes(5), rows.bytes(6));
          found.push_back(std::move(row));
        }
        for (const Row& row : found) {
          place = row.place;
          const codec::SealedCode anew = codec::seal_code(seals_, row.prize, unsigned_of(place.ordinal), row.code);
          db.run(
              "update code set key = $3::bigint, sealed = $4::bytea, digest = $5::bytea where prize = $1::integer and "
              "ordinal = $2::bigint",
              place.prize, place.ordinal, key.value, Blob{anew.sealed}, Blob{view_of(anew.digest)});
        }
        Resealed done{.rows = found.size(), .done = false};
        if (found.size() < limit) {
          // Another process may have sealed some under an earlier key, behind this one's back.
          done.done = !db.select("select from code where key <> $1::bigint limit 1", key.value).next();
          place = {};
        }
        if (done.done) db.run("delete from code_key where id <> $1::bigint", key.value);
        return done;
      });
    });
  });
  if (resealed) resealed_ = place;
  return resealed;
}

Result<bool> PostgresCodeVault::rewind(const PrizeOfCodes& prize, std::uint64_t imported) {
  return attempt([&] {
    return pool_->with([&](Connection& db) {
      return in_transaction(db, [&] {
        Rows locked = db.select("select pg_try_advisory_xact_lock(hashtextextended(current_schema() || $1::text, 0))",
                                lock_of(prize));
        if (!locked.next() || !locked.boolean(0)) throw another_import(prize);
        const PrizeRow row = prize_row(db, prize);
        if (row.no == 0) return false;
        cut(db, row.no, imported);
        db.run(
            "update code_prize set committed = least(committed, $2::bigint), announcing_until = null where no = "
            "$1::integer",
            row.no, imported);
        return true;
      });
    });
  });
}

// --- Checking

Result<std::vector<std::string>> PostgresCodeVault::integrity() {
  return attempt([&] {
    return pool_->with([&](Connection& db) {
      Transaction view(db, Transaction::Kind::snapshot);
      db.lift_limit();
      std::vector<std::string> problems;
      Rows counted = db.select(
          "select promotion_id, prize_id from code_prize p where committed > written or count <> (select count(*) from "
          "code where prize = p.no) or exists (select from code where prize = p.no and (ordinal < 0 or ordinal >= "
          "p.written)) order by no");
      while (counted.next()) {
        problems.push_back(name_of({.promotion_id = counted.text(0), .prize_id = counted.text(1)}) +
                           ": its counts differ from its rows");
      }
      std::int64_t prize = -1;
      std::int64_t ordinal = 0;
      for (int page = static_cast<int>(kPage); page == static_cast<int>(kPage);) {
        Rows rows = db.select(
            "select c.prize, c.ordinal, p.promotion_id, p.prize_id, c.key, c.sealed, c.digest from code c left "
            "join code_prize p on p.no = c.prize where (c.prize, c.ordinal) > ($1::integer, $2::bigint) order by "
            "c.prize, "
            "c.ordinal limit $3::bigint",
            prize, ordinal, kPage);
        page = rows.count();
        while (rows.next()) {
          prize = rows.integer(0);
          ordinal = rows.integer(1);
          const auto opened =
              codec::open_code(seals_, {.promotion_id = rows.text(2), .prize_id = rows.text(3)}, unsigned_of(ordinal),
                               {.key = rows.integer(4), .sealed = rows.bytes(5), .digest = rows.bytes(6)});
          if (!opened) problems.push_back(opened.error().message);
        }
      }
      view.commit();
      return problems;
    });
  });
}

}  // namespace windfall::postgres
