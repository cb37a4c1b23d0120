// A PostgreSQL of the tests' own: made in a temporary folder, reached by a socket in it, synced like a real one, ended
// with its object.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace windfall::contract {

class PostgresServer {
 public:
  PostgresServer() = default;
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  /// Makes the database cluster and starts it. Empty, or why not; kMissing if it is not installed.
  std::string make();
  static constexpr const char* kMissing = "PostgreSQL is not installed";

  /// Ends it at once, as a crash would.
  void stop();
  /// Starts it again. Empty, or why not.
  std::string start();

  /// A connection string to a new schema of its own. Throws if it cannot be made.
  std::string new_schema();

  /// Of the process that the others come from.
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// A connection string without a schema.
  [[nodiscard]] std::string base() const;
  /// Of its socket.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::string programs_;
  pid_t pid_ = -1;
  int schemas_ = 0;
};

}  // namespace windfall::contract
