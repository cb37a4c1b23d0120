// Virtual time: everything that is going to happen, in order, on one thread. What belongs to the process is dropped
// when it crashes; what belongs to the world (a call on its way to the partner) happens all the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/timer.hpp"
#include "model/dice.hpp"

namespace windfall::simulation {

using model::Dice;

enum class Owner : std::uint8_t { world, process };

class Agenda {
 public:
  [[nodiscard]] std::int64_t now() const { return now_; }
  void after(std::int64_t delay_ms, Owner owner, std::function<void()> what);
  /// Does the next thing that is due until then. False if there is none; time has come to `until` then.
  bool step(std::int64_t until);
  /// The process is gone, and with it all that it was going to do.
  void drop_process();
  /// Number of the present process, from 1.
  [[nodiscard]] int process() const { return process_; }

 private:
  struct Entry {
    Owner owner;
    std::function<void()> what;
  };
  std::multimap<std::int64_t, Entry> entries_;
  std::int64_t now_ = 0;
  int process_ = 1;
};

/// A wall clock that can be set, over virtual time that cannot.
class VirtualClock final : public Clock {
 public:
  VirtualClock(const Agenda& agenda, Instant start) : agenda_(agenda), start_(start) {}
  [[nodiscard]] Instant now() const override { return {start_.ms + agenda_.now() + offset_}; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return agenda_.now(); }
  void jump(std::int64_t by_ms) {
    offset_ += by_ms;
    furthest_ = std::max(furthest_, offset_);
  }
  /// Set right again: what was planned while it was ahead is due as planned.
  void correct() { offset_ = furthest_; }

 private:
  const Agenda& agenda_;
  Instant start_;
  std::int64_t offset_ = 0;
  std::int64_t furthest_ = 0;
};

/// The event loop of the process: timers, and functions posted from its threads, in order.
class VirtualLoop final : public Timer {
 public:
  VirtualLoop(Agenda& agenda, Dice& dice) : agenda_(agenda), dice_(dice) {}
  void after(std::int64_t delay_ms, std::function<void()> call) override;
  void post(std::function<void()> call);

 private:
  Agenda& agenda_;
  Dice& dice_;
  std::int64_t last_post_ = 0;
};

/// One worker thread: a piece of work happens whole at some later moment, and its end is posted to the loop.
class VirtualThread final : public Blocking {
 public:
  VirtualThread(Agenda& agenda, Dice& dice, VirtualLoop& loop) : agenda_(agenda), dice_(dice), loop_(loop) {}
  void submit(std::function<void()> work, std::function<void()> done) override;

 private:
  void next();

  Agenda& agenda_;
  Dice& dice_;
  VirtualLoop& loop_;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> queue_;
  bool busy_ = false;
};

}  // namespace windfall::simulation
