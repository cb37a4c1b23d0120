#include "adapters/http/transport/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

namespace windfall::http {

namespace {

/// Reads of one connection before the others get their turn.
constexpr int kReadsPerTurn = 8;
/// Answers to pipelined requests are sent together, up to this.
constexpr std::size_t kSendTogether = 64 * 1024;
/// An output buffer larger than this is not kept.
constexpr std::size_t kKeptOutput = 64 * 1024;

}  // namespace

void ConnectionPool::add(std::shared_ptr<Connection> connection) {
  connection->index_ = connections.size();
  connections.push_back(std::move(connection));
}

void ConnectionPool::remove(const Connection& connection) {
  assert(connections[connection.index_].get() == &connection);
  connections.back()->index_ = connection.index_;
  std::swap(connections[connection.index_], connections.back());
  connections.pop_back();
  if (connections.empty() && emptied) emptied();
}

Connection::Connection(ConnectionPool& pool, Handler& handler, Socket socket, std::string peer)
    : pool_(&pool), handler_(&handler), socket_(std::move(socket)), peer_(std::move(peer)) {}

void Connection::start() {
  deadline_ = pool_->deadline(pool_->limits.header_timeout);
  if (!pool_->loop.watch(socket_.descriptor(), *this, Interest::stream)) close();
}

void Connection::refuse() {
  const std::shared_ptr<Connection> self = shared_from_this();
  start();
  if (state_ == State::closed) return;
  violate(Violation::too_many_connections);
  advance();
}

void Connection::on_ready(std::uint32_t events) {
  const std::shared_ptr<Connection> self = shared_from_this();
  // Both sides are down: a reset, or the end of lingering.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
  if ((events & EPOLLRDHUP) != 0) {
    peer_finished_ = true;
    if (state_ == State::streaming) return close();
  }
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if ((events & EPOLLOUT) != 0 && write_blocked_) flush();
  advance();
}

// Does all that can be done without waiting. Called after everything that may have changed something.
void Connection::advance() {
  if (advancing_) return;
  advancing_ = true;
  int reads = 0;
  while (state_ != State::closed && !write_blocked_) {
    Step step = Step::on;
    switch (state_) {
      case State::head:
        step = read_head();
        break;
      case State::body:
        step = read_body();
        break;
      case State::answering:
        if (piece_taken_) {
          step = read_piece();
          break;
        }
        flush();  // answers to requests before this one
        advancing_ = false;
        return;
      case State::streaming:
        stream_on();
        if (state_ != State::streaming) continue;
        advancing_ = false;
        return;
      case State::finishing:
        flush();
        if (state_ == State::finishing && !write_blocked_) linger();
        continue;
      case State::lingering:
        discard_input();
        advancing_ = false;
        return;
      case State::closed:
        break;
    }
    if (step == Step::on) {
      if (unsent() > kSendTogether) flush();
      continue;
    }
    flush();
    if (state_ == State::closed || write_blocked_) break;
    if (at_end_) {
      close();
      break;
    }
    if (!readable_) break;
    if (++reads > kReadsPerTurn) {
      advance_later();
      break;
    }
    if (!receive()) close();
  }
  advancing_ = false;
}

Connection::Step Connection::read_head() {
  if (exchange_size_ > 0) {
    const std::size_t capacity = in_.capacity();
    in_.consume(std::exchange(exchange_size_, 0));
    pool_->input_bytes -= capacity - in_.capacity();
    chunked_.reset();
  }
  // RFC 9112 asks to skip an empty line before a request: some clients send one after a body. One, not any number.
  if (!blank_line_skipped_ && in_.view().starts_with("\r\n")) {
    blank_line_skipped_ = true;
    in_.consume(2);
  }
  if (in_.empty()) {
    if (!pool_->draining) return Step::needs_input;
    state_ = State::finishing;
    return Step::on;
  }
  if (!head_begun_) {
    head_begun_ = true;
    deadline_ = pool_->deadline(pool_->limits.header_timeout);
  }
  const std::string_view input = in_.view();
  if (input == "\r" && !blank_line_skipped_) return Step::needs_input;
  switch (scanner_.scan(input)) {
    case HeadScanner::Found::malformed:
      return violate(Violation::line);
    case HeadScanner::Found::need_more:
      if (!scanner_.past_request_line() && input.size() > RequestHead::kMaxRequestLine) {
        return violate(Violation::request_line_too_long);
      }
      if (input.size() <= pool_->limits.header_bytes) return Step::needs_input;
      return violate(Violation::headers_too_large);
    case HeadScanner::Found::complete:
      if (scanner_.size() > pool_->limits.header_bytes) return violate(Violation::headers_too_large);
      return begin_body(input.substr(0, scanner_.size()));
  }
  std::abort();
}

Connection::Step Connection::begin_body(std::string_view block) {
  head_parsed_ = true;
  if (const auto violation = head_.parse(block, request_)) return violate(*violation);
  body_limit_ = handler_->body_limit(request_.method, request_.path);
  if (head_.content_length > body_limit_) return violate(Violation::body_too_large);
  head_size_ = block.size();
  pieces_ = handler_->takes_pieces(request_.method, request_.path);
  if (pieces_) {
    if (head_.chunked) chunked_ = std::make_unique<ChunkedBody>(body_limit_);
    pieces_over_ = chunks_over_ = false;
    body_taken_ = body_mark_ = 0;
    dispatch({}, head_size_);
    return Step::on;
  }
  state_ = State::body;
  if (head_.chunked) chunked_ = std::make_unique<ChunkedBody>(body_limit_);
  if (head_.content_length == 0 && !head_.chunked) return read_body();
  body_mark_ = 0;
  expect_more_body(0);
  if (head_.expects_continue && in_.size() == head_size_) out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  return Step::on;
}

Connection::Step Connection::read_body() {
  if (chunked_ != nullptr) return read_chunked_body();
  const auto length = static_cast<std::size_t>(head_.content_length);
  const std::size_t received = in_.size() - head_size_;
  if (received < length) {
    expect_more_body(received);
    return Step::needs_input;
  }
  dispatch(in_.view().substr(head_size_, length), head_size_ + length);
  return Step::on;
}

Connection::Step Connection::read_chunked_body() {
  const ChunkedBody::Progress progress = chunked_->feed(in_.view().substr(head_size_));
  if (progress.violation) return violate(*progress.violation);
  in_.erase(head_size_, progress.consumed);
  if (!progress.complete) {
    expect_more_body(chunked_->body().size());
    return Step::needs_input;
  }
  dispatch(chunked_->body(), head_size_);
  return Step::on;
}

void Connection::want_piece(Callback<void(BodyPiece)> taken) {
  if (state_ != State::answering || !in_pieces()) return taken({});
  piece_taken_ = std::move(taken);
  if (body_taken_ == 0 && head_.expects_continue && in_.size() == head_size_) {
    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  // For each piece anew, however small: who takes pieces has looked at the caller before.
  deadline_ = pool_->deadline(pool_->limits.body_timeout);
  advance();
}

// What has arrived of a body goes to the handler that asked for it, and out of the buffer.
Connection::Step Connection::read_piece() {
  BodyPiece piece{.kind = BodyPiece::Kind::bytes, .bytes = {}};
  bool complete = false;
  if (chunked_ != nullptr && !chunks_over_) {
    const ChunkedBody::Progress progress = chunked_->feed(in_.view().substr(head_size_));
    if (progress.violation) {
      violate(*progress.violation);
      hand_over({});
      return Step::on;
    }
    in_.erase(head_size_, progress.consumed);
    piece.bytes = chunked_->take();
    complete = chunks_over_ = progress.complete;
  } else if (chunked_ != nullptr) {
    complete = true;
  } else {
    const std::uint64_t left = head_.content_length - body_taken_;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, in_.size() - head_size_));
    piece.bytes = in_.view().substr(head_size_, count);
    in_.erase(head_size_, count);
    complete = count == left;
  }
  body_taken_ += piece.bytes.size();
  if (piece.bytes.empty() && !complete) return Step::needs_input;
  if (piece.bytes.empty()) piece.kind = BodyPiece::Kind::end;
  deadline_ = 0;  // from here on the handler takes its time
  hand_over(std::move(piece));
  return Step::on;
}

void Connection::hand_over(BodyPiece piece) {
  if (!piece_taken_) return;
  if (piece.kind != BodyPiece::Kind::bytes) pieces_over_ = true;
  Callback<void(BodyPiece)> taken = std::exchange(piece_taken_, {});
  taken(std::move(piece));
}

void Connection::expect_more_body(std::size_t body_bytes) {
  if (body_bytes < body_mark_) return;
  body_mark_ = body_bytes + pool_->limits.body_step;
  deadline_ = pool_->deadline(pool_->limits.body_timeout);
}

void Connection::dispatch(std::string_view body, std::size_t size) {
  request_.body = body;
  request_.peer = peer_;
  exchange_size_ = size;
  state_ = State::answering;
  deadline_ = 0;
  ++pool_->counters.requests;
  handler_->handle(request_, Responder(shared_from_this()));
}

// Answers what cannot be a request, or is too much of one; the connection ends with it, since where the next request
// begins is unknown.
Connection::Step Connection::violate(Violation violation) {
  ++pool_->counters.violations;
  HeadGlimpse seen;
  if (state_ == State::head) {
    seen = glimpse_of(in_.view());  // its parser, if it got so far, has stopped at what is wrong
  } else {
    seen.accept_language = request_.header("accept-language");
  }
  if (head_parsed_) seen.path = request_.path;
  const Response response = handler_->transport_error(violation, seen.path, seen.accept_language);
  keep_alive_ = false;
  const Framing framing = head_parsed_ ? sized_framing() : Framing::sized;
  write_response(out_, response, framing, Persistence::close, pool_->date);
  state_ = State::finishing;
  deadline_ = 0;
  return Step::on;
}

Persistence Connection::persistence() const {
  if (!keep_alive_) return Persistence::close;
  return request_.http_1_0 ? Persistence::keep_alive : Persistence::implied;
}

void Connection::answer(const Response& response) {
  if (state_ != State::answering) return;
  keep_alive_ = head_.keep_alive && !pool_->draining && !in_pieces();
  write_response(out_, response, sized_framing(), persistence(), pool_->date);
  finish_exchange();
}

void Connection::answer_unused() {
  if (state_ != State::answering) return;
  ++pool_->counters.violations;
  answer(handler_->transport_error(Violation::not_answered, request_.path, request_.header("accept-language")));
}

void Connection::finish_exchange() {
  pieces_ = false;
  state_ = keep_alive_ ? State::head : State::finishing;
  deadline_ = keep_alive_ ? pool_->deadline(pool_->limits.idle_timeout) : 0;
  scanner_ = HeadScanner{};
  head_begun_ = blank_line_skipped_ = head_parsed_ = false;
  advance();
}

std::shared_ptr<Stream> Connection::start_stream(const Response& head) {
  const bool alive = state_ == State::answering;
  const bool bodiless = alive && request_.method == Method::head;
  auto stream = std::make_shared<Stream>(alive && !bodiless ? shared_from_this() : nullptr);
  stream->lost_ = !alive;
  if (!alive) return stream;

  keep_alive_ = head_.keep_alive && !pool_->draining && !request_.http_1_0 && !in_pieces();
  const Framing framing = request_.http_1_0 ? Framing::until_close : Framing::chunked;
  write_response(out_, head, framing, persistence(), pool_->date);
  if (bodiless) {
    finish_exchange();
    return stream;
  }
  state_ = State::streaming;
  stream_ = stream;
  advance();
  return stream;
}

bool Connection::write_stream(std::string_view bytes) {
  if (state_ != State::streaming) return false;
  if (stream_full_) return false;
  if (request_.http_1_0) {
    out_.append(bytes);
  } else {
    write_chunk(out_, bytes);
  }
  if (!advancing_ && !write_blocked_) flush();
  if (state_ != State::streaming) return false;
  stream_full_ = unsent() > pool_->limits.stream_buffer;
  return !stream_full_;
}

void Connection::end_stream() {
  if (state_ != State::streaming) return;
  if (!request_.http_1_0) out_.append(kLastChunk);
  stream_.reset();
  stream_full_ = false;
  finish_exchange();
}

void Connection::abort_stream() {
  stream_.reset();
  close();
}

// Sends what the stream has written, and asks it for more if it was told to stop.
void Connection::stream_on() {
  flush();
  if (state_ != State::streaming || write_blocked_ || !stream_full_) return;
  stream_full_ = false;
  if (const std::shared_ptr<Stream> stream = stream_.lock()) stream->drained();
  if (state_ == State::streaming && unsent() > 0) advance_later();
}

// Reads once. False if the connection is broken.
bool Connection::receive() {
  if (in_.spare() == 0 && !make_room()) return true;
  const std::size_t asked = in_.spare();
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): the lock() of a weak_ptr is no mutex's
  const ssize_t count = recv(socket_.descriptor(), in_.spare_bytes(), asked, 0);
  if (count < 0) {
    if (errno == EINTR) return true;
    readable_ = false;
    return errno == EAGAIN;
  }
  if (count == 0) {
    peer_finished_ = at_end_ = true;
    readable_ = false;
    return true;
  }
  const auto bytes = static_cast<std::size_t>(count);
  in_.received(bytes);
  pool_->counters.bytes_in += bytes;
  // Edge-triggered: a short read has emptied the socket, and whatever comes later is reported. The peer's end was
  // reported already.
  if (bytes < asked && !peer_finished_) readable_ = false;
  return true;
}

bool Connection::make_room() {
  const std::string_view before = in_.view();
  const std::size_t capacity = in_.capacity();
  std::unique_ptr<char[]> previous;
  in_.make_room(previous);
  pool_->input_bytes += in_.capacity() - capacity;
  if (state_ == State::body || state_ == State::answering) RequestHead::rebase(request_, before, in_.view().data());
  if (pool_->input_bytes <= pool_->limits.input_bytes) return true;
  violate(Violation::too_much_input);
  hand_over({});
  return false;
}

void Connection::flush() {
  while (unsent() > 0) {
    const ssize_t count = send(socket_.descriptor(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return close();
      write_blocked_ = true;
      write_deadline_ = pool_->deadline(pool_->limits.write_timeout);
      if (sent_ > out_.size() / 2) out_.erase(0, std::exchange(sent_, 0));
      return;
    }
    sent_ += static_cast<std::size_t>(count);
    pool_->counters.bytes_out += static_cast<std::size_t>(count);
  }
  if (std::exchange(write_blocked_, false) && state_ == State::head && !head_begun_) {
    deadline_ = pool_->deadline(pool_->limits.idle_timeout);
  }
  sent_ = 0;
  out_.clear();
  if (out_.capacity() > kKeptOutput) out_ = std::string();
}

void Connection::linger() {
  shutdown(socket_.descriptor(), SHUT_WR);
  release_input();
  if (at_end_) return close();
  state_ = State::lingering;
  deadline_ = pool_->deadline(pool_->limits.linger_timeout);
}

void Connection::discard_input() {
  std::array<char, 16 * 1024> bytes;
  for (int reads = 0; readable_ && reads < kReadsPerTurn; ++reads) {
    const ssize_t count = recv(socket_.descriptor(), bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      readable_ = false;
    } else if (count <= 0) {
      return close();
    }
  }
  if (readable_) advance_later();
}

void Connection::advance_later() {
  pool_->loop.post([self = shared_from_this()] { self->advance(); });
}

void Connection::release_input() {
  pool_->input_bytes -= in_.capacity();
  in_ = InputBuffer{};
  exchange_size_ = 0;
}

void Connection::sweep(std::int64_t now_ms) {
  if (write_blocked_) {
    if (now_ms < write_deadline_) return;
    ++pool_->counters.timeouts;
    return close();
  }
  if (deadline_ == 0 || now_ms < deadline_) return;
  const bool unfinished =
      state_ == State::body || (state_ == State::head && head_begun_) || (state_ == State::answering && piece_taken_);
  if (!unfinished) return close();  // idle or lingering
  ++pool_->counters.timeouts;
  const std::shared_ptr<Connection> self = shared_from_this();
  violate(Violation::too_slow);
  hand_over({});
  advance();
}

void Connection::close_if_idle() {
  if (state_ == State::head && !head_begun_ && !readable_ && unsent() == 0) close();
}

void Connection::close() {
  if (state_ == State::closed) return;
  const std::shared_ptr<Connection> self = shared_from_this();
  // A handler that has the request may look at it as long as it has the responder.
  if (state_ == State::answering) {
    pool_->input_bytes -= in_.capacity();
  } else {
    release_input();
  }
  state_ = State::closed;
  pool_->loop.unwatch(socket_.descriptor(), *this);
  socket_.close();
  pool_->remove(*this);
  hand_over({});
  if (const std::shared_ptr<Stream> stream = std::exchange(stream_, {}).lock()) stream->closed_by_peer();
}

}  // namespace windfall::http
