// ledger.db and codes.db as fsck opens them: without writing a byte beside it or into it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "adapters/sqlite/database.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

class LedgerFile {
 public:
  /// `path` must not change meanwhile: no server uses the directory. not_found: there is no such file. damaged,
  /// unavailable: SQLite cannot read it so.
  static Result<std::unique_ptr<LedgerFile>> open(const std::string& path);
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;
  ~LedgerFile();

  /// The prepared statement for a literal. Throws sqlite::SqlError, as what is done with it does.
  sqlite::Statement& operator()(std::string_view sql);
  [[nodiscard]] std::int64_t integer(std::string_view sql);
  [[nodiscard]] sqlite3* handle() const { return database_; }

 private:
  explicit LedgerFile(sqlite3* database) : database_(database) {}

  sqlite3* database_;
  std::unordered_map<const char*, std::unique_ptr<sqlite::Statement>> statements_;
};

}  // namespace windfall::proof
