// The table of jobs: what runs by time, and an account of it that an operator can read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "application/port/clock.hpp"
#include "application/port/task.hpp"
#include "application/port/timer.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// One job. It never runs twice at once.
struct Job {
  std::string name;                                ///< "sync-ledger"
  std::int64_t interval_ms = 0;                    ///< of time that always runs
  std::optional<std::int64_t> first_ms = {};       ///< until the first run; the interval, unless given
  bool on_clock_change = true;                     ///< runs as well when the development clock is set
  std::function<Task<Result<std::string>>()> run;  ///< what it did, in a few words
};

/// The account of a job.
struct JobStatus {
  std::string name;
  std::int64_t interval_ms = 0;
  Instant last_started;  ///< by the clock in force, whichever it was then; 0 = never
  std::int64_t took_ms = 0;
  bool succeeded = true;
  std::string result;
  std::int64_t next_in_ms = 0;
  std::int64_t runs = 0;
  std::int64_t failures = 0;
  bool running = false;
};

class Jobs {
 public:
  Jobs(const Clock& clock, Timer& timer) : clock_(clock), timer_(timer) {}
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void add(Job job);
  void start();
  void stop() { stopped_ = true; }
  /// The clock was set: every job that follows it runs now.
  void clock_changed();
  [[nodiscard]] std::vector<JobStatus> status() const;
  [[nodiscard]] bool idle() const;

 private:
  struct Entry {
    Job job;
    JobStatus status;
    std::int64_t due_at = 0;      ///< monotonic
    std::int64_t started_at = 0;  ///< the same, of the latest run
    bool again = false;           ///< asked for while it ran
  };
  void schedule(std::size_t index, std::int64_t in_ms);
  Task<void> run(std::size_t index);

  const Clock& clock_;
  Timer& timer_;
  std::vector<Entry> entries_;
  bool stopped_ = false;
};

}  // namespace windfall
