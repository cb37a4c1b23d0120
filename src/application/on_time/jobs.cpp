#include "application/on_time/jobs.hpp"

#include <algorithm>
#include <utility>

namespace windfall {

void Jobs::add(Job job) {
  Entry entry{.job = std::move(job), .status = {}};
  entry.status.name = entry.job.name;
  entry.status.interval_ms = entry.job.interval_ms;
  entries_.push_back(std::move(entry));
}

void Jobs::start() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Job& job = entries_[i].job;
    schedule(i, job.first_ms.value_or(job.interval_ms));
  }
}

void Jobs::schedule(std::size_t index, std::int64_t in_ms) {
  Entry& entry = entries_[index];
  entry.due_at = clock_.monotonic_ms() + in_ms;
  timer_.after(in_ms, [this, index, due = entry.due_at] {
    // A run in between has moved the due time and scheduled its own call.
    if (!stopped_ && entries_[index].due_at == due) detach(run(index));
  });
}

void Jobs::clock_changed() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].job.on_clock_change || stopped_) continue;
    if (entries_[i].status.running) {
      entries_[i].again = true;
    } else {
      detach(run(i));
    }
  }
}

Task<void> Jobs::run(std::size_t index) {
  if (entries_[index].status.running) co_return;
  do {
    Entry& entry = entries_[index];
    entry.again = false;
    entry.status.running = true;
    const std::int64_t started = clock_.monotonic_ms();
    entry.started_at = started;
    const Result<std::string> result = co_await entry.job.run();
    Entry& done = entries_[index];
    done.status.running = false;
    done.status.took_ms = clock_.monotonic_ms() - started;
    done.status.succeeded = result.has_value();
    done.status.result = result ? *result : result.error().message;
    ++done.status.runs;
    if (!result) ++done.status.failures;
  } while (entries_[index].again && !stopped_);
  if (!stopped_) schedule(index, entries_[index].job.interval_ms);
}

std::vector<JobStatus> Jobs::status() const {
  std::vector<JobStatus> all;
  for (const Entry& entry : entries_) {
    const std::int64_t now = clock_.monotonic_ms();
    all.push_back(entry.status);
    all.back().next_in_ms = std::max<std::int64_t>(0, entry.due_at - now);
    const bool ran = entry.status.running || entry.status.runs > 0;
    if (ran) all.back().last_started = {clock_.now().ms - (now - entry.started_at)};
  }
  return all;
}

bool Jobs::idle() const {
  return std::ranges::none_of(entries_, [](const Entry& entry) { return entry.status.running; });
}

}  // namespace windfall
