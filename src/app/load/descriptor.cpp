#include "app/load/descriptor.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace windfall::load {

namespace {

constexpr std::size_t kRead = std::size_t{64} * 1024;  // a book is megabytes

}  // namespace

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void set_patience(const Descriptor& socket, std::chrono::milliseconds patience) {
  constexpr std::int64_t kThousand = 1000;
  const timeval limit{.tv_sec = patience.count() / kThousand, .tv_usec = patience.count() % kThousand * kThousand};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

bool send_all(const Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<std::size_t> receive(const Descriptor& socket, std::string& into) {
  std::array<char, kRead> part;
  ssize_t got = -1;
  do {
    got = ::recv(socket.get(), part.data(), part.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::nullopt;
  into.append(part.data(), static_cast<std::size_t>(got));
  return static_cast<std::size_t>(got);
}

}  // namespace windfall::load
