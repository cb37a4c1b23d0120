// A server that says hello to every request: what the transport costs by itself. argv: port (0 = any) and, optionally,
// "late", to answer at the end of the loop turn, as answers do that wait for the journal. Prints the port; ends at
// SIGTERM.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "adapters/http/transport/server.hpp"

namespace {

namespace http = windfall::http;

constexpr std::size_t kBodyLimit = 64 * 1024;

http::Response hello() { return {.status = 200, .content_type = "text/plain", .headers = {}, .body = "hello"}; }

class Hello final : public http::Handler {
 public:
  Hello(http::EventLoop& loop, bool late) : loop_(loop), late_(late) {}

  void handle(const http::Request&, http::Responder responder) override {
    if (!late_) return responder.send(hello());
    if (waiting_.empty()) loop_.on_turn_end([this] { answer_all(); });
    waiting_.push_back(std::move(responder));
  }
  [[nodiscard]] std::size_t body_limit(http::Method, std::string_view) const override { return kBodyLimit; }
  http::Response transport_error(http::Violation violation, std::string_view, std::string_view) override {
    const http::ViolationText& text = http::text_of(violation);
    return {.status = text.status, .content_type = "text/plain", .headers = {}, .body = std::string(text.en)};
  }

 private:
  void answer_all() {
    answering_.swap(waiting_);
    for (http::Responder& responder : answering_) responder.send(hello());
    answering_.clear();
  }

  http::EventLoop& loop_;
  bool late_;
  std::vector<http::Responder> waiting_;
  std::vector<http::Responder> answering_;
};

}  // namespace

int main(int count, char** arguments) {
  const auto port = static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0);
  http::EventLoop loop;
  Hello handler(loop, count > 2 && std::string_view(arguments[2]) == "late");
  http::Server server(loop, handler);
  const auto bound = server.listen("127.0.0.1", port);
  if (!bound) {
    std::fprintf(stderr, "%s\n", bound.error().message.c_str());
    return 1;
  }
  std::printf("%u\n", static_cast<unsigned>(*bound));
  std::fflush(stdout);
  loop.on_signal([&](int) { server.drain(std::chrono::seconds(1), [&] { loop.stop(); }); });
  loop.run();
}
