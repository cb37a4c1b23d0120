// Time that stands still until it is moved, threads that work when they are told, and a way to hold a task's result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/timer.hpp"

namespace windfall::test {

class VirtualTime final : public Clock, public Timer {
 public:
  explicit VirtualTime(Instant start = Instant{}) : now_(start) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return monotonic_; }
  void after(std::int64_t delay_ms, std::function<void()> call) override {
    calls_.push_back({.due = monotonic_ + delay_ms, .call = std::move(call)});
  }

  /// Sets the wall clock only, as the development clock does.
  void set(Instant now) { now_ = now; }
  /// Both clocks move on, and what falls due is called at its time.
  void advance(std::int64_t ms) {
    const std::int64_t until = monotonic_ + ms;
    while (true) {
      const auto next = std::ranges::min_element(calls_, {}, &Call::due);
      if (next == calls_.end() || next->due > until) break;
      const Call due = std::move(*next);
      calls_.erase(next);
      move_to(due.due);
      due.call();
    }
    move_to(until);
  }

 private:
  struct Call {
    std::int64_t due;
    std::function<void()> call;
  };
  void move_to(std::int64_t monotonic) {
    now_.ms += monotonic - monotonic_;
    monotonic_ = monotonic;
  }

  Instant now_;
  std::int64_t monotonic_ = 0;
  std::vector<Call> calls_;
};

/// One thread's queue: nothing happens before run().
class HeldWork final : public Blocking {
 public:
  void submit(std::function<void()> work, std::function<void()> done) override {
    queue_.push_back({std::move(work), std::move(done)});
  }
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  /// The first of the queue.
  void run_one() {
    const auto [work, done] = std::move(queue_.front());
    queue_.pop_front();
    work();
    done();
  }
  /// The last of the queue, as on a thread of its own.
  void run_last() {
    const auto [work, done] = std::move(queue_.back());
    queue_.pop_back();
    work();
    done();
  }
  /// All of it, and what follows from it.
  void run() {
    while (!queue_.empty()) run_one();
  }

 private:
  std::deque<std::pair<std::function<void()>, std::function<void()>>> queue_;
};

template <class T>
using Later = std::shared_ptr<std::optional<T>>;

template <class T>
Task<void> hold(Task<T> task, Later<T> result) {
  T value = co_await task;
  result->emplace(std::move(value));
}

/// Starts a task; what it returns appears in the result when it is done.
template <class T>
Later<T> start(Task<T> task) {
  Later<T> result = std::make_shared<std::optional<T>>();
  detach(hold(std::move(task), result));
  return result;
}

/// Of a task that must not have to wait for anything.
template <class T>
T value_of(Task<T> task) {
  return std::move(*start(std::move(task))).value();
}

}  // namespace windfall::test
