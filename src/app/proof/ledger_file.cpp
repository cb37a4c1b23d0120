#include "app/proof/ledger_file.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <system_error>

namespace windfall::proof {

namespace {

std::uintmax_t size_of(const std::string& path) {
  std::error_code none;
  const std::uintmax_t size = std::filesystem::file_size(path, none);
  return none ? 0 : size;
}

/// A path within a file: URI.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<LedgerFile>> LedgerFile::open(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return fail(FailureCode::not_found, path + ": there is no ledger");
  // After an orderly stop everything is in the one file. After a crash the write-ahead log holds the last commits; with
  // readonly_shm its index is rebuilt in memory instead of in the -shm file.
  const bool crashed = size_of(path + "-wal") > 0;
  const std::string uri = "file:" + escaped(path) + (crashed ? "?mode=ro&readonly_shm=1" : "?mode=ro&immutable=1");
  sqlite3* database = nullptr;
  const int code =
      sqlite3_open_v2(uri.c_str(), &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<LedgerFile> file(new LedgerFile(database));
  if (code != SQLITE_OK) return fail(FailureCode::unavailable, fmt::format("{}: {}", path, sqlite3_errmsg(database)));
  sqlite3_extended_result_codes(database, 1);
  const auto readable = sqlite::attempt([&] { return file->integer("select count(*) from sqlite_schema"); });
  if (!readable) return fail(readable.error().code, path + ": " + readable.error().message);
  return file;
}

LedgerFile::~LedgerFile() {
  statements_.clear();
  sqlite3_close_v2(database_);
}

sqlite::Statement& LedgerFile::operator()(std::string_view sql) {
  std::unique_ptr<sqlite::Statement>& known = statements_[sql.data()];
  if (!known) known = std::make_unique<sqlite::Statement>(database_, sql);
  return *known;
}

std::int64_t LedgerFile::integer(std::string_view sql) {
  sqlite::Rows rows = (*this)(sql).select();
  return rows.next() ? rows.integer(0) : 0;
}

}  // namespace windfall::proof
