// What is to happen at later moments of virtual time, in order.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "application/port/clock.hpp"
#include "application/port/timer.hpp"

namespace windfall::simulate {

class Timers final : public Timer {
 public:
  explicit Timers(const Clock& clock) : clock_(clock) {}

  void after(std::int64_t ms, std::function<void()> call) override {
    entries_.push({.at = clock_.now().ms + ms, .number = next_++, .call = std::move(call)});
  }
  /// The moment of the next one; kEndOfTime if there is none.
  [[nodiscard]] Instant next() const { return entries_.empty() ? kEndOfTime : Instant{entries_.top().at}; }
  /// Calls what is due now.
  void run_due() {
    while (!entries_.empty() && entries_.top().at <= clock_.now().ms) {
      const std::function<void()> call = entries_.top().call;
      entries_.pop();
      call();
    }
  }

 private:
  struct Entry {
    std::int64_t at = 0;
    std::uint64_t number = 0;
    std::function<void()> call;
    bool operator<(const Entry& other) const { return std::pair{at, number} > std::pair{other.at, other.number}; }
  };
  const Clock& clock_;
  std::priority_queue<Entry> entries_;
  std::uint64_t next_ = 0;
};

}  // namespace windfall::simulate
