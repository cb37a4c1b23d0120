// What Boost.Beast itself costs: a hello on one thread with C++20 coroutines and Beast's own parser and serializer.
// Windfall's HTTP server is compared with it. Usage: windfall_reference_beast_hello [PORT]; prints where it listens.
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t kInput = 8192;  // as in hello.cpp

asio::awaitable<void> session(tcp::socket socket) {
  beast::flat_buffer input(kInput);
  try {
    for (;;) {
      http::request<http::string_body> request;
      co_await http::async_read(socket, input, request, asio::use_awaitable);
      http::response<http::string_body> response{http::status::ok, request.version()};
      response.set(http::field::content_type, "text/plain");
      response.keep_alive(request.keep_alive());
      response.body() = "hello";
      response.prepare_payload();
      co_await http::async_write(socket, response, asio::use_awaitable);
      if (!request.keep_alive()) break;
    }
  } catch (const boost::system::system_error&) {
    // The client has gone; the socket closes itself.
  }
}

asio::awaitable<void> accept_forever(tcp::acceptor acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 0;
  asio::io_context io(1);
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
  std::printf("listening on http://127.0.0.1:%d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(io, accept_forever(std::move(acceptor)), asio::detached);
  io.run();
}
