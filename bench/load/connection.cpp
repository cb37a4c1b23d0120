#include "connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace windfall::load {

namespace {

constexpr std::size_t kRead = 16384;  // larger than any answer to a write

/// Value of a header in the lines of `head`, or empty.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        strncasecmp(line.data(), name.data(), name.size()) == 0) {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

/// Text of the first member `code`; white space as any JSON writer may set it.
std::string problem_code(std::string_view body) {
  constexpr std::string_view kMember = "\"code\"";
  const std::size_t at = body.find(kMember);
  if (at == std::string_view::npos) return {};
  const std::size_t colon = body.find_first_not_of(" \t\r\n", at + kMember.size());
  if (colon == std::string_view::npos || body[colon] != ':') return {};
  const std::size_t from = body.find('"', colon) + 1;
  if (from == 0) return {};
  return std::string(body.substr(from, body.find('"', from) - from));
}

}  // namespace

bool Connection::open(std::uint16_t port) {
  close();
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close();
    return false;
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
  return true;
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  input_.clear();
}

bool Connection::send(std::string_view request) {
  // A request is far smaller than an empty socket's buffer: it goes whole or the connection is gone.
  return ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
}

Connection::Progress Connection::receive() {
  std::array<char, kRead> part;
  const ssize_t received = recv(socket_, part.data(), part.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::more;
  if (received <= 0) return Progress::gone;
  input_.append(part.data(), static_cast<std::size_t>(received));
  return complete() ? Progress::answered : Progress::more;
}

bool Connection::complete() {
  const std::size_t blank = input_.find("\r\n\r\n");
  if (blank == std::string::npos) return false;
  const std::string_view all = input_;
  const std::string_view head = all.substr(0, blank + 2);
  const std::size_t length = std::strtoul(std::string(header(head, "content-length")).c_str(), nullptr, 10);
  if (all.size() < blank + 4 + length) return false;
  constexpr std::size_t kStatusAt = 9;  // after "HTTP/1.1 "
  answer_.status = std::atoi(input_.c_str() + kStatusAt);
  answer_.code.clear();
  if (answer_.status >= 400) answer_.code = problem_code(all.substr(blank + 4, length));
  input_.clear();
  return true;
}

}  // namespace windfall::load
