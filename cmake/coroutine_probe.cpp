// Counts constructions and destructions of what lives in co_await expressions. Exit 0 only if each object dies exactly
// once.
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

namespace {

int alive = 0;

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }
};

struct Aggregate {
  Counted counted;
  std::string text;
};

struct Task {
  struct promise_type {
    std::coroutine_handle<> waiter;
    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        return h.promise().waiter ? h.promise().waiter : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
  Task(Task&& other) noexcept : handle(std::exchange(other.handle, {})) {}
  ~Task() {
    if (handle) handle.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    handle.promise().waiter = waiter;
    return handle;
  }
  void await_resume() {}
  std::coroutine_handle<promise_type> handle;
};

template <class F>
Task call(F f) {
  co_await f();
}

Task leaf(Aggregate) { co_return; }

Task patterns(bool choice) {
  Counted captured;
  co_await call([captured]() -> Task { co_return; });
  co_await leaf(Aggregate{Counted{}, std::string(64, 'x')});
  co_await leaf(choice ? Aggregate{Counted{}, std::string(64, 'y')} : Aggregate{Counted{}, std::string(64, 'z')});
}

}  // namespace

int main() {
  {
    Task task = patterns(true);
    task.handle.resume();
  }
  return alive == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
