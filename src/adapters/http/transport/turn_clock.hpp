// Time as of the loop's turn: requests that came in together are decided at one time, and the clock is asked once for
// all of them instead of three times by each. Beside a turn it is the clock's own time. For the loop's thread only.
#pragma once

#include <cstdint>

#include "adapters/http/transport/event_loop.hpp"
#include "application/port/clock.hpp"

namespace windfall::http {

class TurnClock final : public Clock {
 public:
  TurnClock(const Clock& clock, const EventLoop& loop) : clock_(clock), loop_(loop) {}

  [[nodiscard]] Instant now() const override {
    look();
    return now_;
  }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    look();
    return monotonic_ms_;
  }
  /// The clock was set: what was seen of it in this turn counts no more.
  void forget() { seen_ = 0; }

 private:
  void look() const {
    const std::uint64_t turn = loop_.turn();
    if (turn != 0 && turn == seen_) return;
    seen_ = turn;
    now_ = clock_.now();
    monotonic_ms_ = clock_.monotonic_ms();
  }

  const Clock& clock_;
  const EventLoop& loop_;
  mutable std::uint64_t seen_ = 0;
  mutable Instant now_;
  mutable std::int64_t monotonic_ms_ = 0;
};

}  // namespace windfall::http
