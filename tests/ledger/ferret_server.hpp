// FerretDB, which speaks MongoDB's protocol, of the tests' own: the pinned one that scripts/cluster builds, over a
// database of its own in the tests' PostgreSQL; on a free loopback port, ended with its object.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ledger/postgres_server.hpp"

namespace windfall::contract {

class FerretServer {
 public:
  explicit FerretServer(const PostgresServer& postgres) : postgres_(postgres) {}
  FerretServer(const FerretServer&) = delete;
  FerretServer& operator=(const FerretServer&) = delete;
  ~FerretServer();

  /// Makes its database and starts it. Empty, or why not; kMissing if it was not built.
  std::string make();
  static constexpr const char* kMissing = "FerretDB is not built: scripts/cluster prepare --only ferretdb";

  /// Ends it at once, as a crash would.
  void stop();
  /// Starts it again, on the same port. Empty, or why not.
  std::string start();

  /// A connection string to an empty database: a new one, or one that was given back, whose collections and indexes are
  /// there already. Making those takes seconds.
  std::string take_database();
  /// Somebody has emptied it.
  void give_back(std::string uri) { free_.push_back(std::move(uri)); }

 private:
  const PostgresServer& postgres_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t pid_ = -1;
  int databases_ = 0;
  std::vector<std::string> free_;
};

}  // namespace windfall::contract
