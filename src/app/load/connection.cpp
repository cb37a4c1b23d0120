#include "app/load/connection.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace windfall::load {

namespace {

constexpr std::size_t kRead = 16384;  // larger than any answer to a write
/// Connecting stops the generator's clock for everybody, so it must not take long.
constexpr std::chrono::milliseconds kConnect{1000};

}  // namespace

bool Connection::open(const Target& target) {
  close();
  socket_ = connect_to(target, kConnect);
  if (socket_ < 0) return false;
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL) | O_NONBLOCK);
  return true;
}

void Connection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  input_.clear();
}

bool Connection::send(std::string_view request) {
  input_.clear();
  // A request is far smaller than an empty socket's buffer: it goes whole or the connection is gone.
  return ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
}

Connection::Progress Connection::receive() {
  std::array<char, kRead> part;
  const ssize_t received = recv(socket_, part.data(), part.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::more;
  if (received <= 0) return Progress::gone;
  input_.append(part.data(), static_cast<std::size_t>(received));
  const std::optional<RawAnswer> answer = whole_answer(input_);
  if (!answer) return Progress::more;
  answer_ = *answer;
  return Progress::answered;
}

}  // namespace windfall::load
