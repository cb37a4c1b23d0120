// The port's timers, on the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "adapters/http/transport/event_loop.hpp"
#include "application/port/timer.hpp"

namespace windfall::http {

class LoopTimer final : public windfall::Timer {
 public:
  explicit LoopTimer(EventLoop& loop) : loop_(loop) {}
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;
  /// Whoever still sleeps, as what works by time does when a process ends, is not woken, and left to the system with
  /// the process. It stays in sight, so that a leak checker names only what was really lost.
  ~LoopTimer() override {
    if (!pending_->empty()) left_behind().push_back(std::move(pending_));
  }
  void after(std::int64_t delay_ms, std::function<void()> call) override {
    const auto place = pending_->emplace(pending_->end());
    *place = loop_.call_after(std::chrono::milliseconds(delay_ms),
                              [call = std::move(call), place, pending = pending_.get()]() mutable {
                                const std::function<void()> now = std::move(call);
                                pending->erase(place);
                                now();
                              });
  }

 private:
  using Pending = std::list<http::Timer>;
  // Never destroyed: the check comes after everything that is.
  static std::vector<std::unique_ptr<Pending>>& left_behind() {
    static auto& the = *new std::vector<std::unique_ptr<Pending>>();
    return the;
  }

  EventLoop& loop_;
  std::unique_ptr<Pending> pending_ = std::make_unique<Pending>();
};

}  // namespace windfall::http
