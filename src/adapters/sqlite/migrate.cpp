#include "adapters/sqlite/migrate.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <system_error>

#include "adapters/sqlite/text.hpp"

namespace windfall::sqlite {

namespace {

std::string checksum(std::string_view sql) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(sql.data()), sql.size());
  return hex(digest);
}

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Last version applied; 0 for a new file.
int applied_version(Connection& connection, const std::string& path, std::span<const Migration> known) {
  if (connection.integer("select count(*) from sqlite_schema") == 0) return 0;
  if (connection.integer("select count(*) from sqlite_schema where name = 'schema_history'") == 0) {
    throw SqlError(FailureCode::conflict, path + " is a database, but not one of Windfall");
  }
  std::size_t applied = 0;
  Rows rows = connection("select version, name, checksum from schema_history order by version").select();
  for (; rows.next(); ++applied) {
    if (applied == known.size()) {
      throw SqlError(FailureCode::conflict,
                     fmt::format("{} has schema version {}, but this program knows only up to {}: it was "
                                 "written by a newer Windfall",
                                 path, rows.integer(0), known.size()));
    }
    const Migration& expected = known[applied];
    if (rows.integer(0) != expected.version || rows.text(2) != checksum(expected.sql)) {
      throw SqlError(FailureCode::damaged,
                     fmt::format("{}: migration {} ({}) was applied with another content than this program's", path,
                                 rows.integer(0), rows.text(1)));
    }
  }
  return static_cast<int>(applied);
}

void apply(Connection& connection, const Migration& migration) {
  Transaction transaction(connection, Access::write);
  connection.execute(std::string{migration.sql});
  connection("insert into schema_history (version, name, checksum, applied_at) values (?, ?, ?, ?)")
      .run(migration.version, migration.name, checksum(migration.sql), wall_clock_ms());
  transaction.commit();
}

void sync_path(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  if (!synced) throw SqlError(FailureCode::unavailable, path + " cannot be synced");
}

}  // namespace

void migrate(Connection& connection, const std::string& path, std::span<const Migration> known) {
  const int applied = applied_version(connection, path, known);
  if (applied == static_cast<int>(known.size())) return;
  if (applied > 0) {
    const std::string copy = fmt::format("{}.before-v{}", path, known.back().version);
    std::error_code ignored;
    std::filesystem::remove(copy, ignored);  // of an earlier try that did not get further
    copy_database(path, copy);
  }
  connection.execute(
      "create table if not exists schema_history (version integer primary key, name text not null, checksum text not "
      "null, "
      "applied_at integer not null) strict");
  for (const Migration& migration : known.subspan(static_cast<std::size_t>(applied))) apply(connection, migration);
}

void copy_database(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(to, ignored)) throw SqlError(FailureCode::conflict, to + " exists already");
  const std::string part = to + ".part";
  fs::remove(part, ignored);
  try {
    Connection source(from, Access::copy);
    source("vacuum into ?").run(part);
    sync_path(part, O_RDONLY);
    std::error_code error;
    fs::rename(part, to, error);
    if (error) throw SqlError(FailureCode::unavailable, to + ": " + error.message());
    const fs::path folder = fs::path(to).parent_path();
    sync_path(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  } catch (const SqlError&) {
    fs::remove(part, ignored);
    throw;
  }
}

}  // namespace windfall::sqlite
