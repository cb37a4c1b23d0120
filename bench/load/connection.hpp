// One keep-alive connection of the load generator: one request at a time, answers read as far as the accounting needs
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace windfall::load {

struct Answer {
  int status = 0;
  std::string code;  ///< member `code` of a problem document, else empty
};

/// Not thread-safe; owns its socket. Only loopback: connecting is immediate there.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  /// Connects to 127.0.0.1. False if nobody listens.
  bool open(std::uint16_t port);
  void close();
  [[nodiscard]] int socket() const { return socket_; }

  /// Sends a whole request. False if the connection is gone; the peer may then have read it all the same.
  bool send(std::string_view request);

  enum class Progress : std::uint8_t { more, answered, gone };
  /// Reads what has arrived. After `answered`, take() is the answer.
  Progress receive();
  [[nodiscard]] const Answer& take() const { return answer_; }

 private:
  bool complete();

  int socket_ = -1;
  std::string input_;
  Answer answer_;
};

}  // namespace windfall::load
