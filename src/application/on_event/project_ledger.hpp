// Carries the log into the ledger: reads durable events in order and applies them, batch by batch. Others wait here
// until the ledger has reached what was acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/ledger.hpp"
#include "application/port/timer.hpp"

namespace windfall {

class ProjectLedger {
 public:
  struct Hooks {
    std::function<void()> applied;                        ///< after each batch that brought events
    std::function<void(const std::string& why)> trouble;  ///< the ledger or the log cannot be used now; tried again
  };
  /// After a failure nobody knows whether the batch stands in the ledger.
  enum class Doubt : std::uint8_t {
    ask,         ///< the ledger counts as the log does: its position() tells
    apply_again  ///< it counts otherwise, and skips events that it has
  };
  /// `writer` is the ledger's writing thread.
  ProjectLedger(EventLog& log, Ledger& ledger, Blocking& writer, Timer& timer, Hooks hooks, Doubt doubt = Doubt::ask)
      : log_(log), ledger_(ledger), writer_(writer), timer_(timer), hooks_(std::move(hooks)), doubt_(doubt) {}
  ProjectLedger(const ProjectLedger&) = delete;
  ProjectLedger& operator=(const ProjectLedger&) = delete;

  /// Position that the ledger had when the process started.
  void start_at(std::uint64_t position) { position_ = position; }
  /// The log has durable events up to this position. Projection follows within kPaceMs.
  void poke(std::uint64_t durable_position);
  /// True once the ledger has reached the position; false if that takes longer than kPatienceMs.
  Task<bool> reached(std::uint64_t position);
  /// Position the ledger has reached.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Position the log is known to have reached.
  [[nodiscard]] std::uint64_t target() const { return target_; }
  /// No further batch is started.
  void stop() { stopped_ = true; }
  [[nodiscard]] bool running() const { return running_; }

  /// Events per transaction: large enough that the sync of the ledger does not count, small enough to finish within
  /// some 40 ms.
  static constexpr std::size_t kBatch = 4096;
  /// Unless somebody waits, batches are at least this far apart: each costs a sync that competes with the journal's.
  static constexpr std::int64_t kPaceMs = 50;
  /// The contract's patience with the ledger.
  static constexpr std::int64_t kPatienceMs = 1000;
  /// Pause after a failure; twice as long after each further one.
  static constexpr std::int64_t kRetryMs = 250;
  static constexpr std::int64_t kLongestRetryMs = 2'000;

 private:
  struct Waiter {
    std::uint64_t position;
    std::uint64_t id;
    Completion<bool>* done;
  };
  Task<void> run();
  void start();
  void wake();

  EventLog& log_;
  Ledger& ledger_;
  Blocking& writer_;
  Timer& timer_;
  Hooks hooks_;
  Doubt doubt_;
  std::uint64_t position_ = 0;
  std::uint64_t target_ = 0;
  std::uint64_t next_waiter_ = 1;
  bool running_ = false;
  bool paced_ = false;
  bool stopped_ = false;
  std::vector<Waiter> waiters_;
};

}  // namespace windfall
