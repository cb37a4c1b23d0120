#include "adapters/postgres/migrate.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cstdint>
#include <string>

#include "adapters/codec/encoding.hpp"

namespace windfall::postgres {

namespace {

constexpr const char* kOurTables =
    "select count(*), count(*) filter (where c.relname = 'schema_history') from pg_class c join pg_namespace n on "
    "n.oid "
    "= c.relnamespace where n.nspname = current_schema() and c.relkind in ('r', 'p')";

std::string checksum(std::string_view sql) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(sql.data()), sql.size());
  return codec::to_hex(digest);
}

/// Number of scripts that were applied.
std::size_t applied_so_far(Connection& connection, std::span<const Migration> known) {
  {
    Rows tables = connection.select(kOurTables);
    if (!tables.next() || tables.integer(0) == 0) return 0;
    if (tables.integer(1) == 0) {
      throw SqlError(FailureCode::conflict, "postgres: the schema holds tables, but not those of Windfall");
    }
  }
  std::size_t applied = 0;
  Rows rows = connection.select("select version, name, checksum from schema_history order by version");
  for (; rows.next(); ++applied) {
    if (applied == known.size()) {
      throw SqlError(FailureCode::conflict,
                     fmt::format("postgres: the schema has version {}, but this program knows only up to {}: it was "
                                 "written by a newer Windfall",
                                 rows.integer(0), known.size()));
    }
    const Migration& expected = known[applied];
    if (rows.integer(0) != expected.version || rows.text(2) != checksum(expected.sql)) {
      throw SqlError(FailureCode::damaged,
                     fmt::format("postgres: migration {} ({}) was applied with another content than this program's",
                                 rows.integer(0), rows.text(1)));
    }
  }
  return applied;
}

}  // namespace

void migrate(Connection& connection, std::span<const Migration> known) {
  Transaction transaction(connection, Transaction::Kind::change);
  // Waiting for another process that migrates, and migrating a large table, may take as long as it takes.
  connection.lift_limit();
  connection.execute("set local lock_timeout = 0");
  connection.execute("select pg_advisory_xact_lock(hashtextextended('windfall:' || current_schema(), 0))");
  const std::size_t applied = applied_so_far(connection, known);
  if (applied < known.size()) {
    connection.execute(
        "create table if not exists schema_history (version integer primary key, name text not null, checksum text not "
        "null, applied_at timestamptz not null default now())");
  }
  for (const Migration& migration : known.subspan(applied)) {
    connection.execute(std::string{migration.sql});
    connection.run("insert into schema_history (version, name, checksum) values ($1::integer, $2, $3)",
                   migration.version, migration.name, checksum(migration.sql));
  }
  transaction.commit();
}

}  // namespace windfall::postgres
