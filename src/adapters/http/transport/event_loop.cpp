#include "adapters/http/transport/event_loop.hpp"

#include <sys/epoll.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <csignal>
#include <span>
#include <vector>

namespace windfall::http {

namespace asio = boost::asio;
using Executor =
    asio::io_context::executor_type;  // the concrete one: any_io_executor would cost a virtual call per operation

namespace {

/// Sockets handled before posted work and timers get their turn: 256 requests are about a millisecond.
constexpr std::size_t kEventsPerTurn = 256;
/// So many at one look, and more have come while they were handled: they belong to the same turn, whose end begins a
/// sync. A few are not worth the look, and the listener may stay ready however often it is reported.
constexpr int kWorthAnotherLook = 8;
/// Rounds of work behind the sockets of a turn: a request waits for others at most so often. More of them, and one
/// client whose requests are answered at once could keep the loop for itself.
constexpr int kRoundsAfterSockets = 3;

// UNSAFE_IO: timers, descriptors and signals are touched by the loop's thread only, so their locks are left out; the
// lock of the queue that post() and stop() use from other threads stays.
constexpr int kConcurrency = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

std::uint32_t events_of(Interest interest) {
  switch (interest) {
    case Interest::stream:
      return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    case Interest::listener:
      return EPOLLIN;
  }
  std::abort();
}

}  // namespace

struct Timer::State {
  using SteadyTimer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

  State(asio::io_context& context, Callback<void()> callback) : timer(context), work(std::move(callback)) {}

  SteadyTimer timer;
  Callback<void()> work;  ///< empty once fired or cancelled
};

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Timer::cancel() {
  if (state_ == nullptr) return;
  const Callback<void()> dropped = std::move(state_->work);  // may own this very timer: destroyed last
  const std::shared_ptr<State> state = std::move(state_);
  state->timer.cancel();
}

bool Timer::pending() const { return state_ != nullptr && static_cast<bool>(state_->work); }

struct EventLoop::Impl {
  Impl() : context(kConcurrency), work_guard(context.get_executor()), signals(context), sockets(context) {
    sockets.assign(epoll_create1(EPOLL_CLOEXEC));
    await_sockets();
  }

  void await_sockets() {
    sockets.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
      if (error) return;
      turn = ++turns;
      rounds_left = kRoundsAfterSockets;
      handle_ready_sockets();
      while (rounds_left > 0) run_after_sockets();
      turn = 0;
      await_sockets();
    });
  }

  void run_after_sockets() {
    --rounds_left;
    running_after_sockets.swap(after_sockets);
    for (Callback<void()>& work : running_after_sockets) work();
    running_after_sockets.clear();
  }

  void handle_ready_sockets() {
    std::array<epoll_event, kEventsPerTurn> events;
    int room = static_cast<int>(events.size());
    int count = kWorthAnotherLook;
    while (room > 0 && count >= kWorthAnotherLook) {
      count = epoll_wait(sockets.native_handle(), events.data(), room, 0);
      if (count <= 0) return;
      room -= count;
      collected = std::span(events).first(static_cast<std::size_t>(count));
      while (!collected.empty()) {
        const epoll_event event = collected.front();
        collected = collected.subspan(1);
        if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
      }
    }
  }

  void await_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      on_signal(number);
      await_signal();
    });
  }

  // A posted handler goes behind everything that is ready now, and Asio only looks, without sleeping, for more while
  // one is waiting.
  void schedule_turn_end() {
    asio::post(context, [this] {
      running_turn_end.swap(turn_end);
      for (Callback<void()>& work : running_turn_end) work();
      running_turn_end.clear();
    });
  }

  asio::io_context context;
  asio::executor_work_guard<Executor> work_guard;
  asio::basic_signal_set<Executor> signals;
  Callback<void(int)> on_signal;
  asio::posix::basic_stream_descriptor<Executor> sockets;
  std::span<epoll_event> collected;  ///< of this turn, not reported yet
  std::uint64_t turns = 0;
  std::uint64_t turn = 0;
  int rounds_left = 0;  ///< of work behind the sockets of this turn
  std::vector<Callback<void()>> after_sockets;
  std::vector<Callback<void()>> running_after_sockets;  ///< kept for its capacity
  std::vector<Callback<void()>> turn_end;
  std::vector<Callback<void()>> running_turn_end;  ///< kept for its capacity
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  // A peer that went away is an error of send(), never the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  if (impl_->context.stopped()) impl_->context.restart();
  impl_->context.run();
}

void EventLoop::stop() { impl_->context.stop(); }

void EventLoop::post(Callback<void()> work) {
  asio::post(impl_->context, [work = std::move(work)]() mutable { work(); });
}

void EventLoop::on_turn_end(Callback<void()> work) {
  if (impl_->turn_end.empty()) impl_->schedule_turn_end();
  impl_->turn_end.push_back(std::move(work));
}

bool EventLoop::after_sockets(Callback<void()> work) {
  if (impl_->rounds_left == 0) return false;
  impl_->after_sockets.push_back(std::move(work));
  return true;
}

std::uint64_t EventLoop::turn() const { return impl_->turn; }

Timer EventLoop::call_after(std::chrono::milliseconds delay, Callback<void()> work) {
  auto state = std::make_shared<Timer::State>(impl_->context, std::move(work));
  state->timer.expires_after(delay);
  state->timer.async_wait([state](const boost::system::error_code&) {
    // Not the error code but the emptied callback tells of a cancellation: the timer may have fired just before it.
    if (!state->work) return;
    Callback<void()> fired = std::move(state->work);
    fired();
  });
  return Timer(std::move(state));
}

void EventLoop::on_signal(Callback<void(int)> work) {
  assert(!impl_->on_signal && "one signal callback per process");
  impl_->on_signal = std::move(work);
  impl_->signals.add(SIGINT);
  impl_->signals.add(SIGTERM);
  impl_->signals.add(SIGHUP);
  impl_->await_signal();
}

bool EventLoop::watch(int descriptor, Watcher& watcher, Interest interest) {
  epoll_event event{};
  event.events = events_of(interest);
  event.data.ptr = &watcher;
  return epoll_ctl(impl_->sockets.native_handle(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void EventLoop::unwatch(int descriptor, Watcher& watcher) {
  epoll_event unused{};
  epoll_ctl(impl_->sockets.native_handle(), EPOLL_CTL_DEL, descriptor, &unused);
  for (epoll_event& event : impl_->collected) {
    if (event.data.ptr == &watcher) event.data.ptr = nullptr;
  }
}

boost::asio::io_context& EventLoop::context() { return impl_->context; }

}  // namespace windfall::http
