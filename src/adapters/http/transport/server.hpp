// The HTTP/1.1 server: listeners, their connections, and the limits they live under. One thread, the loop's.
//
// A connection reads one request, asks the listener's handler for the answer, and reads on only when that has been
// given: answers leave in the order of requests, and what a client sends ahead waits in a bounded buffer. Whatever
// could be understood differently by two HTTP parsers in a row is refused with 400 and the connection closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/http/transport/callback.hpp"
#include "adapters/http/transport/event_loop.hpp"
#include "adapters/http/transport/message.hpp"
#include "adapters/http/transport/responder.hpp"
#include "adapters/http/transport/violation.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::http {

class Handler {
 public:
  virtual ~Handler() = default;

  /// Called once per request, when it is complete. Must not throw. The request object is valid until the call returns
  /// or the responder is used, whichever is later.
  virtual void handle(const Request& request, Responder responder) = 0;

  /// The most bytes of body (after chunked decoding) that a request may have; asked when its head is complete. Beyond:
  /// 413.
  [[nodiscard]] virtual std::size_t body_limit(Method method, std::string_view path) const = 0;

  /// True if handle() is called as soon as the head of such a request is complete, and takes the body by
  /// Responder::next_piece(): nobody has to hold what is much larger than the limit of other bodies. What is not taken
  /// when the answer is given is not read any more, and the connection ends with the answer.
  [[nodiscard]] virtual bool takes_pieces(Method /*method*/, std::string_view /*path*/) const { return false; }

  /// The answer to a request that never reached handle(), or (not_answered) that handle() dropped without one:
  /// text_of() has its status and what to say. Path and Accept-Language are empty where they are not known.
  virtual Response transport_error(Violation violation, std::string_view path, std::string_view accept_language) = 0;
};

struct Limits {
  std::size_t header_bytes = 16 * 1024;  ///< the contract's; beyond: 431
  std::size_t connections = 12'000;      ///< 10,000 slow clients must not shut out the others; beyond: 503 and close
  std::size_t refusals = 256;  ///< connections beyond the limit that are told so at one time; beyond: closed unheard
  std::size_t reserved = 256;  ///< connections to a reserved listener that come in beyond all of these
  std::size_t input_bytes =
      512 * 1024 * 1024;  ///< received and not answered yet, all connections together; beyond: 503 and close
  std::size_t stream_buffer = 1024 * 1024;  ///< unsent bytes of one stream; beyond: write() says stop

  std::chrono::milliseconds header_timeout{10'000};  ///< from its first byte to the end of the head, or 408
  std::chrono::milliseconds body_timeout{30'000};  ///< for the body, and again for each further body_step of it, or 408
  std::size_t body_step = 64 * 1024;
  std::chrono::milliseconds idle_timeout{
      75'000};  ///< between two requests; longer than the 60 s of common load balancers
  std::chrono::milliseconds write_timeout{30'000};  ///< without the peer taking a byte
  std::chrono::milliseconds linger_timeout{2'000};  ///< for the peer to read the last answer and close
  std::chrono::milliseconds sweep_period{
      1'000};  ///< time-outs are looked at this often, so they last up to two periods longer
};

/// Since the server was made.
struct Counters {
  std::uint64_t accepted = 0;    ///< connections
  std::uint64_t refused = 0;     ///< connections beyond Limits::connections
  std::uint64_t requests = 0;    ///< handed to a handler
  std::uint64_t violations = 0;  ///< requests answered by transport_error(), time-outs included
  std::uint64_t timeouts = 0;    ///< connections that exceeded one, idle ones excluded
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class Server {
 public:
  /// Loop and handlers must outlive the server.
  Server(EventLoop& loop, Handler& handler, Limits limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Cuts all connections. Responders and streams that are still held do nothing from then on.
  ~Server();

  /// Accepts connections on `host` (a name or address; an IPv6 address with or without brackets) and `port` (0 = any).
  /// The port that was bound; invalid if the host does not resolve, unavailable if the address cannot be bound.
  /// Requests go to `handler`, by default the server's.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port, Handler& handler);
  /// The same for operators, whom a crowd of idle participants must not shut out: Limits::reserved.
  Result<std::uint16_t> listen_reserved(const std::string& host, std::uint16_t port, Handler& handler);

  /// Closes the listeners; connections stay.
  void stop_accepting();
  /// Stops accepting, closes idle connections, answers what has begun with "Connection: close". `done` is called once,
  /// from the loop, when no connection is left, or when `deadline` has passed and the rest was cut. Endless streams
  /// have to be ended by who writes them.
  void drain(std::chrono::milliseconds deadline, Callback<void()> done);

  /// Open connections, those included that only wait for the peer to close.
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] const Counters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windfall::http
