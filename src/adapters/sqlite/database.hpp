// SQLite as the rest of this adapter sees it: connections with their prepared statements, rows, transactions, and a
// pool of readers. Errors are thrown as SqlError inside the adapter; attempt() turns them into a Failure where a port
// method returns.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace windfall::sqlite {

using Bytes16 = std::array<std::uint8_t, 16>;

/// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

class SqlError : public std::exception {
 public:
  SqlError(FailureCode code, std::string message) : failure_{code, std::move(message)} {}
  [[nodiscard]] const char* what() const noexcept override { return failure_.message.c_str(); }
  [[nodiscard]] const Failure& failure() const { return failure_; }

 private:
  Failure failure_;
};

/// Runs `work`; what it throws as SqlError is the failure.
template <class Work>
auto attempt(Work&& work) -> Result<std::invoke_result_t<Work&>> {
  try {
    return work();
  } catch (const SqlError& error) {
    return tl::unexpected<Failure>(error.failure());
  }
}

/// Rows of one running statement, which is reset when they go out of scope.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  /// Moves to the next row; false after the last.
  bool next();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< empty for null
  [[nodiscard]] std::string blob(int column) const;  ///< empty for null
  [[nodiscard]] Bytes16 bytes16(int column) const;   ///< throws damaged unless it is 16 bytes
  [[nodiscard]] UserRef user(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  sqlite3_stmt* statement_;
};

/// A prepared statement. Parameters are bound in order.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// Runs it to its end.
  template <class... Args>
  void run(const Args&... args) {
    bind_all(Values::outlive_the_run, args...);
    finish();
  }
  /// Runs it to its end; false if a unique or primary key forbids it.
  template <class... Args>
  [[nodiscard]] bool run_unless_taken(const Args&... args) {
    bind_all(Values::outlive_the_run, args...);
    return finish_unless_taken();
  }
  template <class... Args>
  [[nodiscard]] Rows select(const Args&... args) {
    bind_all(Values::are_copied, args...);
    return Rows(statement_);
  }

 private:
  enum class Values : std::uint8_t { outlive_the_run, are_copied };

  template <class... Args>
  void bind_all(Values values, const Args&... args) {
    int at = 0;
    (bind(++at, args, values), ...);
  }
  template <class T>
    requires std::is_integral_v<T>
  void bind(int at, T value, Values) {
    bind_integer(at, static_cast<std::int64_t>(value));
  }
  void bind(int at, std::nullptr_t, Values);
  void bind(int at, std::string_view value, Values values);
  void bind(int at, const std::string& value, Values values) { bind(at, std::string_view{value}, values); }
  void bind(int at, const char* value, Values values) { bind(at, std::string_view{value}, values); }
  void bind(int at, Blob value, Values values);
  void bind(int at, const Bytes16& value, Values values);
  void bind(int at, UserRef value, Values);
  template <class T>
  void bind(int at, const std::optional<T>& value, Values values) {
    value ? bind(at, *value, values) : bind(at, nullptr, values);
  }
  void bind_integer(int at, std::int64_t value);
  void finish();
  bool finish_unless_taken();

  sqlite3_stmt* statement_ = nullptr;
};

enum class Access : std::uint8_t {
  write,  ///< the one writer; creates the file
  read,   ///< any number beside it
  copy,   ///< reads the whole file for a copy
};

/// One connection; used by one thread at a time.
class Connection {
 public:
  /// WAL; every commit is synced.
  Connection(const std::string& path, Access access);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// The prepared statement for a string that lives as long as the program; made once.
  Statement& operator()(std::string_view sql);
  /// Runs a script of several statements.
  void execute(const std::string& script);
  [[nodiscard]] std::int64_t integer(std::string_view sql);
  /// First column of the first row; empty if there is none.
  template <class... Args>
  [[nodiscard]] std::string text(std::string_view sql, const Args&... args) {
    Rows rows = (*this)(sql).select(args...);
    return rows.next() ? rows.text(0) : std::string{};
  }
  /// Number of the row inserted last.
  [[nodiscard]] std::int64_t last_row() const;
  /// Rows changed by the last statement.
  [[nodiscard]] std::int64_t changes() const;

 private:
  sqlite3* database_ = nullptr;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements_;  ///< by the address of its text
};

/// Rolled back unless committed.
class Transaction {
 public:
  /// Access::write takes the write lock at once; otherwise it is one view for several reads.
  Transaction(Connection& connection, Access access);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

/// A few connections that read while the writer writes; whoever finds none free waits.
class Readers {
 public:
  explicit Readers(std::string path) : path_(std::move(path)) {}

  /// Runs `work(connection)` on a free connection.
  template <class Work>
  auto with(Work&& work) -> std::invoke_result_t<Work&, Connection&> {
    const Lease lease(*this);
    return work(*lease.connection);
  }

 private:
  /// As many as the blocking pool has threads at most; more would only wait for the same disk.
  static constexpr std::size_t kMost = 4;

  struct Lease {
    explicit Lease(Readers& from) : readers(from), connection(from.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { readers.give_back(std::move(connection)); }
    Readers& readers;
    std::unique_ptr<Connection> connection;
  };
  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> free_;
  std::size_t made_ = 0;
};

}  // namespace windfall::sqlite
