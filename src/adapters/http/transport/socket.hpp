// Owned sockets, and the few system calls around them that are not the connection's own.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "domain/kernel/result.hpp"

namespace windfall::http {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() { close(); }

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  void close();

 private:
  int descriptor_ = -1;
};

struct ListeningSocket {
  Socket socket;
  std::uint16_t port;
};

/// A non-blocking socket that listens. Resolves the host, which may block. Failures: invalid (host), unavailable
/// (address).
Result<ListeningSocket> open_listener(const std::string& host, std::uint16_t port);

enum class AcceptOutcome : std::uint8_t {
  accepted,
  none,      ///< nobody waits
  failed,    ///< that one is lost; the next may be there
  exhausted  ///< no descriptors or memory; trying at once would spin
};

/// Takes one waiting connection: non-blocking, without Nagle's delay. `peer` becomes its address without the port.
AcceptOutcome accept_one(const Socket& listener, Socket& accepted, std::string& peer);

}  // namespace windfall::http
