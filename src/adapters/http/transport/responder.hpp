// How a handler answers: at once or later, whole or as a stream. For the loop thread only.
#pragma once

#include <memory>
#include <string_view>

#include "adapters/http/transport/callback.hpp"
#include "adapters/http/transport/message.hpp"

namespace windfall::http {

class Connection;

/// An answer that is written piece by piece, with chunked transfer encoding (to HTTP/1.0 clients: until the connection
/// closes). Destroying it before end() cuts the connection, so that the peer sees that something is missing.
class Stream {
 public:
  explicit Stream(std::shared_ptr<Connection> connection);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  /// Sends `bytes` as one chunk. False says stop: either the peer is gone, and the bytes with it, or more than
  /// Limits::stream_buffer bytes now wait for the peer. The write that goes beyond the limit is still accepted, further
  /// ones before on_drained are dropped.
  bool write(std::string_view bytes);
  /// The body is complete. Nothing may follow.
  void end();
  /// True after end(), or when the peer is gone (for a stream that includes a peer that has finished sending).
  [[nodiscard]] bool closed() const { return connection_ == nullptr; }

  /// Called each time all bytes are sent after a write() that returned false.
  void on_drained(Callback<void()> work) { drained_ = std::move(work); }
  /// Called once if the peer goes away before end(); at once, if it has already.
  void on_closed(Callback<void()> work);

 private:
  friend class Connection;
  void closed_by_peer();
  void drained();

  std::shared_ptr<Connection> connection_;  ///< null once closed
  Callback<void()> drained_;
  Callback<void()> closed_;
  bool lost_ = false;  ///< the peer went away before end()
};

/// The right, and the duty, to answer one request. Exactly one of send() and start_stream() uses it up; one that is
/// destroyed unused answers 500. It may be kept for later and used when the peer has gone, the server was destroyed, or
/// both.
class Responder {
 public:
  explicit Responder(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  /// Sends the answer, now if the socket takes it. Ends the life of the request's views.
  void send(Response&& response);
  /// Sends status and headers; the body follows through the stream. `head.body` must be empty. For HEAD the stream is
  /// closed already.
  [[nodiscard]] std::shared_ptr<Stream> start_stream(const Response& head);
  /// Of a request whose body arrives piece by piece (Handler::takes_pieces): asks for the next one. `taken` is called
  /// once, from the loop or before this returns. Nothing more is read from the peer than was asked for. Not to be
  /// called before the last piece has come, nor after the end or a cut.
  void next_piece(Callback<void(BodyPiece)> taken);
  /// True if an answer will probably reach nobody: the peer has closed its side. It is worth stopping expensive work,
  /// nothing more.
  [[nodiscard]] bool peer_gone() const;

 private:
  void answer_unused();

  std::shared_ptr<Connection> connection_;  ///< null once used
};

}  // namespace windfall::http
