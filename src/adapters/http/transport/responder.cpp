#include "adapters/http/transport/responder.hpp"

#include <cassert>
#include <utility>

#include "adapters/http/transport/connection.hpp"

namespace windfall::http {

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    answer_unused();
    connection_ = std::move(other.connection_);
  }
  return *this;
}

Responder::~Responder() { answer_unused(); }

void Responder::send(Response&& response) {
  assert(connection_ != nullptr && "a request is answered once");
  const std::shared_ptr<Connection> connection = std::move(connection_);
  connection->answer(response);
}

std::shared_ptr<Stream> Responder::start_stream(const Response& head) {
  assert(connection_ != nullptr && "a request is answered once");
  assert(head.body.empty() && "the body of a stream goes through the stream");
  const std::shared_ptr<Connection> connection = std::move(connection_);
  return connection->start_stream(head);
}

void Responder::next_piece(Callback<void(BodyPiece)> taken) {
  assert(connection_ != nullptr && "an answered request has no body any more");
  const std::shared_ptr<Connection> connection = connection_;  // the responder may go while the piece is handed over
  connection->want_piece(std::move(taken));
}

bool Responder::peer_gone() const { return connection_ == nullptr || connection_->peer_gone(); }

void Responder::answer_unused() {
  if (connection_ == nullptr) return;
  const std::shared_ptr<Connection> connection = std::move(connection_);
  connection->answer_unused();
}

Stream::Stream(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

Stream::~Stream() {
  if (connection_ == nullptr) return;
  const std::shared_ptr<Connection> connection = std::move(connection_);
  connection->abort_stream();
}

bool Stream::write(std::string_view bytes) {
  if (connection_ == nullptr) return false;
  const std::shared_ptr<Connection> connection = connection_;  // a failing write takes connection_ away
  return connection->write_stream(bytes);
}

void Stream::end() {
  if (connection_ == nullptr) return;
  const std::shared_ptr<Connection> connection = std::move(connection_);
  drained_ = {};
  closed_ = {};
  connection->end_stream();
}

void Stream::on_closed(Callback<void()> work) {
  closed_ = std::move(work);
  if (connection_ != nullptr || !lost_) return;
  closed_by_peer();
}

void Stream::closed_by_peer() {
  lost_ = true;
  const std::shared_ptr<Connection> connection = std::move(connection_);
  const Callback<void()> dropped = std::move(drained_);
  Callback<void()> closed = std::move(closed_);
  if (closed) closed();  // may destroy this stream
}

void Stream::drained() {
  if (drained_) drained_();
}

}  // namespace windfall::http
