// The schemas of our SQLite files, forward only: numbered SQL scripts, each applied once, in its own transaction, and
// remembered with its checksum.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/sqlite/database.hpp"

namespace windfall::sqlite {

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

/// All that this program knows of the ledger, ascending from 1 without gaps.
[[nodiscard]] std::span<const Migration> migrations();
/// The same of the vault of codes.
[[nodiscard]] std::span<const Migration> code_migrations();

/// Applies what is missing. An existing file is copied to "<path>.before-v<version>" first, unless nothing is
/// missing. Throws conflict if the file is not of Windfall or its schema is newer than `known`, damaged if an applied
/// script was another one.
void migrate(Connection& connection, const std::string& path, std::span<const Migration> known);

/// Copies the database as of now to a new file, which is complete and on disk when this returns, or absent. Beside
/// running readers and writers. Throws conflict if the target exists.
void copy_database(const std::string& from, const std::string& to);

}  // namespace windfall::sqlite
