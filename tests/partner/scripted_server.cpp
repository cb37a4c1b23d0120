#include "partner/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace windfall::test {

namespace {

/// How soon a waiting thread notices that the server stops.
constexpr int kLookMs = 10;

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

std::string SeenRequest::header(std::string_view name) const {
  for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = std::string_view(head).substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        strncasecmp(line.data(), name.data(), name.size()) == 0) {
      return std::string(line.substr(line.find_first_not_of(' ', name.size() + 1)));
    }
  }
  return {};
}

Script answer(int status, std::string_view body, std::string_view headers) {
  std::string bytes = "HTTP/1.1 " + std::to_string(status) + " Whatever\r\n";
  if (status != 204) bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  bytes.append(headers).append("\r\n").append(body);
  return {.sends = {{.bytes = bytes}}};
}

ScriptedServer::ScriptedServer(Play play) : play_(std::move(play)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 128) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  accepting_.join();
  for (std::thread& one : serving_) one.join();
  ::close(listener_);
}

std::string ScriptedServer::url(std::string_view scheme) const {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_);
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    pollfd ready{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kLookMs) <= 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++connections_;
    serving_.emplace_back([this, socket] { serve(socket); });
  }
}

void ScriptedServer::serve(int socket) {
  std::string buffer;
  for (bool open = true; open;) {
    std::size_t end = std::string::npos;
    while (open && (end = buffer.find("\r\n\r\n")) == std::string::npos) open = read_more(socket, buffer);
    if (!open) break;
    SeenRequest request{.head = buffer.substr(0, end), .body = {}};
    buffer.erase(0, end + 4);
    const std::string length = request.header("content-length");
    const std::size_t body = length.empty() ? 0 : std::stoul(length);
    while (open && buffer.size() < body) open = read_more(socket, buffer);
    if (!open) break;
    request.body = buffer.substr(0, body);
    buffer.erase(0, body);
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
    }
    open = play(socket, play_(request));
  }
  ::close(socket);
}

bool ScriptedServer::read_more(int socket, std::string& buffer) const {
  while (!stopping_) {
    pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kLookMs) <= 0) continue;
    std::array<char, 4096> bytes{};
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    // A TLS client greets with a record of type 22: no HTTP will come.
    if (buffer.empty() && bytes[0] == 22) return false;
    buffer.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }
  return false;
}

bool ScriptedServer::play(int socket, const Script& script) const {
  for (const Send& step : script.sends) {
    for (int i = 0; i < step.times && !stopping_; ++i) {
      if (!send_all(socket, step.bytes)) return false;
      if (step.pause_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(step.pause_ms));
    }
  }
  if (script.then == Then::reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  if (script.then == Then::hang) {
    std::string ignored;
    while (read_more(socket, ignored)) continue;
  }
  return script.then == Then::keep;
}

}  // namespace windfall::test
