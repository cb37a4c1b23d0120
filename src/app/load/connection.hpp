// One keep-alive connection of the load generator: one request at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/load/answer.hpp"
#include "app/load/target.hpp"

namespace windfall::load {

/// Not thread-safe; owns its socket.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  /// False if nobody listens.
  bool open(const Target& target);
  void close();
  [[nodiscard]] int socket() const { return socket_; }

  /// Sends a whole request. False if the connection is gone; the peer may then have read it all the same.
  bool send(std::string_view request);

  enum class Progress : std::uint8_t { more, answered, gone };
  /// Reads what has arrived. After `answered`, answer() is valid until the next send().
  Progress receive();
  [[nodiscard]] const RawAnswer& answer() const { return answer_; }

 private:
  int socket_ = -1;
  std::string input_;
  RawAnswer answer_;
};

}  // namespace windfall::load
