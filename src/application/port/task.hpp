// Task<T>: a lazily started coroutine, awaited once, resumed on the one loop thread. Windfall's own because the
// application must not know the I/O library, and because everything above the adapters should compile fast and run
// under a simulated clock.
//
// House rules: parameters by value; nothing with a destructor is created inside a co_await expression; no co_await in a
// catch block.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#ifdef WINDFALL_LEAK_CHECK
#include <mutex>
#include <set>
#endif

namespace windfall {

template <class T>
class Task;

namespace detail {

struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    return done.promise().waiter ? done.promise().waiter : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> waiter;
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  // Failures are values here; an exception in a use case is a bug, and the journal makes the restart safe.
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type : detail::PromiseBase {
    std::optional<T> value;
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    template <class U>
    void return_value(U&& result) {
      value.emplace(std::forward<U>(result));
    }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
    handle_.promise().waiter = waiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type : detail::PromiseBase {
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    void return_void() {}
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
    handle_.promise().waiter = waiter;
    return handle_;
  }
  void await_resume() const noexcept {}

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

/// Suspends its awaiter until complete() is called on the loop thread; one awaiter, one completion, in either order.
template <class T>
class Completion {
 public:
  void complete(T value) {
    value_.emplace(std::move(value));
    if (waiter_) std::exchange(waiter_, {}).resume();
  }
  [[nodiscard]] bool await_ready() const noexcept { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  T await_resume() { return std::move(*value_); }

 private:
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

namespace detail {

#ifdef WINDFALL_LEAK_CHECK
/// Every detached task that has not ended. When a process ends, what waits for something that will not come any more is
/// left to the system with it; a leak checker must find it from here, or it takes all that such tasks hold for lost.
class InSight {
 public:
  InSight() {
    const std::lock_guard lock(guard());
    all().insert(this);
  }
  InSight(const InSight&) = delete;
  InSight& operator=(const InSight&) = delete;
  ~InSight() {
    const std::lock_guard lock(guard());
    all().erase(this);
  }

 private:
  // Never destroyed: the check comes after everything that is.
  static std::mutex& guard() {
    static auto& the = *new std::mutex;
    return the;
  }
  static std::set<InSight*>& all() {
    static auto& the = *new std::set<InSight*>;
    return the;
  }
};
#else
struct InSight {};
#endif

}  // namespace detail

/// Starts a task that nobody awaits; its frame frees itself at the end.
class Detached {
 public:
  struct promise_type : detail::InSight {
    Detached get_return_object() noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

inline Detached detach(Task<void> task) { co_await task; }

}  // namespace windfall
