// A connection to a server as bytes, plain or under TLS, on the loop of the given Asio context. It knows nothing of
// Redis; this is the one place that knows how Asio is spoken to about sockets and TLS.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/redis/client/slots.hpp"
#include "domain/kernel/result.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): the library's name
}

namespace windfall::redis {

struct TlsSettings {
  std::string ca_file;      ///< PEM; empty: the system's
  std::string server_name;  ///< that every node's certificate must have; empty: the address that is connected to
};

/// What all TLS connections share.
class Tls {
 public:
  struct Context;

  /// Failure: invalid, if the file cannot be used.
  static Result<std::shared_ptr<const Tls>> make(TlsSettings settings);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  [[nodiscard]] Context& context() const { return *context_; }
  [[nodiscard]] const std::string& server_name() const { return server_name_; }

 private:
  Tls(std::unique_ptr<Context> context, std::string server_name);

  std::unique_ptr<Context> context_;
  std::string server_name_;
};

/// Called on the loop, never from within a call to the stream; at most one `lost`, and nothing after it.
struct StreamEvents {
  std::function<void()> opened;  ///< the handshake of TLS included
  std::function<void(std::string_view)> received;
  std::function<void(std::string)> lost;  ///< why; also when it cannot be opened
};

/// Loop thread only.
class Stream {
 public:
  virtual ~Stream() = default;
  /// After `opened`. What is given while a write is under way goes out together with the next one.
  virtual void write(std::string bytes) = 0;
  /// No event comes any more.
  virtual void close() = 0;
};

/// Begins to open one; without `tls` it is plain. Time-outs are the caller's: close().
std::shared_ptr<Stream> open_stream(boost::asio::io_context& context, std::shared_ptr<const Tls> tls,
                                    const Endpoint& endpoint, StreamEvents events);

}  // namespace windfall::redis
