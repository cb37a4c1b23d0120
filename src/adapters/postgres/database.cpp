#include "adapters/postgres/database.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <cstring>

namespace windfall::postgres {

namespace {

/// A server that does not answer within seconds is as good as away; the caller tries again.
constexpr const char* kConnectTimeoutS = "5";
/// A server that has vanished without a word is noticed after these: 10 + 3 × 3 s idle, 15 s while sending.
constexpr const char* kKeepaliveIdleS = "10";
constexpr const char* kKeepaliveIntervalS = "3";
constexpr const char* kKeepaliveCount = "3";
constexpr const char* kUserTimeoutMs = "15000";
/// No statement of ours needs long but those that read all, which lift the limit for themselves; whoever waits for a
/// lock waits for another process that applies a batch. The plan of a statement is made once, perhaps while a table is
/// empty: all of them go by index, which random_page_cost makes look as cheap as it is.
constexpr const char* kSettings =
    "set client_min_messages = warning; set statement_timeout = '30s'; set lock_timeout = '10s'; "
    "set idle_in_transaction_session_timeout = '60s'; set plan_cache_mode = force_generic_plan; set random_page_cost = "
    "1.1; "
    "set timezone = 'UTC'; set jit = off";

FailureCode failure_code(std::string_view state) {
  const std::string_view group = state.substr(0, 2);
  if (state == "53100") return FailureCode::disk_full;
  if (state == "42501") return FailureCode::unavailable;  // no privilege: somebody grants it, and all is well
  // Broken constraints, values that do not fit, statements that do not fit the schema, damaged pages.
  if (group == "22" || group == "23" || group == "42" || group == "XX") return FailureCode::damaged;
  return FailureCode::unavailable;
}

std::string first_line(const char* text) {
  std::string_view all = text == nullptr ? "" : text;
  return std::string{all.substr(0, all.find('\n'))};
}

template <std::integral T>
T big_endian(const char* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = (value << 8U) | static_cast<std::uint8_t>(bytes[i]);
  return static_cast<T>(value);
}

/// Throws if the string cannot be read; the library's own words would repeat parts of it.
void check_connection_string(const std::string& text) {
  char* why = nullptr;
  PQconninfoOption* options = PQconninfoParse(text.c_str(), &why);
  const bool readable = options != nullptr;
  PQconninfoFree(options);
  PQfreemem(why);
  if (!readable) throw SqlError(FailureCode::invalid, "postgres: the connection string cannot be read");
}

}  // namespace

void ClearResult::operator()(pg_result* result) const { PQclear(result); }

// --- Rows

Rows::Rows(ResultPtr result) : result_(std::move(result)), count_(PQntuples(result_.get())) {}

int Rows::columns() const { return PQnfields(result_.get()); }

bool Rows::is_null(int column) const { return PQgetisnull(result_.get(), row_, column) != 0; }

std::string_view Rows::bytes(int column) const {
  return {PQgetvalue(result_.get(), row_, column), static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
}

std::int64_t Rows::integer(int column) const {
  const std::string_view value = bytes(column);
  switch (value.size()) {
    case 0:
      return 0;
    case 1:
      return value[0];
    case 2:
      return big_endian<std::int16_t>(value.data());
    case 4:
      return big_endian<std::int32_t>(value.data());
    case 8:
      return big_endian<std::int64_t>(value.data());
    default:
      throw SqlError(FailureCode::damaged, fmt::format("postgres: {} is no integer", PQfname(result_.get(), column)));
  }
}

bool Rows::boolean(int column) const { return integer(column) != 0; }

Bytes16 Rows::uuid(int column) const {
  Bytes16 out{};
  const std::string_view value = bytes(column);
  if (value.size() != out.size()) {
    throw SqlError(FailureCode::damaged, fmt::format("postgres: {} is no UUID", PQfname(result_.get(), column)));
  }
  std::memcpy(out.data(), value.data(), out.size());
  return out;
}

Instant Rows::time(int column) const { return is_null(column) ? Instant{0} : instant_of(integer(column)); }

LocalDay Rows::day(int column) const { return {static_cast<std::int32_t>(integer(column)) + kEraDays}; }

// --- Parameters

void Parameters::add(Instant at) {
  Value value{.bytes = {}, .null = false, .binary = true};
  append_integer(value.bytes, micros_of(at));
  values_.push_back(std::move(value));
}

void Parameters::add(LocalDay day) {
  Value value{.bytes = {}, .null = false, .binary = true};
  append_integer(value.bytes, static_cast<std::int32_t>(day.days - kEraDays));
  values_.push_back(std::move(value));
}

// --- Connection

Connection::Connection(const std::string& connection_string) {
  check_connection_string(connection_string);
  // What stands before the string is a default that the string may change.
  const std::array<const char*, 9> names{"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                         "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                                         "dbname",           "client_encoding",  nullptr};
  const std::array<const char*, 9> values{kConnectTimeoutS,          kKeepaliveIdleS, kKeepaliveIntervalS,
                                          kKeepaliveCount,           kUserTimeoutMs,  "windfall",
                                          connection_string.c_str(), "UTF8",          nullptr};
  connection_ = PQconnectdbParams(names.data(), values.data(), 1);
  try {
    if (connection_ == nullptr) throw SqlError(FailureCode::unavailable, "postgres: no memory");
    if (PQstatus(connection_) != CONNECTION_OK) {
      throw SqlError(FailureCode::unavailable, "postgres: " + first_line(PQerrorMessage(connection_)));
    }
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
    const char* encoding = PQparameterStatus(connection_, "server_encoding");
    if (encoding == nullptr || std::strcmp(encoding, "UTF8") != 0) {
      throw SqlError(FailureCode::conflict, "postgres: the database is not of encoding UTF8");
    }
    execute(kSettings);
  } catch (const SqlError&) {
    PQfinish(connection_);
    throw;
  }
}

Connection::~Connection() { PQfinish(connection_); }

bool Connection::usable() const {
  return PQstatus(connection_) == CONNECTION_OK && PQtransactionStatus(connection_) == PQTRANS_IDLE;
}

void Connection::fail_with(const pg_result* result, std::string_view what) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // Without a state the connection is gone, and the message is the library's.
  const std::string message = state == nullptr ? first_line(PQerrorMessage(connection_))
                                               : first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  const bool taken = state != nullptr && std::strcmp(state, "23505") == 0;
  throw SqlError(state == nullptr ? FailureCode::unavailable : failure_code(state),
                 fmt::format("postgres: {}: {}", what.substr(0, what.find('\n')).substr(0, 60), message),
                 taken ? SqlError::Kind::unique_violation : SqlError::Kind::other);
}

ResultPtr Connection::checked(pg_result* result, std::string_view what) {
  ResultPtr owned(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) fail_with(result, what);
  return owned;
}

ResultPtr Connection::run_prepared(std::string_view sql, const Parameters& parameters) {
  const auto [at, made] = prepared_.try_emplace(sql.data());
  if (made) {
    const std::string name = "s" + std::to_string(prepared_.size());
    try {
      checked(PQprepare(connection_, name.c_str(), std::string(sql).c_str(), 0, nullptr), sql);
    } catch (const SqlError&) {
      prepared_.erase(at);
      throw;
    }
    at->second = name;
  }
  const std::vector<Parameters::Value>& values = parameters.values();
  std::vector<const char*> bytes;
  std::vector<int> lengths;
  std::vector<int> formats;
  bytes.reserve(values.size());
  for (const Parameters::Value& value : values) {
    bytes.push_back(value.null ? nullptr : value.bytes.c_str());
    lengths.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(value.binary ? 1 : 0);
  }
  return checked(PQexecPrepared(connection_, at->second.c_str(), static_cast<int>(values.size()), bytes.data(),
                                lengths.data(), formats.data(), 1),
                 sql);
}

std::int64_t Connection::changed_by(const ResultPtr& result) {
  const std::string_view text = PQcmdTuples(result.get());
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

Rows Connection::select_once(std::string_view sql) {
  return Rows(
      checked(PQexecParams(connection_, std::string(sql).c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1), sql));
}

void Connection::execute(const std::string& script) { checked(PQexec(connection_, script.c_str()), script); }

void Connection::copy(std::string_view into, CopyRows& rows) {
  if (rows.empty()) return;
  CopyStream(*this, into).finish(rows);
}

// --- CopyStream

CopyStream::CopyStream(Connection& connection, std::string_view into)
    : connection_(connection), command_(fmt::format("copy {} from stdin (format binary)", into)) {
  connection_.checked(PQexec(connection_.connection_, command_.c_str()), command_);
}

CopyStream::~CopyStream() {
  if (!open_) return;
  PQputCopyEnd(connection_.connection_, "abandoned");
  while (const ResultPtr result{PQgetResult(connection_.connection_)}) {
    if (PQresultStatus(result.get()) == PGRES_COPY_IN) break;  // the connection is gone; whoever uses it is told
  }
}

void CopyStream::put(std::string_view bytes) {
  if (PQputCopyData(connection_.connection_, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw SqlError(FailureCode::unavailable, "postgres: " + first_line(PQerrorMessage(connection_.connection_)));
  }
}

void CopyStream::send(CopyRows& rows) {
  if (rows.bytes() < kPart) return;
  rows.take_part(part_);
  put(part_);
}

void CopyStream::finish(CopyRows& rows) {
  put(rows.take());
  pg_conn* server = connection_.connection_;
  if (PQputCopyEnd(server, nullptr) != 1) {
    throw SqlError(FailureCode::unavailable, "postgres: " + first_line(PQerrorMessage(server)));
  }
  open_ = false;
  const ResultPtr result(PQgetResult(server));
  const ResultPtr end(PQgetResult(server));  // nothing, which ends the command
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) connection_.fail_with(result.get(), command_);
}

// --- Transaction

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  connection_.execute(kind == Kind::change ? "begin" : "begin transaction isolation level repeatable read, read only");
}

Transaction::~Transaction() {
  if (!open_) return;
  // If the connection is gone, the server rolls back by itself.
  static_cast<void>(attempt([this] {
    connection_.execute("rollback");
    return true;
  }));
}

void Transaction::commit() {
  open_ = false;
  connection_.execute("commit");
}

// --- Pool

void Pool::make_ready(Connection& connection) {
  const std::lock_guard lock(making_ready_);
  if (ready_) return;
  first_(connection);
  ready_ = true;
}

std::unique_ptr<Connection> Pool::take() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty() || made_ < kMost; });
    if (!free_.empty()) {
      std::unique_ptr<Connection> connection = std::move(free_.back());
      free_.pop_back();
      return connection;
    }
    ++made_;
  }
  try {
    return std::make_unique<Connection>(connection_string_);
  } catch (const SqlError&) {
    give_back(nullptr);
    throw;
  }
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    if (connection && connection->usable()) {
      free_.push_back(std::move(connection));
    } else {
      // The others go to the same server: whoever comes next finds out with one try, not with six.
      made_ -= 1 + free_.size();
      free_.clear();
    }
  }
  returned_.notify_one();
}

}  // namespace windfall::postgres
