// A real redis-server of our own for the length of a test: a child on a free loopback port, in a folder of its own,
// without persistence.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "adapters/redis/reply.hpp"

struct redisContext;

namespace windfall::model {

class RedisServer {
 public:
  RedisServer() = default;
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  /// Starts and connects. On failure the text says what to do about it; empty = ready.
  std::string start();
  /// An error of the connection reads as an error reply.
  redis::Reply call(const redis::Arguments& command);
  /// The replies to commands sent together, in their order.
  std::vector<redis::Reply> call_all(const std::vector<redis::Arguments>& commands);
  /// Where it listens.
  [[nodiscard]] int port() const { return port_; }
  /// To be stopped and continued by signals.
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int port_ = -1;
  std::string folder_;
  redisContext* connection_ = nullptr;
};

}  // namespace windfall::model
