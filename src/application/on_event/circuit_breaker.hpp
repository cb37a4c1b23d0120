// Stops calling a partner that is down: closed while calls come through, open after a row of failures, half-open to let
// one call look whether it is back. Pure: time arrives as an argument.
#pragma once

#include <cstdint>

namespace windfall {

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  struct Settings {
    int failures = 20;            ///< in a row; chance alone, at one call in ten failing, needs 10^20 calls for that
    std::int64_t open_ms = 5000;  ///< nothing is tried for that long
  };

  explicit CircuitBreaker(Settings settings) : settings_(settings) {}

  /// Calls that may be started now, at most `wanted`.
  [[nodiscard]] int allowed(int wanted, std::int64_t now_ms) {
    if (state_ == State::open && now_ms >= opens_until_) {
      state_ = State::half_open;
      probing_ = false;
    }
    if (state_ == State::closed) return wanted;
    return state_ == State::half_open && !probing_ && wanted > 0 ? 1 : 0;
  }

  /// Names a call that starts now; the number goes back with its answer, so that answers from before an opening decide
  /// nothing later.
  [[nodiscard]] std::uint64_t started() {
    if (state_ == State::half_open) probing_ = true;
    return generation_;
  }

  void succeeded(std::uint64_t call) {
    if (call != generation_) return;
    failed_in_a_row_ = 0;
    if (state_ != State::half_open) return;
    state_ = State::closed;
    ++generation_;
  }

  void failed(std::uint64_t call, std::int64_t now_ms) {
    if (call != generation_) return;
    if (state_ == State::closed && ++failed_in_a_row_ < settings_.failures) return;
    state_ = State::open;
    opens_until_ = now_ms + settings_.open_ms;
    failed_in_a_row_ = 0;
    ++generation_;
  }

  [[nodiscard]] State state() const { return state_; }
  /// Milliseconds until a call may be tried; 0 unless open.
  [[nodiscard]] std::int64_t wait_ms(std::int64_t now_ms) const {
    return state_ == State::open && opens_until_ > now_ms ? opens_until_ - now_ms : 0;
  }

 private:
  Settings settings_;
  State state_ = State::closed;
  int failed_in_a_row_ = 0;
  std::int64_t opens_until_ = 0;
  bool probing_ = false;
  std::uint64_t generation_ = 0;
};

}  // namespace windfall
