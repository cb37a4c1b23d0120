// One look at something for all who watch it: as often as one of them looks, however many they are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "application/port/clock.hpp"
#include "application/port/task.hpp"

namespace windfall::http {

class SharedLook {
 public:
  /// As old as what is seen may be, and as often as is looked: a watcher comes that often.
  static constexpr std::int64_t kKeptMs = 1000;

  /// Looks, and keeps what it sees where the watchers find it. Never runs twice at once.
  using Look = std::function<Task<void>()>;
  SharedLook(Look look, const Clock& clock) : look_(std::move(look)), clock_(clock) {}
  SharedLook(const SharedLook&) = delete;
  SharedLook& operator=(const SharedLook&) = delete;

  /// Completes after a look that began in the last second, or one that is being taken.
  Task<void> recent() {
    if (looking_) {
      co_await end_of_look();
    } else if (clock_.monotonic_ms() >= until_) {
      co_await take();
    }
  }

  /// Completes after a look that began after this call: what has happened before it is seen.
  Task<void> fresh() {
    const std::uint64_t wanted = begun_ + 1;
    while (ended_ < wanted) {
      if (looking_) {
        co_await end_of_look();
      } else {
        co_await take();
      }
    }
  }

 private:
  Task<void> take() {
    looking_ = true;
    ++begun_;
    until_ = clock_.monotonic_ms() + kKeptMs;
    co_await look_();
    looking_ = false;
    ended_ = begun_;
    const std::vector<std::shared_ptr<Completion<bool>>> waiting = std::exchange(waiting_, {});
    for (const auto& turn : waiting) turn->complete(true);
  }

  Task<void> end_of_look() {
    auto turn = std::make_shared<Completion<bool>>();
    waiting_.push_back(turn);
    co_await *turn;
  }

  Look look_;
  const Clock& clock_;
  bool looking_ = false;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  std::int64_t until_ = 0;
  std::vector<std::shared_ptr<Completion<bool>>> waiting_;
};

}  // namespace windfall::http
