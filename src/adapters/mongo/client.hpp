// The one place that knows libmongoc: a pool of connections and the few commands that the ledger needs, all of them
// standard ones. Thread-safe, blocking; nothing throws. Failures name the command and the collection: unavailable (the
// server is away, or says no for now), damaged (it refuses what was written for good), invalid (the connection string).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mongo/bson.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::mongo {

struct Find {
  Document filter;
  Document sort = {};
  std::int64_t limit = 0;         ///< 0: all
  const char* without = nullptr;  ///< a member that is not wanted
};

/// One document of a collection, by its filter.
struct Change {
  Document filter;
  Document change;        ///< operators ($set, …), or the document that takes its place
  bool replaces = false;  ///< the latter
};

class Client {
 public:
  /// "mongodb://…", which may name the database ("windfall" if it does not). No connection is made yet.
  static Result<std::unique_ptr<Client>> open(const std::string& uri, const std::string& password);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Has `work` done, on the same connections, before anybody's first command: once, if it succeeds; until then every
  /// command fails as it did. Before any command, which may be none: see ready().
  void before_first_use(std::function<Result<bool>(Client&)> work);
  /// What is to be done before the first command is done now, if it is not yet.
  Result<bool> ready();

  Result<std::vector<Document>> find(const char* collection, const Find& find);
  Result<std::optional<Document>> find_one(const char* collection, const Document& filter);
  /// Calls `row` for each document; stops when it returns false, and is false then.
  Result<bool> each(const char* collection, const Find& find, const std::function<bool(const View&)>& row);

  /// What has a unique key that is there already is left out; true if nothing was.
  Result<bool> insert(const char* collection, const std::vector<Document>& documents);
  /// One after the other; those whose filter finds nothing change nothing. How many were found.
  Result<std::int64_t> change(const char* collection, const std::vector<Change>& changes);
  Result<std::int64_t> change_many(const char* collection, const Document& filter, const Document& change);
  /// How many went.
  Result<std::int64_t> erase(const char* collection, const Document& filter);
  Result<bool> command(const char* what, const Document& command);

 private:
  struct Pool;
  class Held;
  explicit Client(std::shared_ptr<Pool> pool);

  const std::shared_ptr<Pool> pool_;
  std::atomic<bool> ready_{true};
  std::atomic<std::uint64_t> tries_{0};  ///< that have failed
  std::mutex making_ready_;              ///< guards what follows
  std::function<Result<bool>(Client&)> first_;
  Failure why_{.code = FailureCode::unavailable, .message = {}};  ///< the last one failed
};

}  // namespace windfall::mongo
