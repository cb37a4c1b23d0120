// A store on a real Redis of the test's own and the server's event loop, and tasks run to their end on it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/http/transport/event_loop.hpp"
#include "adapters/http/transport/loop_timer.hpp"
#include "adapters/redis/client/client.hpp"
#include "adapters/redis/library.hpp"
#include "adapters/redis/store/claims.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "application/port/clock.hpp"
#include "model/redis_server.hpp"

namespace windfall::redis {

/// Wall clock that tests set; monotonic time runs.
class SetClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return at; }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  Instant at{};
};

/// One process of an installation.
class Process {
 public:
  Process(int port, const SetClock& clock) {
    auto opened =
        Client::open(loop.context(), {.seeds = {{.host = "127.0.0.1", .port = static_cast<std::uint16_t>(port)}},
                                      .user = {},
                                      .password = {},
                                      .tls = {},
                                      .commit_connections = 2,
                                      .replicas = 0});
    if (!opened) throw std::runtime_error(opened.error().message);
    client = std::move(*opened);
    decide = library(library_text());
    claims = library(claims_library_text());
    store = std::make_unique<RedisStore>(
        *client, RedisStore::Scripts{.decide = *decide, .claim = *claims}, clock, timer,
        RedisStore::Options{.own_clock = true,
                            .at_turn_end = [this](std::function<void()> work) { loop.on_turn_end(std::move(work)); },
                            .trouble = [this](const std::string& why) { troubles.push_back(why); }});
    const Result<bool> connected = run(client->connect());
    if (!connected) throw std::runtime_error(connected.error().message);
    for (FunctionLibrary* one : {decide.get(), claims.get()}) {
      const Result<bool> there = run(one->ensure());
      if (!there) throw std::runtime_error(there.error().message);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    store->stop();
    client->close();
  }

  /// The task's result; throws if there is none after 20 s.
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
  /// Results of tasks that are under way at once, in their order.
  template <class T>
  std::vector<T> run_all(std::vector<Task<T>> tasks) {
    std::vector<std::optional<T>> results(tasks.size());
    std::size_t left = tasks.size();
    loop.post([&] {
      for (std::size_t i = 0; i < tasks.size(); ++i) detach(finish_one(std::move(tasks[i]), results[i], left, loop));
    });
    const http::Timer watchdog = loop.call_after(std::chrono::seconds(20), [this] { loop.stop(); });
    loop.run();
    std::vector<T> all;
    for (std::optional<T>& result : results) {
      if (!result) throw std::runtime_error("a task did not end");
      all.push_back(std::move(*result));
    }
    return all;
  }
  void run_for(std::chrono::milliseconds time) {
    const http::Timer end = loop.call_after(time, [this] { loop.stop(); });
    loop.run();
  }

  http::EventLoop loop;
  http::LoopTimer timer{loop};
  std::unique_ptr<Client> client;
  std::unique_ptr<FunctionLibrary> decide;
  std::unique_ptr<FunctionLibrary> claims;
  std::unique_ptr<RedisStore> store;
  std::vector<std::string> troubles;

 private:
  std::unique_ptr<FunctionLibrary> library(std::string_view text) {
    auto made = FunctionLibrary::make(*client, std::string(text));
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  template <class T>
  static Task<void> finish(Task<T> task, std::optional<T>& result, http::EventLoop& loop) {
    result.emplace(co_await task);
    loop.stop();
  }
  template <class T>
  static Task<void> finish_one(Task<T> task, std::optional<T>& result, std::size_t& left, http::EventLoop& loop) {
    result.emplace(co_await task);
    if (--left == 0) loop.stop();
  }
};

}  // namespace windfall::redis
