// A client that sends exactly the bytes it is told to and shows exactly the bytes it gets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace windfall::http {

struct Answer {
  int status = 0;  ///< 0: the connection ended before an answer
  std::string head;
  std::string body;

  /// The value of a header, "" if absent. Exact case.
  [[nodiscard]] std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RawClient {
 public:
  /// Nothing that a test waits for takes as long; a silent server fails the test instead of hanging it.
  static constexpr int kPatienceSeconds = 10;

  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() { close(); }

  [[nodiscard]] bool connected() const { return connected_; }

  /// False if the server has cut the connection.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void finish_sending() const { shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  /// Closes with a reset instead of a farewell.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  /// The next answer with Content-Length or chunks; interim (1xx) answers too.
  Answer read_answer(bool to_head = false) {
    Answer answer;
    if (!read_until("\r\n\r\n", answer.head)) return answer;
    answer.status = std::atoi(answer.head.substr(9, 3).c_str());
    if (to_head || answer.status < 200 || answer.status == 204 || answer.status == 304) return answer;
    if (answer.header("Transfer-Encoding") == "chunked") {
      read_chunks(answer.body);
    } else if (const std::string length = answer.header("Content-Length"); !length.empty()) {
      read_exactly(static_cast<std::size_t>(std::atoll(length.c_str())), answer.body);
    } else {
      answer.body = read_to_end();
    }
    return answer;
  }

  /// Everything until the server closes its side.
  std::string read_to_end() {
    while (read_more()) {
    }
    return std::exchange(received_, {});
  }
  /// True if the server closes without sending anything else.
  bool sees_end() { return read_to_end().empty() && ended_; }
  /// At least one byte more, or false at the end.
  bool read_more() {
    std::array<char, 65536> bytes;
    const ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
    ended_ = count == 0 || (count < 0 && errno == ECONNRESET);
    if (count <= 0) return false;
    received_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }
  bool read_until(std::string_view end, std::string& text) {
    std::size_t at = std::string::npos;
    while ((at = received_.find(end)) == std::string::npos) {
      if (!read_more()) return false;
    }
    text += received_.substr(0, at + end.size());
    received_.erase(0, at + end.size());
    return true;
  }

 private:
  bool read_exactly(std::size_t count, std::string& text) {
    while (received_.size() < count) {
      if (!read_more()) return false;
    }
    text += received_.substr(0, count);
    received_.erase(0, count);
    return true;
  }
  void read_chunks(std::string& body) {
    for (;;) {
      std::string line;
      if (!read_until("\r\n", line)) return;
      const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
      if (!read_exactly(size, body) || !read_until("\r\n", line) || size == 0) return;
    }
  }

  int socket_;
  bool connected_ = false;
  bool ended_ = false;
  std::string received_;
};

}  // namespace windfall::http
