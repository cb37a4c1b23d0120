// The loop that one thread runs: posted work, timers, signals, sockets that became ready, and a hook at the end of each
// turn. Asio drives it; sockets stand in one epoll set of their own, which Asio watches as a single descriptor, so that
// a request costs no Asio operation.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "adapters/http/transport/callback.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): the library's name
}

namespace windfall::http {

/// Something with a file descriptor. `events` are the EPOLL* bits that came true.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_ready(std::uint32_t events) = 0;
};

/// What a watched descriptor reports.
enum class Interest : std::uint8_t {
  stream,    ///< readable, writable, peer finished; once per change (edge-triggered), so whoever watches remembers it
  listener,  ///< readable, reported in every turn as long as it is true
};

/// A timer that has been set. Destroying or cancelling it before it fires means that its callback is never called. Loop
/// thread only; must not outlive its loop.
class Timer {
 public:
  struct State;

  Timer() = default;
  explicit Timer(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Timer(Timer&& other) noexcept = default;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { cancel(); }

  void cancel();
  /// True until it fires or is cancelled.
  [[nodiscard]] bool pending() const;

 private:
  std::shared_ptr<State> state_;
};

/// Everything but post() and stop() is for the thread that runs the loop, or for any one thread while it does not run.
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// Runs until stop(). May be called again afterwards.
  void run();
  /// Makes run() return after the handler that is running. Thread-safe.
  void stop();

  /// Calls `work` on the loop thread, never from within post() itself; in the order of the calls. Thread-safe. Work
  /// that is still waiting when the loop is destroyed is destroyed uncalled.
  void post(Callback<void()> work);

  /// Calls `work` once, after the handlers of the present turn: of everything that was ready when the loop last looked.
  /// Always before the loop sleeps. Several calls in a turn are several calls of work, in order; a call from within
  /// such work belongs to the next turn.
  void on_turn_end(Callback<void()> work);

  /// Calls `work` once, when the sockets that were found ready together have all been handled: before the turn ends.
  /// Asked for by such work itself, once all of that has been done. False, and `work` is not called, from within work
  /// that was asked for so, and unless sockets are being handled now.
  [[nodiscard]] bool after_sockets(Callback<void()> work);

  /// While sockets are handled, and what was asked for behind them: a number that no other turn has. 0 at other times.
  [[nodiscard]] std::uint64_t turn() const;

  /// Calls `work` after `delay`, unless the timer is cancelled or destroyed before.
  [[nodiscard]] Timer call_after(std::chrono::milliseconds delay, Callback<void()> work);

  /// Calls `work` with the number of each SIGINT, SIGTERM or SIGHUP from now on. At most one per process.
  void on_signal(Callback<void(int)> work);

  /// Reports what happens on `descriptor` to `watcher`, until unwatch(). Both must stay until then. False if the system
  /// refuses.
  [[nodiscard]] bool watch(int descriptor, Watcher& watcher, Interest interest);
  /// Nothing is reported to `watcher` any more, not even what the present turn has already collected.
  void unwatch(int descriptor, Watcher& watcher);

  /// What drives the loop, for clients of other protocols that live on the same thread. Never run or stop it directly.
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windfall::http
