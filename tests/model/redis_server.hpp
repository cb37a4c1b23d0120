// A real redis-server of our own for the length of a test: a child on a free loopback port, in a folder of its own,
// without persistence.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

struct redisContext;

namespace windfall::model {

/// An answer as Redis speaks it: text (integers and statuses too), a list, nothing, or an error.
struct Reply {
  struct Nil {};
  struct Error {
    std::string message;
  };
  std::variant<Nil, std::string, std::vector<Reply>, Error> value;

  [[nodiscard]] bool nil() const { return std::holds_alternative<Nil>(value); }
  [[nodiscard]] const Error* error() const { return std::get_if<Error>(&value); }
  /// The text; empty for anything else.
  [[nodiscard]] const std::string& text() const;
  /// The list; empty for anything else.
  [[nodiscard]] const std::vector<Reply>& items() const;
};

class RedisServer {
 public:
  RedisServer() = default;
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  /// Starts and connects. On failure the text says what to do about it; empty = ready.
  std::string start();
  Reply call(const std::vector<std::string>& command);

 private:
  pid_t pid_ = -1;
  std::string folder_;
  redisContext* connection_ = nullptr;
};

}  // namespace windfall::model
