// One connection as a state machine: head → body → answering | streaming → head …, or → finishing → lingering → closed.
// Internal to the transport; handlers hold it through Responder and Stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/transport/chunked_body.hpp"
#include "adapters/http/transport/input_buffer.hpp"
#include "adapters/http/transport/request_parser.hpp"
#include "adapters/http/transport/response_writer.hpp"
#include "adapters/http/transport/server.hpp"
#include "adapters/http/transport/socket.hpp"

namespace windfall::http {

/// What the connections of a server share. A connection that is closed does not touch it any more.
struct ConnectionPool {
  EventLoop& loop;
  Limits limits;
  Counters counters{};
  DateLine date{};
  std::vector<std::shared_ptr<Connection>> connections{};
  Callback<void()> emptied{};   ///< called when the last connection is gone
  std::int64_t now_ms = 0;      ///< of the last sweep: cheap, and exact enough for time-outs of seconds
  std::size_t input_bytes = 0;  ///< capacity of all input buffers
  bool draining = false;

  void add(std::shared_ptr<Connection> connection);
  void remove(const Connection& connection);
  /// When something that starts now and may take `timeout` is overdue.
  [[nodiscard]] std::int64_t deadline(std::chrono::milliseconds timeout) const {
    return now_ms + (timeout + limits.sweep_period).count();
  }
};

class Connection final : public Watcher, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionPool& pool, Handler& handler, Socket socket, std::string peer);

  /// Begins to read. Not in the constructor: needs to be owned by a shared_ptr.
  void start();
  /// Instead of start(): says that there are too many connections, and ends.
  void refuse();
  void on_ready(std::uint32_t events) override;
  /// Ends what is overdue at `now_ms`.
  void sweep(std::int64_t now_ms);
  void close_if_idle();
  /// Ends the connection now, whatever it does.
  void close();

  // For Responder.
  void answer(const Response& response);
  void answer_unused();
  void want_piece(Callback<void(BodyPiece)> taken);
  std::shared_ptr<Stream> start_stream(const Response& head);
  [[nodiscard]] bool peer_gone() const { return state_ == State::closed || peer_finished_; }

  // For Stream.
  bool write_stream(std::string_view bytes);
  void end_stream();
  void abort_stream();

 private:
  friend struct ConnectionPool;

  enum class State : std::uint8_t {
    head,       ///< waits for a request or the rest of its head
    body,       ///< waits for the rest of the body
    answering,  ///< the handler has the request
    streaming,  ///< the handler writes the body of its answer
    finishing,  ///< sends the last answer
    lingering,  ///< has sent everything and reads on, unheard, so that the peer is not cut off from the answer
    closed,
  };
  /// Whether the step led to a state in which more can be done without new input.
  enum class Step : std::uint8_t { on, needs_input };

  void advance();
  Step read_head();
  Step begin_body(std::string_view block);
  Step read_body();
  Step read_chunked_body();
  Step read_piece();
  void hand_over(BodyPiece piece);
  void expect_more_body(std::size_t body_bytes);
  void dispatch(std::string_view body, std::size_t size);
  Step violate(Violation violation);
  void finish_exchange();

  bool receive();
  bool make_room();
  void flush();
  void stream_on();
  void linger();
  void discard_input();
  void advance_later();
  void release_input();

  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }
  [[nodiscard]] Framing sized_framing() const {
    return request_.method == Method::head ? Framing::sized_head : Framing::sized;
  }
  [[nodiscard]] Persistence persistence() const;
  /// The handler takes the body piece by piece, and has not had the last one.
  [[nodiscard]] bool in_pieces() const { return pieces_ && !pieces_over_; }

  ConnectionPool* pool_;
  Handler* handler_;
  Socket socket_;
  std::string peer_;
  std::size_t index_ = 0;  ///< in the pool

  State state_ = State::head;
  bool advancing_ = false;      ///< advance() is on the stack: answers given meanwhile are sent by it, together
  bool readable_ = false;       ///< the socket may hold bytes that were not read
  bool peer_finished_ = false;  ///< the peer has closed its side; what it sent before may still wait to be read
  bool at_end_ = false;         ///< ... and has been read
  bool write_blocked_ = false;  ///< the socket took not all of out_
  bool keep_alive_ = true;
  bool head_begun_ = false;  ///< a byte of the present head has come
  bool blank_line_skipped_ = false;
  bool head_parsed_ = false;
  bool stream_full_ = false;  ///< a stream's write() said stop
  bool pieces_ = false;       ///< the body of the present request goes to the handler as it comes
  bool pieces_over_ = false;  ///< its end was handed over, or the cut
  bool chunks_over_ = false;  ///< its last chunk has come

  InputBuffer in_;
  HeadScanner scanner_;
  RequestHead head_;
  Request request_;
  std::unique_ptr<ChunkedBody> chunked_;
  std::size_t head_size_ = 0;
  std::size_t body_limit_ = 0;
  std::size_t body_mark_ = 0;      ///< the body's time-out is extended when it has grown to this
  std::size_t exchange_size_ = 0;  ///< input of the request that is being or was answered, not consumed yet

  Callback<void(BodyPiece)> piece_taken_;  ///< set while the handler waits for a piece
  std::size_t body_taken_ = 0;             ///< bytes of the body that the handler has

  std::string out_;
  std::size_t sent_ = 0;  ///< of out_
  std::weak_ptr<Stream> stream_;

  std::int64_t deadline_ = 0;  ///< of the state; 0 = none
  std::int64_t write_deadline_ = 0;
};

}  // namespace windfall::http
