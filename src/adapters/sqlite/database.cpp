#include "adapters/sqlite/database.hpp"

#include <sqlite3.h>

#include <cassert>
#include <cstring>

namespace windfall::sqlite {

namespace {

/// Another process that reads (the sqlite3 shell, a backup) may hold a lock for a moment.
constexpr int kBusyTimeoutMs = 5000;

/// Every commit is synced: an effect that is SENDING must be so on disk. The cache (64 MiB) holds the inner pages of
/// ten million rows. A batch of the log touches some thousand pages, often the same ones: a checkpoint each 64 MiB
/// writes them back once for many batches.
constexpr const char* kSettings = R"sql(
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma cache_size = -65536;
  pragma wal_autocheckpoint = 16384;
  pragma journal_size_limit = 67108864;
  pragma temp_store = memory;
)sql";
constexpr const char* kReaderSettings =
    "pragma query_only = on; pragma cache_size = -8192; pragma temp_store = memory;";

FailureCode failure_code(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return FailureCode::disk_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return FailureCode::damaged;
    default:
      return FailureCode::unavailable;
  }
}

/// Which of our files it is: "ledger: " for .../ledger.db.
std::string place(sqlite3* database) {
  const char* path = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  std::string_view name = path == nullptr ? "" : path;
  name.remove_prefix(name.rfind('/') + 1);
  return std::string{name.substr(0, name.find('.'))} + ": ";
}

[[noreturn]] void throw_error(sqlite3* database, int code, std::string_view what) {
  std::string message = place(database);
  message.append(what.substr(0, what.find('\n'))).append(": ").append(sqlite3_errmsg(database));
  throw SqlError(failure_code(code), std::move(message));
}

[[noreturn]] void throw_error(sqlite3_stmt* statement, int code) {
  throw_error(sqlite3_db_handle(statement), code, sqlite3_sql(statement));
}

void check(sqlite3_stmt* statement, int code) {
  if (code != SQLITE_OK) throw_error(statement, code);
}

Bytes16 bytes_of(UserRef user) {
  Bytes16 bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(user.hi >> (56 - (8 * i)));
    bytes[8 + i] = static_cast<std::uint8_t>(user.lo >> (56 - (8 * i)));
  }
  return bytes;
}

}  // namespace

// --- Rows

Rows::~Rows() { sqlite3_reset(statement_); }

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) throw_error(statement_, code);
  return false;
}

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Rows::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string Rows::blob(int column) const {
  const void* blob = sqlite3_column_blob(statement_, column);
  if (blob == nullptr) return {};
  return {static_cast<const char*>(blob), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Bytes16 Rows::bytes16(int column) const {
  Bytes16 bytes{};
  const void* blob = sqlite3_column_blob(statement_, column);
  if (blob == nullptr || sqlite3_column_bytes(statement_, column) != static_cast<int>(bytes.size())) {
    throw SqlError(FailureCode::damaged,
                   place(sqlite3_db_handle(statement_)) + sqlite3_column_name(statement_, column) + " is not 16 bytes");
  }
  std::memcpy(bytes.data(), blob, bytes.size());
  return bytes;
}

UserRef Rows::user(int column) const {
  const Bytes16 bytes = bytes16(column);
  UserRef user;
  for (std::size_t i = 0; i < 8; ++i) {
    user.hi = (user.hi << 8U) | bytes[i];
    user.lo = (user.lo << 8U) | bytes[8 + i];
  }
  return user;
}

bool Rows::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

// --- Statement

Statement::Statement(sqlite3* database, std::string_view sql) {
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement_, nullptr);
  if (code != SQLITE_OK) throw_error(database, code, sql);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(int at, std::nullptr_t, Values) { check(statement_, sqlite3_bind_null(statement_, at)); }

void Statement::bind(int at, std::string_view value, Values values) {
  const auto keep = values == Values::are_copied ? SQLITE_TRANSIENT : SQLITE_STATIC;
  const char* text = value.data() == nullptr ? "" : value.data();
  check(statement_, sqlite3_bind_text64(statement_, at, text, value.size(), keep, SQLITE_UTF8));
}

void Statement::bind(int at, Blob value, Values values) {
  const auto keep = values == Values::are_copied ? SQLITE_TRANSIENT : SQLITE_STATIC;
  check(statement_, sqlite3_bind_blob64(statement_, at, value.bytes.data(), value.bytes.size(), keep));
}

void Statement::bind(int at, const Bytes16& value, Values values) {
  const auto keep = values == Values::are_copied ? SQLITE_TRANSIENT : SQLITE_STATIC;
  check(statement_, sqlite3_bind_blob64(statement_, at, value.data(), value.size(), keep));
}

void Statement::bind(int at, UserRef value, Values) { bind(at, bytes_of(value), Values::are_copied); }

void Statement::bind_integer(int at, std::int64_t value) {
  check(statement_, sqlite3_bind_int64(statement_, at, value));
}

void Statement::finish() {
  int code = sqlite3_step(statement_);
  while (code == SQLITE_ROW) code = sqlite3_step(statement_);
  if (code != SQLITE_DONE) {
    try {
      throw_error(statement_, code);
    } catch (const SqlError&) {
      sqlite3_reset(statement_);
      throw;
    }
  }
  sqlite3_reset(statement_);
}

bool Statement::finish_unless_taken() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) {
    sqlite3_reset(statement_);
    return false;
  }
  if (code != SQLITE_DONE) {
    const SqlError error(failure_code(code),
                         place(sqlite3_db_handle(statement_)) + sqlite3_errmsg(sqlite3_db_handle(statement_)));
    sqlite3_reset(statement_);
    throw error;
  }
  sqlite3_reset(statement_);
  return true;
}

// --- Connection

Connection::Connection(const std::string& path, Access access) {
  // Nobody asks how much memory SQLite uses, and counting it takes a global lock at every allocation. Once, before its
  // first use.
  [[maybe_unused]] static const int kConfigured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (access == Access::write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &database_, flags, nullptr);
  try {
    if (code != SQLITE_OK) throw_error(database_, code, path);
    sqlite3_extended_result_codes(database_, 1);
    sqlite3_busy_timeout(database_, kBusyTimeoutMs);
    if (access == Access::write) execute(kSettings);
    if (access == Access::read) execute(kReaderSettings);
  } catch (const SqlError&) {
    sqlite3_close_v2(database_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(database_);
}

Statement& Connection::operator()(std::string_view sql) {
  std::unique_ptr<Statement>& known = statements_[sql.data()];
  if (!known) known = std::make_unique<Statement>(database_, sql);
  return *known;
}

void Connection::execute(const std::string& script) {
  const int code = sqlite3_exec(database_, script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_error(database_, code, script);
}

std::int64_t Connection::integer(std::string_view sql) {
  Rows rows = (*this)(sql).select();
  return rows.next() ? rows.integer(0) : 0;
}

std::int64_t Connection::last_row() const { return sqlite3_last_insert_rowid(database_); }

std::int64_t Connection::changes() const { return sqlite3_changes64(database_); }

// --- Transaction

Transaction::Transaction(Connection& connection, Access access) : connection_(connection) {
  connection_(access == Access::write ? "begin immediate" : "begin").run();
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    connection_("rollback").run();
  } catch (const SqlError&) {
    return;  // SQLite has rolled back by itself, as after a full disk
  }
}

void Transaction::commit() {
  connection_("commit").run();
  open_ = false;
}

// --- Readers

std::unique_ptr<Connection> Readers::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !free_.empty() || made_ < kMost; });
  if (!free_.empty()) {
    std::unique_ptr<Connection> connection = std::move(free_.back());
    free_.pop_back();
    return connection;
  }
  std::unique_ptr<Connection> connection = std::make_unique<Connection>(path_, Access::read);
  ++made_;
  return connection;
}

void Readers::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace windfall::sqlite
