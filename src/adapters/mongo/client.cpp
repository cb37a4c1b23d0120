#include "adapters/mongo/client.hpp"

#include <fmt/format.h>
#include <mongoc/mongoc.h>

#include <mutex>
#include <string_view>
#include <utility>

namespace windfall::mongo {

namespace {

/// A server that does not answer within seconds is as good as away; the caller tries again.
constexpr std::int32_t kSelectMs = 5'000;
constexpr std::int32_t kConnectMs = 5'000;
/// The longest answer is one page of a query that has to read a collection.
constexpr std::int32_t kSocketMs = 30'000;
/// How long a write waits for the other members of a replica set.
constexpr std::int32_t kWriteConcernMs = 10'000;
/// Threads of this process that ask at once: two that write, four that read, one that projects, and room.
constexpr std::int32_t kConnections = 16;
constexpr const char* kDefaultDatabase = "windfall";
constexpr std::int32_t kErrorVersion = 2;

template <class T, void (*end)(T*)>
struct Ends {
  void operator()(T* it) const { end(it); }
};
template <class T, void (*end)(T*)>
using Owned = std::unique_ptr<T, Ends<T, end>>;
using Uri = Owned<mongoc_uri_t, mongoc_uri_destroy>;
using Clients = Owned<mongoc_client_pool_t, mongoc_client_pool_destroy>;
using Collection = Owned<mongoc_collection_t, mongoc_collection_destroy>;
using Cursor = Owned<mongoc_cursor_t, mongoc_cursor_destroy>;
using Bulk = Owned<mongoc_bulk_operation_t, mongoc_bulk_operation_destroy>;

void init_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    mongoc_init();
    mongoc_log_set_handler(nullptr, nullptr);  // failures come back as values
  });
}

tl::unexpected<Failure> failure(const char* what, std::string_view where, const bson_error_t& error) {
  const bool for_good = error.domain == MONGOC_ERROR_BSON || error.code == MONGOC_ERROR_COMMAND_INVALID_ARG ||
                        error.code == MONGOC_ERROR_DUPLICATE_KEY;
  return fail(for_good ? FailureCode::damaged : FailureCode::unavailable,
              fmt::format("mongodb: {} {}: {}", what, where, error.message));
}

/// True if every write that failed found its key taken.
bool only_duplicates(const bson_t* reply) {
  const View answer(reply);
  const std::vector<Document> errors = answer.array("writeErrors");
  if (errors.empty() || !answer.array("writeConcernErrors").empty()) return false;
  for (const Document& error : errors) {
    if (View(error).integer("code") != MONGOC_ERROR_DUPLICATE_KEY) return false;
  }
  return true;
}

}  // namespace

struct Client::Pool {
  Clients clients;
  std::string database;
};

/// A connection, for one command.
class Client::Held {
 public:
  explicit Held(Pool& pool) : pool_(pool), client_(mongoc_client_pool_pop(pool.clients.get())) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { mongoc_client_pool_push(pool_.clients.get(), client_); }

  [[nodiscard]] Collection collection(const char* name) const {
    return Collection(mongoc_client_get_collection(client_, pool_.database.c_str(), name));
  }
  [[nodiscard]] mongoc_client_t* client() const { return client_; }

 private:
  Pool& pool_;
  mongoc_client_t* client_;
};

Client::Client(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
Client::~Client() = default;

void Client::before_first_use(std::function<Result<bool>(Client&)> work) {
  first_ = std::move(work);
  ready_ = false;
}

Result<bool> Client::ready() {
  if (ready_) return true;
  const std::uint64_t known = tries_;
  const std::lock_guard lock(making_ready_);
  if (ready_) return true;
  // Whoever waited for a try that failed has its answer: with a server that is away, one after the other would wait.
  if (tries_ != known) return tl::unexpected(why_);
  Client plain(pool_);
  Result<bool> done = first_(plain);
  if (done) {
    ready_ = true;
  } else {
    why_ = done.error();
    ++tries_;
  }
  return done;
}

Result<std::unique_ptr<Client>> Client::open(const std::string& uri, const std::string& password) {
  init_once();
  bson_error_t error{};
  const Uri parsed(mongoc_uri_new_with_error(uri.c_str(), &error));
  // The library's own words might repeat a password that somebody wrote into it.
  if (!parsed) return fail(FailureCode::invalid, "mongodb: the connection string cannot be read");
  mongoc_uri_t* set = parsed.get();
  if (!password.empty() && !mongoc_uri_set_password(set, password.c_str())) {
    return fail(FailureCode::invalid, "mongodb: the password is no UTF-8");
  }
  const auto unless_said = [set](const char* name, std::int32_t value) {
    if (!mongoc_uri_has_option(set, name)) mongoc_uri_set_option_as_int32(set, name, value);
  };
  unless_said(MONGOC_URI_SERVERSELECTIONTIMEOUTMS, kSelectMs);
  unless_said(MONGOC_URI_CONNECTTIMEOUTMS, kConnectMs);
  unless_said(MONGOC_URI_SOCKETTIMEOUTMS, kSocketMs);
  unless_said(MONGOC_URI_MAXPOOLSIZE, kConnections);
  mongoc_uri_set_appname(set, "windfall");
  // What is reported as written survives the loss of a member; what is read was written so.
  const std::unique_ptr<mongoc_write_concern_t, Ends<mongoc_write_concern_t, mongoc_write_concern_destroy>> writes(
      mongoc_write_concern_new());
  mongoc_write_concern_set_wmajority(writes.get(), kWriteConcernMs);
  mongoc_write_concern_set_journal(writes.get(), true);
  mongoc_uri_set_write_concern(set, writes.get());
  const std::unique_ptr<mongoc_read_concern_t, Ends<mongoc_read_concern_t, mongoc_read_concern_destroy>> reads(
      mongoc_read_concern_new());
  mongoc_read_concern_set_level(reads.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);
  mongoc_uri_set_read_concern(set, reads.get());

  auto pool = std::make_shared<Pool>();
  const char* database = mongoc_uri_get_database(set);
  pool->database = database == nullptr || *database == '\0' ? kDefaultDatabase : database;
  pool->clients = Clients(mongoc_client_pool_new_with_error(set, &error));
  if (!pool->clients) return fail(FailureCode::invalid, fmt::format("mongodb: {}", error.message));
  mongoc_client_pool_set_error_api(pool->clients.get(), kErrorVersion);
  return std::unique_ptr<Client>(new Client(std::move(pool)));
}

// --- Reading

Result<bool> Client::each(const char* collection, const Find& find, const std::function<bool(const View&)>& row) {
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  const Collection from = held.collection(collection);
  Document options;
  if (!find.sort.empty()) options.document("sort", find.sort);
  if (find.limit > 0) options.integer("limit", find.limit);
  if (find.without != nullptr) {
    Document left_out;
    left_out.integer(find.without, std::int64_t{0});
    options.document("projection", left_out);
  }
  const Cursor cursor(mongoc_collection_find_with_opts(from.get(), find.filter.raw(), options.raw(), nullptr));
  const bson_t* found = nullptr;
  while (mongoc_cursor_next(cursor.get(), &found)) {
    if (!row(View(found))) return false;
  }
  bson_error_t error{};
  if (mongoc_cursor_error(cursor.get(), &error)) return failure("find in", collection, error);
  return true;
}

Result<std::vector<Document>> Client::find(const char* collection, const Find& find) {
  std::vector<Document> out;
  const Result<bool> read = each(collection, find, [&out](const View& found) {
    out.push_back(Document::copy_of(found.raw()));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return out;
}

Result<std::optional<Document>> Client::find_one(const char* collection, const Document& filter) {
  Result<std::vector<Document>> found = find(collection, {.filter = filter, .limit = 1});
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return std::nullopt;
  return std::optional{std::move(found->front())};
}

// --- Writing

Result<bool> Client::insert(const char* collection, const std::vector<Document>& documents) {
  if (documents.empty()) return true;
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  const Collection into = held.collection(collection);
  std::vector<const bson_t*> raw;
  raw.reserve(documents.size());
  for (const Document& document : documents) raw.push_back(document.raw());
  Document options;
  options.boolean("ordered", false);
  bson_error_t error{};
  Document reply;
  bson_destroy(reply.raw());  // the call makes it
  if (mongoc_collection_insert_many(into.get(), raw.data(), raw.size(), options.raw(), reply.raw(), &error)) {
    return true;
  }
  if (only_duplicates(reply.raw())) return false;
  return failure("insert into", collection, error);
}

Result<std::int64_t> Client::change(const char* collection, const std::vector<Change>& changes) {
  if (changes.empty()) return std::int64_t{0};
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  const Collection in = held.collection(collection);
  const Bulk bulk(mongoc_collection_create_bulk_operation_with_opts(in.get(), nullptr));
  bson_error_t error{};
  for (const Change& each : changes) {
    const bool added = each.replaces ? mongoc_bulk_operation_replace_one_with_opts(bulk.get(), each.filter.raw(),
                                                                                   each.change.raw(), nullptr, &error)
                                     : mongoc_bulk_operation_update_one_with_opts(bulk.get(), each.filter.raw(),
                                                                                  each.change.raw(), nullptr, &error);
    if (!added) return failure("change in", collection, error);
  }
  Document reply;
  bson_destroy(reply.raw());
  if (mongoc_bulk_operation_execute(bulk.get(), reply.raw(), &error) == 0) {
    return failure("change in", collection, error);
  }
  return View(reply).integer("nMatched");
}

Result<std::int64_t> Client::change_many(const char* collection, const Document& filter, const Document& change) {
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  const Collection in = held.collection(collection);
  bson_error_t error{};
  Document reply;
  bson_destroy(reply.raw());
  if (!mongoc_collection_update_many(in.get(), filter.raw(), change.raw(), nullptr, reply.raw(), &error)) {
    return failure("change in", collection, error);
  }
  return View(reply).integer("matchedCount");
}

Result<std::int64_t> Client::erase(const char* collection, const Document& filter) {
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  const Collection from = held.collection(collection);
  bson_error_t error{};
  Document reply;
  bson_destroy(reply.raw());
  if (!mongoc_collection_delete_many(from.get(), filter.raw(), nullptr, reply.raw(), &error)) {
    return failure("delete from", collection, error);
  }
  return View(reply).integer("deletedCount");
}

Result<bool> Client::command(const char* what, const Document& command) {
  const Result<bool> is_ready = ready();
  if (!is_ready) return tl::unexpected(is_ready.error());
  const Held held(*pool_);
  bson_error_t error{};
  Document reply;
  bson_destroy(reply.raw());
  if (!mongoc_client_write_command_with_opts(held.client(), pool_->database.c_str(), command.raw(), nullptr,
                                             reply.raw(), &error)) {
    return failure("command", what, error);
  }
  return true;
}

}  // namespace windfall::mongo
