#include "adapters/redis/client/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace windfall::redis {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using TlsSocket = asio::ssl::stream<Socket>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using Error = boost::system::error_code;

struct Tls::Context {
  asio::ssl::context context{asio::ssl::context::tls_client};
};

Tls::Tls(std::unique_ptr<Context> context, std::string server_name)
    : context_(std::move(context)), server_name_(std::move(server_name)) {}

Tls::~Tls() = default;

Result<std::shared_ptr<const Tls>> Tls::make(TlsSettings settings) {
  auto context = std::make_unique<Context>();
  Error error;
  context->context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                                   asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                                   asio::ssl::context::no_tlsv1_1,
                               error);
  if (!error) context->context.set_verify_mode(asio::ssl::verify_peer, error);
  if (!error) {
    if (settings.ca_file.empty()) {
      context->context.set_default_verify_paths(error);
    } else {
      context->context.load_verify_file(settings.ca_file, error);
    }
  }
  if (error) {
    return fail(FailureCode::invalid,
                "the certificates for Redis cannot be used (" + settings.ca_file + "): " + error.message());
  }
  return std::shared_ptr<const Tls>(new Tls(std::move(context), std::move(settings.server_name)));
}

namespace {

/// One read: a turn's replies of some hundred commands.
constexpr std::size_t kReadBytes = 64 * 1024;

template <class Wire>
class AsioStream final : public Stream, public std::enable_shared_from_this<AsioStream<Wire>> {
 public:
  template <class... Arguments>
  AsioStream(asio::io_context& context, std::shared_ptr<const Tls> tls, StreamEvents events, Arguments&&... wire)
      : tls_(std::move(tls)),
        events_(std::move(events)),
        resolver_(context),
        wire_(context, std::forward<Arguments>(wire)...),
        read_(kReadBytes) {}

  void open(const Endpoint& endpoint) {
    host_ = endpoint.host;
    Error error;
    const asio::ip::address address = asio::ip::make_address(endpoint.host, error);
    if (!error) {
      socket().async_connect({address, endpoint.port},
                             [self = this->shared_from_this()](const Error& failed) { self->connected(failed); });
      return;
    }
    resolver_.async_resolve(endpoint.host, std::to_string(endpoint.port),
                            [self = this->shared_from_this()](const Error& failed, const auto& addresses) {
                              if (failed) return self->lose(failed);
                              if (self->closed_) return;
                              asio::async_connect(
                                  self->socket(), addresses,
                                  [self](const Error& unreachable, const auto&) { self->connected(unreachable); });
                            });
  }

  void write(std::string bytes) override {
    if (closed_) return;
    waiting_ += bytes;
    if (!writing_) write_waiting();
  }

  void close() override {
    closed_ = true;
    resolver_.cancel();
    Error ignored;
    socket().close(ignored);
  }

 private:
  Socket& socket() {
    if constexpr (std::is_same_v<Wire, TlsSocket>) {
      return wire_.next_layer();
    } else {
      return wire_;
    }
  }

  void connected(const Error& error) {
    if (error) return lose(error);
    if (closed_) return;
    Error ignored;
    socket().set_option(asio::ip::tcp::no_delay(true), ignored);  // each write is a whole turn: nothing to wait for
    socket().set_option(asio::socket_base::keep_alive(true), ignored);
    if constexpr (std::is_same_v<Wire, TlsSocket>) {
      const std::string& name = tls_->server_name().empty() ? host_ : tls_->server_name();
      wire_.set_verify_callback(asio::ssl::host_name_verification(name), ignored);
      wire_.async_handshake(asio::ssl::stream_base::client, [self = this->shared_from_this()](const Error& failed) {
        if (failed) return self->lose(failed);
        self->opened();
      });
    } else {
      opened();
    }
  }

  void opened() {
    if (closed_) return;
    events_.opened();
    read();
  }

  void read() {
    if (closed_) return;
    wire_.async_read_some(asio::buffer(read_), [self = this->shared_from_this()](const Error& error, std::size_t size) {
      if (error) return self->lose(error);
      if (self->closed_) return;
      self->events_.received(std::string_view(self->read_.data(), size));
      self->read();
    });
  }

  void write_waiting() {
    writing_ = true;
    written_.clear();
    written_.swap(waiting_);
    asio::async_write(wire_, asio::buffer(written_),
                      [self = this->shared_from_this()](const Error& error, std::size_t) {
                        self->writing_ = false;
                        if (error) return self->lose(error);
                        if (!self->closed_ && !self->waiting_.empty()) self->write_waiting();
                      });
  }

  void lose(const Error& error) {
    if (closed_) return;
    close();
    events_.lost(error == asio::error::eof ? "the server closed the connection" : error.message());
  }

  std::shared_ptr<const Tls> tls_;
  StreamEvents events_;
  Resolver resolver_;
  Wire wire_;
  std::vector<char> read_;
  std::string host_;
  std::string waiting_;
  std::string written_;  ///< under way
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<Stream> open_stream(asio::io_context& context, std::shared_ptr<const Tls> tls, const Endpoint& endpoint,
                                    StreamEvents events) {
  if (tls == nullptr) {
    auto stream = std::make_shared<AsioStream<Socket>>(context, nullptr, std::move(events));
    stream->open(endpoint);
    return stream;
  }
  asio::ssl::context& shared = tls->context().context;
  auto stream = std::make_shared<AsioStream<TlsSocket>>(context, std::move(tls), std::move(events), shared);
  stream->open(endpoint);
  return stream;
}

}  // namespace windfall::redis
