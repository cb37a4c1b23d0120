// The floor under every HTTP figure: one thread, level-triggered epoll, a minimal parser, a constant answer. No product
// can beat it by much, so Windfall's cost is printed as a multiple of it. Usage: windfall_reference_hello [PORT];
// prints where it listens.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "minimal_http.hpp"

namespace {

using windfall::reference::read_request;
using windfall::reference::Request;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::size_t kInput = 8192;    // a request with its headers, several when pipelined
constexpr std::size_t kOutput = 65536;  // more answers than kInput can hold requests
constexpr int kBacklog = 1024;          // connections of a load generator that arrive at once
constexpr int kEventsPerTurn = 512;

struct Connection {
  int socket;
  std::size_t filled = 0;
  std::array<char, kInput> input;
};

class Hello {
 public:
  /// Listens on a loopback port; 0 picks one. False if that fails, with errno.
  bool listen_on(std::uint16_t port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (bind(listener_, any, size) != 0 || listen(listener_, kBacklog) != 0) return false;
    getsockname(listener_, any, &size);
    std::printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    watch(listener_, nullptr);
    return true;
  }

  void serve() {
    std::array<epoll_event, kEventsPerTurn> events;
    for (;;) {
      const int ready = epoll_wait(epoll_, events.data(), kEventsPerTurn, -1);
      for (int i = 0; i < ready; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!answer(*connection)) {
          close(connection->socket);
          delete connection;
        }
      }
    }
  }

 private:
  static constexpr int kOn = 1;

  void watch(int socket, Connection* connection) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }

  void accept_all() const {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
      auto* connection = new Connection;  // owned by the epoll set until it is closed
      connection->socket = socket;
      watch(socket, connection);
    }
  }

  /// Answers every whole request that has arrived; false when the connection is over.
  bool answer(Connection& c) {
    const ssize_t received = recv(c.socket, c.input.data() + c.filled, c.input.size() - c.filled, 0);
    if (received <= 0) return received < 0 && errno == EAGAIN;
    c.filled += static_cast<std::size_t>(received);

    std::size_t taken = 0;
    std::size_t written = 0;
    Request request;
    for (;;) {
      const auto used = read_request({c.input.data() + taken, c.filled - taken}, request);
      if (!used) return false;
      if (*used == 0) break;
      taken += *used;
      std::memcpy(output_.data() + written, kAnswer.data(), kAnswer.size());
      written += kAnswer.size();
    }
    if (taken > 0) {
      std::memmove(c.input.data(), c.input.data() + taken, c.filled - taken);
      c.filled -= taken;
    }
    if (written > 0 && send(c.socket, output_.data(), written, MSG_NOSIGNAL) < 0) return false;
    return true;
  }

  int listener_ = -1;
  int epoll_ = -1;
  std::array<char, kOutput> output_;
};

// The shortest request is longer than 18 bytes, the answer is 70: what kInput can hold must fit kOutput.
static_assert(kInput / 18 * kAnswer.size() <= kOutput);

}  // namespace

int main(int argc, char** argv) {
  const auto server = std::make_unique<Hello>();
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  if (!server->listen_on(static_cast<std::uint16_t>(port))) {
    std::perror("listen");
    return 1;
  }
  server->serve();
}
