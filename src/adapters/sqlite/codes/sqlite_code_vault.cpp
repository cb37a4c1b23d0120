#include "adapters/sqlite/codes/sqlite_code_vault.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "adapters/codec/sealed_code.hpp"
#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/migrate.hpp"

namespace windfall::sqlite {

namespace {

using codec::name_of;
using codec::view_of;

std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

struct PrizeRow {
  std::int64_t no = 0;  ///< 0: there is none
  std::uint64_t written = 0;
  std::uint64_t committed = 0;
};

PrizeRow prize_row(Connection& db, const PrizeOfCodes& prize) {
  Rows rows = db("select no, written, committed from code_prize where promotion_id = ? and prize_id = ?")
                  .select(prize.promotion_id, prize.prize_id);
  if (!rows.next()) return {};
  return {.no = rows.integer(0), .written = unsigned_of(rows.integer(1)), .committed = unsigned_of(rows.integer(2))};
}

Failure no_such_import() { return {FailureCode::not_found, "codes: no such import is running"}; }

}  // namespace

Result<std::unique_ptr<SqliteCodeVault>> SqliteCodeVault::open(const std::string& path, Seals& seals) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium cannot be used on this machine");
  return attempt([&] {
    std::unique_ptr<SqliteCodeVault> vault(new SqliteCodeVault(path, seals));
    vault->prepare();
    return vault;
  });
}

SqliteCodeVault::SqliteCodeVault(std::string path, Seals& seals)
    : path_(std::move(path)),
      seals_(seals),
      writer_(std::make_unique<Connection>(path_, Access::write)),
      readers_(std::make_unique<Readers>(path_)) {}

SqliteCodeVault::~SqliteCodeVault() = default;

void SqliteCodeVault::prepare() {
  Connection& db = *writer_;
  migrate(db, path_, code_migrations());
  db.execute("pragma secure_delete = on");  // a dropped row leaves the file, ciphertext or not
  Rows rows = db("select id, fingerprint from code_key order by id").select();
  while (rows.next()) {
    const KeyId id{static_cast<std::uint32_t>(rows.integer(0))};
    const auto held = codec::check_code_key(seals_, id, rows.blob(1), path_);
    if (!held) throw SqlError(held.error().code, held.error().message);
    if (id == seals_.current()) {
      current_noted_ = true;
    } else {
      earlier_keys_.push_back(id);
    }
  }
}

template <class Work>
auto SqliteCodeVault::write(Work work) {
  return attempt([&] {
    Transaction transaction(*writer_, Access::write);
    auto result = work(*writer_);
    transaction.commit();
    return result;
  });
}

bool SqliteCodeVault::runs(const PrizeOfCodes& prize) const {
  return std::ranges::any_of(running_, [&](const auto& entry) { return entry.second.prize == prize; });
}

// --- Importing

Result<CodeVault::Import> SqliteCodeVault::begin_import(const PrizeOfCodes& prize, std::uint64_t imported) {
  const std::lock_guard lock(writing_);
  if (runs(prize)) return fail(FailureCode::conflict, name_of(prize) + ": another import runs");
  const auto no = write([&](Connection& db) {
    const PrizeRow row = prize_row(db, prize);
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
      cut(row.no, imported);
      db("update code_prize set committed = ? where no = ?").run(imported, row.no);
      return row.no;
    }
    db("insert into code_prize (promotion_id, prize_id, count, written, committed) values (?, ?, 0, 0, 0)")
        .run(prize.promotion_id, prize.prize_id);
    return db.last_row();
  });
  if (!no) return tl::unexpected(no.error());
  const Import import{++imports_};
  running_.emplace(import, Running{.prize = prize, .no = *no, .first = imported, .next = imported});
  return import;
}

Result<std::vector<std::uint64_t>> SqliteCodeVault::append(Import import, std::span<const CodeLine> lines) {
  const std::lock_guard lock(writing_);
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
  auto duplicates = write([&](Connection& db) {
    note_current_key();
    std::vector<std::uint64_t> already;
    Statement& insert = db("insert into code (prize, ordinal, key, sealed, digest) values (?, ?, ?, ?, ?)");
    for (const CodeLine& line : lines) {
      const codec::SealedCode row = codec::seal_code(seals_, into.prize, next, line.code);
      const bool taken =
          known_under_earlier_key(line.code) ||
          !insert.run_unless_taken(into.no, next, row.key.value, Blob{row.sealed}, Blob{view_of(row.digest)});
      taken ? already.push_back(line.line) : void(++next);
    }
    db("update code_prize set written = ?, count = count + ? where no = ?").run(next, next - into.next, into.no);
    return already;
  });
  if (duplicates) {
    into.next = next;
    current_noted_ = true;
  }
  return duplicates;
}

Result<std::uint64_t> SqliteCodeVault::finish_import(Import import) {
  const std::lock_guard lock(writing_);
  const auto running = running_.find(import);
  if (running == running_.end()) return tl::unexpected(no_such_import());
  return running->second.next - running->second.first;
}

Result<bool> SqliteCodeVault::end_import(Import import, std::uint64_t imported) {
  const std::lock_guard lock(writing_);
  const auto running = running_.find(import);
  if (running == running_.end()) return false;
  const std::int64_t no = running->second.no;
  running_.erase(running);
  return write([&](Connection& db) {
    db("update code_prize set committed = max(committed, ?) where no = ?").run(imported, no);
    return true;
  });
}

void SqliteCodeVault::note_current_key() {
  if (current_noted_) return;
  const auto fingerprint = *seals_.fingerprint(seals_.current());
  (*writer_)("insert into code_key (id, fingerprint) values (?, ?) on conflict do nothing")
      .run(seals_.current().value, Blob{view_of(fingerprint)});
}

void SqliteCodeVault::cut(std::int64_t no, std::uint64_t from) {
  Connection& db = *writer_;
  db("delete from code where prize = ? and ordinal >= ?").run(no, from);
  db("update code_prize set written = min(written, ?), count = count - ? where no = ?").run(from, db.changes(), no);
}

bool SqliteCodeVault::known_under_earlier_key(std::string_view code) {
  return std::ranges::any_of(earlier_keys_, [&](KeyId key) {
    const auto digest = *seals_.digest(key, code);
    Rows rows = (*writer_)("select 1 from code where digest = ?").select(Blob{view_of(digest)});
    return rows.next();
  });
}

// --- Reading

Result<std::string> SqliteCodeVault::read(const PrizeOfCodes& prize, std::uint64_t ordinal) {
  return attempt([&] {
    return readers_->with([&](Connection& db) {
      Rows rows = db("select c.key, c.sealed, c.digest from code c join code_prize p on p.no = c.prize "
                     "where p.promotion_id = ? and p.prize_id = ? and c.ordinal = ?")
                      .select(prize.promotion_id, prize.prize_id, ordinal);
      if (!rows.next()) {
        throw SqlError(FailureCode::not_found, fmt::format("{}, ordinal {}: no such code", name_of(prize), ordinal));
      }
      return open_row(prize, ordinal, rows.integer(0), rows.blob(1), rows.blob(2));
    });
  });
}

std::string SqliteCodeVault::open_row(const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key,
                                      std::string_view sealed, std::string_view digest) {
  Result<std::string> code = open_code_row(seals_, prize, ordinal, key, sealed, digest);
  if (!code) throw SqlError(code.error().code, code.error().message);
  return std::move(*code);
}

Result<std::string> open_code_row(Seals& seals, const PrizeOfCodes& prize, std::uint64_t ordinal, std::int64_t key,
                                  std::string_view sealed, std::string_view digest) {
  return codec::open_code(seals, prize, ordinal, {.key = key, .sealed = sealed, .digest = digest});
}

Result<std::vector<CodeVault::Counts>> SqliteCodeVault::counts(std::string_view promotion_id) {
  return attempt([&] {
    return readers_->with([&](Connection& db) {
      std::vector<Counts> all;
      Rows rows = db("select promotion_id, prize_id, count, written, committed from code_prize "
                     "where ?1 = '' or promotion_id = ?1 order by promotion_id, prize_id")
                      .select(promotion_id);
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

Result<CodeVault::Resealed> SqliteCodeVault::reseal(std::size_t limit) {
  const std::lock_guard lock(writing_);
  limit = std::min(limit, kBatchMost);
  const KeyId key = seals_.current();
  Place place = resealed_;
  auto resealed = write([&](Connection& db) {
    note_current_key();
    struct Row {
      PrizeOfCodes prize;
      Place place;
      std::string code;
    };
    std::vector<Row> found;
    {
      Rows rows = db("select p.promotion_id, p.prize_id, c.prize, c.ordinal, c.key, c.sealed, c.digest "
                     "from code c join code_prize p on p.no = c.prize "
                     "where (c.prize, c.ordinal) > (?, ?) and c.key <> ? order by c.prize, c.ordinal limit ?")
                      .select(place.prize, place.ordinal, key.value, limit);
      while (rows.next()) {
        Row row{.prize = {.promotion_id = rows.text(0), .prize_id = rows.text(1)},
                .place = {.prize = rows.integer(2), .ordinal = rows.integer(3)},
                .code = {}};
        row.code = open_row(row.prize, unsigned_of(row.place.ordinal), rows.integer(4), rows.blob(5), rows.blob(6));
        found.push_back(std::move(row));
      }
    }
    for (const Row& row : found) {
      const codec::SealedCode anew = codec::seal_code(seals_, row.prize, unsigned_of(row.place.ordinal), row.code);
      db("update code set key = ?, sealed = ?, digest = ? where prize = ? and ordinal = ?")
          .run(key.value, Blob{anew.sealed}, Blob{view_of(anew.digest)}, row.place.prize, row.place.ordinal);
      place = row.place;
    }
    Resealed done{.rows = found.size(), .done = false};
    if (found.size() < limit) {
      Rows left = db("select 1 from code where key <> ? limit 1").select(key.value);
      done.done = !left.next();
      place = {};
    }
    if (done.done) db("delete from code_key where id <> ?").run(key.value);
    return done;
  });
  if (!resealed) return resealed;
  current_noted_ = true;
  resealed_ = place;
  if (resealed->done) earlier_keys_.clear();
  return resealed;
}

Result<bool> SqliteCodeVault::rewind(const PrizeOfCodes& prize, std::uint64_t imported) {
  const std::lock_guard lock(writing_);
  if (runs(prize)) return fail(FailureCode::conflict, name_of(prize) + ": an import runs");
  return write([&](Connection& db) {
    const PrizeRow row = prize_row(db, prize);
    if (row.no == 0) return false;
    cut(row.no, imported);
    db("update code_prize set committed = min(committed, ?) where no = ?").run(imported, row.no);
    return true;
  });
}

// --- Checking

Result<std::vector<std::string>> SqliteCodeVault::integrity() {
  return attempt([&] {
    return readers_->with([&](Connection& db) {
      const Transaction view(db, Access::read);
      std::vector<std::string> problems;
      {
        Rows rows = db("pragma integrity_check").select();
        while (rows.next()) {
          if (rows.text(0) != "ok") problems.push_back("codes: " + rows.text(0));
        }
      }
      {
        Rows rows = db("select promotion_id, prize_id from code_prize p where committed > written or count <> (select "
                       "count(*) from code where prize = p.no) or exists (select 1 from code where prize = p.no and "
                       "(ordinal < 0 or ordinal >= p.written))")
                        .select();
        while (rows.next()) {
          problems.push_back(name_of({.promotion_id = rows.text(0), .prize_id = rows.text(1)}) +
                             ": its counts differ from its rows");
        }
      }
      Rows rows = db("select p.promotion_id, p.prize_id, c.ordinal, c.key, c.sealed, c.digest from code c "
                     "left join code_prize p on p.no = c.prize order by c.prize, c.ordinal")
                      .select();
      while (rows.next()) {
        const auto opened = attempt([&] {
          return open_row({.promotion_id = rows.text(0), .prize_id = rows.text(1)}, unsigned_of(rows.integer(2)),
                          rows.integer(3), rows.blob(4), rows.blob(5));
        });
        if (!opened) problems.push_back(opened.error().message);
      }
      return problems;
    });
  });
}

}  // namespace windfall::sqlite
