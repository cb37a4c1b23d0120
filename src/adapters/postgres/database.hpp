// PostgreSQL as the rest of this adapter sees it: connections with their prepared statements, rows, transactions, and a
// small pool. Errors are thrown as SqlError inside the adapter; attempt() turns them into a Failure where a port method
// returns. No message holds a password, a connection string, or a value of a row.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/postgres/binary.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

struct pg_conn;
struct pg_result;

namespace windfall::postgres {

class SqlError : public std::exception {
 public:
  enum class Kind : std::uint8_t { unique_violation, other };

  SqlError(FailureCode code, std::string message, Kind kind = Kind::other)
      : failure_{code, std::move(message)}, kind_(kind) {}
  [[nodiscard]] const char* what() const noexcept override { return failure_.message.c_str(); }
  [[nodiscard]] const Failure& failure() const { return failure_; }
  [[nodiscard]] bool unique_violation() const { return kind_ == Kind::unique_violation; }

 private:
  Failure failure_;
  Kind kind_;
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

struct ClearResult {
  void operator()(pg_result* result) const;
};
using ResultPtr = std::unique_ptr<pg_result, ClearResult>;

/// The rows of a statement, all of them here.
class Rows {
 public:
  explicit Rows(ResultPtr result);

  /// Moves to the next row; false after the last.
  bool next() { return ++row_ < count_; }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int columns() const;

  [[nodiscard]] std::int64_t integer(int column) const;  ///< of smallint, integer, bigint; 0 for null
  [[nodiscard]] bool boolean(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }  ///< empty for null
  [[nodiscard]] std::string_view bytes(int column) const;  ///< valid as long as these rows; empty for null
  [[nodiscard]] Bytes16 uuid(int column) const;
  [[nodiscard]] UserRef user(int column) const { return user_of(uuid(column)); }
  [[nodiscard]] Instant time(int column) const;  ///< 1970 for null
  [[nodiscard]] LocalDay day(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  ResultPtr result_;
  int row_ = -1;
  int count_ = 0;
};

/// Parameters of one statement, $1 first.
class Parameters {
 public:
  template <class... Args>
  explicit Parameters(const Args&... args) {
    values_.reserve(sizeof...(args));
    (add(args), ...);
  }

  struct Value {
    std::string bytes;
    bool null = false;
    bool binary = false;
  };
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

 private:
  template <std::integral T>
  void add(T value) {
    values_.push_back({.bytes = std::to_string(value)});
  }
  void add(bool value) { values_.push_back({.bytes = value ? "t" : "f"}); }
  void add(std::nullopt_t) { values_.push_back({.bytes = {}, .null = true}); }
  void add(std::string_view text) {
    values_.push_back({.bytes = is_storable(text) ? std::string(text) : storable(text)});
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const char* text) { add(std::string_view(text)); }
  void add(Blob blob) { values_.push_back({.bytes = std::string(blob.bytes), .binary = true}); }
  void add(const Bytes16& uuid) {
    values_.push_back({.bytes = {reinterpret_cast<const char*>(uuid.data()), uuid.size()}, .binary = true});
  }
  void add(UserRef user) { add(bytes_of(user)); }
  void add(Instant at);
  void add(LocalDay day);
  void add(const Array& array) { values_.push_back({.bytes = array.bytes(), .binary = true}); }
  template <class T>
  void add(const std::optional<T>& value) {
    value ? add(*value) : add(std::nullopt);
  }

  std::vector<Value> values_;
};

/// How long a statement is waited for. The server ends one after 30 s by itself and says so; who says nothing for
/// longer hangs, while its kernel acknowledges what is sent and keeps the connection alive.
inline constexpr std::int64_t kAnswerMs = 35'000;

/// One connection; used by one thread at a time. Once broken it stays so. A statement that has no answer within
/// `answer_ms` fails as unavailable, and every later one at once: nobody knows what became of it.
class Connection {
 public:
  /// Throws unavailable if the server cannot be reached or refuses, conflict if its text is not UTF-8.
  explicit Connection(const std::string& connection_string, std::int64_t answer_ms = kAnswerMs);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Runs one statement, prepared when it is first seen; `sql` lives as long as the program.
  template <class... Args>
  Rows select(std::string_view sql, const Args&... args) {
    return Rows(run_prepared(sql, Parameters(args...)));
  }
  /// Rows changed.
  template <class... Args>
  std::int64_t run(std::string_view sql, const Args&... args) {
    return changed_by(run_prepared(sql, Parameters(args...)));
  }
  [[nodiscard]] std::int64_t integer(std::string_view sql) {
    Rows rows = select(sql);
    return rows.next() ? rows.integer(0) : 0;
  }
  /// First column of the first row; empty if there is none.
  template <class... Args>
  [[nodiscard]] std::string text(std::string_view sql, const Args&... args) {
    Rows rows = select(sql, args...);
    return rows.next() ? rows.text(0) : std::string{};
  }
  /// Runs one statement without parameters, not prepared: its text may mean something else another time.
  Rows select_once(std::string_view sql);
  /// Runs a script of several statements, not prepared.
  void execute(const std::string& script);
  /// COPY `into` FROM STDIN with these rows, if there are any; `into` names table and columns.
  void copy(std::string_view into, CopyRows& rows);
  /// Until the transaction ends, a statement may take as long as it takes; as long as the server answers others.
  void lift_limit();

  [[nodiscard]] bool usable() const;

 private:
  friend class CopyStream;
  friend class Transaction;
  using Steady = std::chrono::steady_clock;

  // Nothing here waits inside the library, which would wait for ever: a statement is sent and its answer waited for.
  void begin(std::string_view what);
  /// Sends the rest of what is to be sent; `done`: what the library said when it was given it.
  void send(bool done, std::string_view what);
  /// All that the server says to it; the last result, which may be null.
  ResultPtr answer(std::string_view what);
  void wait(short events, std::string_view what);
  [[nodiscard]] bool server_answers() const;
  ResultPtr run_prepared(std::string_view sql, const Parameters& parameters);
  static std::int64_t changed_by(const ResultPtr& result);
  /// Throws if it is that of a failure.
  ResultPtr checked(ResultPtr result, std::string_view what);
  [[noreturn]] void fail_with(const pg_result* result, std::string_view what);

  const std::string connection_string_;
  const std::chrono::milliseconds answer_time_;
  pg_conn* connection_ = nullptr;
  Steady::time_point until_;                               ///< when the statement that runs is late
  bool unhurried_ = false;                                 ///< its limit is lifted
  bool late_ = false;                                      ///< one was; the server may still be at it
  std::unordered_map<const char*, std::string> prepared_;  ///< names, by the address of the text
};

/// A COPY that runs while its rows are made, so that the server works meanwhile. Until it is finished nothing else may
/// run on the connection; without that it is abandoned, and the transaction with it.
class CopyStream {
 public:
  CopyStream(Connection& connection, std::string_view into);
  CopyStream(const CopyStream&) = delete;
  CopyStream& operator=(const CopyStream&) = delete;
  ~CopyStream();

  /// Sends what the rows hold if that is worth it.
  void send(CopyRows& rows);
  /// Sends the rest, and waits until the server has it all.
  void finish(CopyRows& rows);

 private:
  /// As much as a socket takes at once.
  static constexpr std::size_t kPart = 65'536;

  void put(std::string_view bytes);

  Connection& connection_;
  std::string command_;
  std::string part_;
  bool open_ = true;
};

/// Rolled back unless committed.
class Transaction {
 public:
  enum class Kind : std::uint8_t {
    change,    ///< each statement sees what is committed
    snapshot,  ///< one view for several reads
  };
  Transaction(Connection& connection, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

/// A few connections; whoever finds none free waits. A broken one is dropped, and the next caller tries anew: while the
/// server is away every call fails at once or after the connection's time-out.
class Pool {
 public:
  explicit Pool(std::string connection_string) : connection_string_(std::move(connection_string)) {}

  /// Runs `work(connection)` on a free connection.
  template <class Work>
  auto with(Work&& work) -> std::invoke_result_t<Work&, Connection&> {
    const Lease lease(*this);
    if (!ready_) make_ready(*lease.connection);
    return work(*lease.connection);
  }
  /// Has `work` done on a connection before anybody gets one to work with: once, if it succeeds. Before the first
  /// with().
  void before_first_use(std::function<void(Connection&)> work) {
    first_ = std::move(work);
    ready_ = false;
  }

 private:
  /// The ledger's writer, the effects, and as many readers as the blocking pool has threads; several processes share
  /// the server's limit of 100.
  static constexpr std::size_t kMost = 6;

  struct Lease {
    explicit Lease(Pool& from) : pool(from), connection(from.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool.give_back(std::move(connection)); }
    Pool& pool;
    std::unique_ptr<Connection> connection;
  };
  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);
  void make_ready(Connection& connection);

  const std::string connection_string_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> free_;
  std::size_t made_ = 0;
  std::atomic<bool> ready_{true};
  std::mutex making_ready_;
  std::function<void(Connection&)> first_;
};

}  // namespace windfall::postgres
