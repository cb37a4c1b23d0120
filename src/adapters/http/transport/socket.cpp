#include "adapters/http/transport/socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace windfall::http {

namespace {

/// Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn.
constexpr int kBacklog = 4096;

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address.ss_family == AF_INET6
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
                          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  if (inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::string without_brackets(const std::string& host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

void Socket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Result<ListeningSocket> open_listener(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(without_brackets(host).c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return fail(FailureCode::invalid, fmt::format("cannot resolve {}: {}", host, gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);

  const auto refused = [&](const char* call) {
    return fail(FailureCode::unavailable, fmt::format("cannot {} {}:{}: {}", call, host, port, std::strerror(errno)));
  };
  Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return refused("open");
  const int on = 1;
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.descriptor(), found->ai_addr, found->ai_addrlen) != 0) return refused("bind");
  if (::listen(socket.descriptor(), kBacklog) != 0) return refused("listen on");

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return refused("name");
  return ListeningSocket{.socket = std::move(socket), .port = port_of(bound)};
}

AcceptOutcome accept_one(const Socket& listener, Socket& accepted, std::string& peer) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int descriptor =
      accept4(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    switch (errno) {
      case EAGAIN:
        return AcceptOutcome::none;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return AcceptOutcome::exhausted;
      default:
        return AcceptOutcome::failed;
    }
  }
  accepted = Socket(descriptor);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on,
             sizeof on);  // each write is a whole answer: nothing to wait for
  peer = text_of(address);
  return AcceptOutcome::accepted;
}

}  // namespace windfall::http
