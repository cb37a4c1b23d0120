// A server on a thread of its own, with a handler that each test gives as a lambda.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/transport/server.hpp"
#include "transport/raw_client.hpp"

namespace windfall::http {

using namespace std::chrono_literals;

inline Response text(std::string body, int status = 200) {
  return {.status = status, .content_type = "text/plain", .headers = {}, .body = std::move(body)};
}

/// "POST /path?query [body]": what the handler was shown.
inline std::string shown(const Request& request) {
  std::string seen = std::string(request.method_text) + " " + std::string(request.path);
  if (!request.query.empty()) seen += "?" + std::string(request.query);
  return seen + " [" + std::string(request.body) + "]";
}

class ScriptedHandler final : public Handler {
 public:
  static constexpr std::size_t kBodyLimit = 1000;
  static constexpr std::size_t kUploadLimit = 8 * 1024 * 1024;

  std::function<void(const Request&, Responder)> script = [](const Request& request, Responder responder) {
    responder.send(text(shown(request)));
  };

  void handle(const Request& request, Responder responder) override { script(request, std::move(responder)); }
  [[nodiscard]] std::size_t body_limit(Method, std::string_view path) const override {
    return path == "/upload" || path == "/pieces" ? kUploadLimit : kBodyLimit;
  }
  [[nodiscard]] bool takes_pieces(Method, std::string_view path) const override { return path == "/pieces"; }
  Response transport_error(Violation violation, std::string_view path, std::string_view language) override {
    const ViolationText& said = text_of(violation);
    Response response = text(std::string(said.en), said.status);
    response.add_header("Problem-Path", path);
    response.add_header("Problem-Language", language);
    return response;
  }
};

/// Time-outs of half a second instead of many: short to wait for, long enough for a busy machine to do its part in
/// time.
inline Limits quick() {
  Limits limits;
  limits.header_timeout = limits.body_timeout = limits.idle_timeout = limits.write_timeout = 500ms;
  limits.linger_timeout = 500ms;
  limits.sweep_period = 10ms;
  return limits;
}

class TestServer {
 public:
  explicit TestServer(Limits limits = {}) : server_(std::make_unique<Server>(loop, handler, limits)) {
    const auto bound = server_->listen("127.0.0.1", 0);
    EXPECT_TRUE(bound.has_value());
    port = bound.value_or(0);
    thread_ = std::thread([this] { loop.run(); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    if (server_ != nullptr) destroy_server();
    loop.stop();
    thread_.join();
  }

  /// Runs `work` on the loop thread and waits for it.
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  /// Waits until `condition`, asked on the loop thread, holds; false after ten seconds.
  bool eventually(const std::function<bool()>& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
      bool holds = false;
      on_loop([&] { holds = condition(); });
      if (holds) return true;
      std::this_thread::yield();
    }
    return false;
  }
  /// From the test's thread, before the first request.
  void script(std::function<void(const Request&, Responder)> script) {
    on_loop([&] { handler.script = std::move(script); });
  }
  void destroy_server() {
    on_loop([&] { server_.reset(); });
  }
  Counters counters() {
    Counters counters;
    on_loop([&] { counters = server_->counters(); });
    return counters;
  }
  [[nodiscard]] RawClient client() const { return RawClient(port); }
  Server& server() { return *server_; }

  EventLoop loop;
  ScriptedHandler handler;
  std::uint16_t port = 0;

 private:
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace windfall::http
