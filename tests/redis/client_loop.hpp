// A client on the server's own event loop, and tasks run to their end on it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "adapters/http/transport/event_loop.hpp"
#include "adapters/redis/client/client.hpp"
#include "redis/replies.hpp"

namespace windfall::redis {

class ClientLoop {
 public:
  explicit ClientLoop(ClientSettings settings) {
    auto opened = Client::open(loop.context(), std::move(settings));
    if (!opened) throw std::runtime_error(opened.error().message);
    client = std::move(*opened);
  }

  /// The task's result. A test that gets none within 20 s fails.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    detach(finish(std::move(task), result, loop));
    if (!result) {
      const http::Timer watchdog = loop.call_after(std::chrono::seconds(20), [this] { loop.stop(); });
      loop.run();
    }
    if (!result) throw std::runtime_error("a task did not end");
    return std::move(*result);
  }

  void run_for(std::chrono::milliseconds time) {
    const http::Timer end = loop.call_after(time, [this] { loop.stop(); });
    loop.run();
  }

  /// The reply on one line, or "unavailable: …".
  std::string say(Call call) { return shown(run(client->call(std::move(call)))); }
  std::string say(const std::string& key, Arguments command, Kind kind = Kind::read) {
    return say(Call{.routing_key = key, .command = std::move(command), .kind = kind});
  }

  static std::string shown(const Result<Reply>& result) {
    return result ? show(*result) : "failure: " + result.error().message;
  }

  http::EventLoop loop;
  std::unique_ptr<Client> client;

 private:
  template <class T>
  static Task<void> finish(Task<T> task, std::optional<T>& result, http::EventLoop& loop) {
    T value = co_await task;
    result.emplace(std::move(value));
    loop.stop();
  }
};

}  // namespace windfall::redis
