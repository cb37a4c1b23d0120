#include "adapters/postgres/database.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <cerrno>
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

/// A statement, as messages name it.
std::string_view name_of(std::string_view statement) { return statement.substr(0, statement.find('\n')).substr(0, 60); }

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

/// `use(names, values)` with the parameters of a connection.
template <class Use>
auto with_parameters(const std::string& connection_string, Use use) {
  // What stands before the string is a default that the string may change.
  const std::array<const char*, 9> names{"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                         "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                                         "dbname",           "client_encoding",  nullptr};
  const std::array<const char*, 9> values{kConnectTimeoutS,          kKeepaliveIdleS, kKeepaliveIntervalS,
                                          kKeepaliveCount,           kUserTimeoutMs,  "windfall",
                                          connection_string.c_str(), "UTF8",          nullptr};
  return use(names.data(), values.data());
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

Connection::Connection(const std::string& connection_string, std::int64_t answer_ms)
    : connection_string_(connection_string), answer_time_(answer_ms) {
  check_connection_string(connection_string);
  connection_ = with_parameters(connection_string, [](const char* const* names, const char* const* values) {
    return PQconnectdbParams(names, values, 1);
  });
  try {
    if (connection_ == nullptr) throw SqlError(FailureCode::unavailable, "postgres: no memory");
    if (PQstatus(connection_) != CONNECTION_OK) {
      throw SqlError(FailureCode::unavailable, "postgres: " + first_line(PQerrorMessage(connection_)));
    }
    PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
    if (PQsetnonblocking(connection_, 1) != 0) throw SqlError(FailureCode::unavailable, "postgres: no connection");
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
  return !late_ && PQstatus(connection_) == CONNECTION_OK && PQtransactionStatus(connection_) == PQTRANS_IDLE;
}

void Connection::fail_with(const pg_result* result, std::string_view what) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // Without a state the connection is gone, and the message is the library's.
  const std::string message = state == nullptr ? first_line(PQerrorMessage(connection_))
                                               : first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  const bool taken = state != nullptr && std::strcmp(state, "23505") == 0;
  throw SqlError(state == nullptr ? FailureCode::unavailable : failure_code(state),
                 fmt::format("postgres: {}: {}", name_of(what), message),
                 taken ? SqlError::Kind::unique_violation : SqlError::Kind::other);
}

ResultPtr Connection::checked(ResultPtr result, std::string_view what) {
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) fail_with(result.get(), what);
  return result;
}

void Connection::begin(std::string_view what) {
  if (late_) throw SqlError(FailureCode::unavailable, fmt::format("postgres: {}: the server hangs", name_of(what)));
  until_ = Steady::now() + answer_time_;
}

void Connection::send(bool done, std::string_view what) {
  if (!done) fail_with(nullptr, what);
  while (true) {
    const int rest = PQflush(connection_);
    if (rest == 0) return;
    if (rest < 0) fail_with(nullptr, what);
    wait(POLLIN | POLLOUT, what);
    // The server may not take more before somebody takes what it says.
    if (PQconsumeInput(connection_) != 1) fail_with(nullptr, what);
  }
}

ResultPtr Connection::answer(std::string_view what) {
  ResultPtr last;
  while (true) {
    while (PQisBusy(connection_) != 0) {
      wait(POLLIN, what);
      if (PQconsumeInput(connection_) != 1) fail_with(nullptr, what);
    }
    ResultPtr next(PQgetResult(connection_));
    if (!next) return last;
    last = std::move(next);
    // A COPY goes on with its rows; of a connection that is gone nothing more comes.
    if (PQresultStatus(last.get()) == PGRES_COPY_IN || PQstatus(connection_) != CONNECTION_OK) return last;
  }
}

void Connection::wait(short events, std::string_view what) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Steady::now());
    pollfd socket{.fd = PQsocket(connection_), .events = events, .revents = 0};
    if (socket.fd < 0) fail_with(nullptr, what);
    const int ready = left.count() <= 0 ? 0 : poll(&socket, 1, static_cast<int>(left.count()));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) fail_with(nullptr, what);
    if (ready < 0 || Steady::now() < until_) continue;
    if (!unhurried_ || !server_answers()) {
      late_ = true;
      throw SqlError(FailureCode::unavailable,
                     fmt::format("postgres: {}: no answer for {} ms", name_of(what), answer_time_.count()));
    }
    until_ = Steady::now() + answer_time_;
  }
}

/// Whoever may take long is silent meanwhile; that the server goes on, it tells somebody else.
bool Connection::server_answers() const {
  return with_parameters(connection_string_, [](const char* const* names, const char* const* values) {
    return PQpingParams(names, values, 1) == PQPING_OK;
  });
}

void Connection::lift_limit() {
  execute("set local statement_timeout = 0");
  unhurried_ = true;
}

ResultPtr Connection::run_prepared(std::string_view sql, const Parameters& parameters) {
  begin(sql);
  const auto [at, made] = prepared_.try_emplace(sql.data());
  if (made) {
    const std::string name = "s" + std::to_string(prepared_.size());
    try {
      send(PQsendPrepare(connection_, name.c_str(), std::string(sql).c_str(), 0, nullptr) == 1, sql);
      checked(answer(sql), sql);
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
  send(PQsendQueryPrepared(connection_, at->second.c_str(), static_cast<int>(values.size()), bytes.data(),
                           lengths.data(), formats.data(), 1) == 1,
       sql);
  return checked(answer(sql), sql);
}

std::int64_t Connection::changed_by(const ResultPtr& result) {
  const std::string_view text = PQcmdTuples(result.get());
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

Rows Connection::select_once(std::string_view sql) {
  begin(sql);
  const std::string text(sql);
  send(PQsendQueryParams(connection_, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) == 1, sql);
  return Rows(checked(answer(sql), sql));
}

void Connection::execute(const std::string& script) {
  begin(script);
  send(PQsendQuery(connection_, script.c_str()) == 1, script);
  checked(answer(script), script);
}

void Connection::copy(std::string_view into, CopyRows& rows) {
  if (rows.empty()) return;
  CopyStream(*this, into).finish(rows);
}

// --- CopyStream

CopyStream::CopyStream(Connection& connection, std::string_view into)
    : connection_(connection), command_(fmt::format("copy {} from stdin (format binary)", into)) {
  connection_.execute(command_);
}

CopyStream::~CopyStream() {
  if (!open_) return;
  // If the connection is gone, whoever uses it is told.
  static_cast<void>(attempt([this] {
    connection_.begin(command_);
    connection_.send(PQputCopyEnd(connection_.connection_, "abandoned") == 1, command_);
    return connection_.answer(command_);
  }));
}

void CopyStream::put(std::string_view bytes) {
  connection_.begin(command_);
  connection_.send(PQputCopyData(connection_.connection_, bytes.data(), static_cast<int>(bytes.size())) == 1, command_);
}

void CopyStream::send(CopyRows& rows) {
  if (rows.bytes() < kPart) return;
  rows.take_part(part_);
  put(part_);
}

void CopyStream::finish(CopyRows& rows) {
  put(rows.take());
  connection_.begin(command_);
  open_ = false;
  connection_.send(PQputCopyEnd(connection_.connection_, nullptr) == 1, command_);
  connection_.checked(connection_.answer(command_), command_);
}

// --- Transaction

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  connection_.execute(kind == Kind::change ? "begin" : "begin transaction isolation level repeatable read, read only");
}

Transaction::~Transaction() {
  connection_.unhurried_ = false;
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
