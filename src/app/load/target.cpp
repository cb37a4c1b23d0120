#include "app/load/target.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <memory>

namespace windfall::load {

Result<Target> resolve(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto invalid = [&](const char* why) { return fail(FailureCode::invalid, std::string(url) + ": " + why); };
  if (!url.starts_with(kScheme)) return invalid("expected http://HOST:PORT");
  Target target;
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  target.authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) target.path = rest.substr(slash);
  while (target.path.ends_with('/')) target.path.pop_back();

  std::string host = target.authority;
  std::string port = "80";
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    port = host.substr(colon + 1);
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty()) return invalid("expected http://HOST:PORT");

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return fail(FailureCode::unavailable, std::string(url) + ": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  target.length = found->ai_addrlen;
  return target;
}

int connect_to(const Target& target, std::chrono::milliseconds patience) {
  const int descriptor = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  // On Linux the time-out for sending bounds connecting too.
  constexpr std::int64_t kThousand = 1000;
  const timeval limit{.tv_sec = patience.count() / kThousand, .tv_usec = patience.count() % kThousand * kThousand};
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&target.address), target.length) != 0) {
    ::close(descriptor);
    return -1;
  }
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

}  // namespace windfall::load
