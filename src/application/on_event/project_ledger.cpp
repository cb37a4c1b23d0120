#include "application/on_event/project_ledger.hpp"

#include <algorithm>
#include <utility>

namespace windfall {

void ProjectLedger::poke(std::uint64_t durable_position) {
  target_ = std::max(target_, durable_position);
  if (running_ || paced_ || stopped_ || position_ >= target_) return;
  paced_ = true;
  timer_.after(kPaceMs, [this] {
    paced_ = false;
    start();
  });
}

void ProjectLedger::start() {
  if (running_ || stopped_ || position_ >= target_) return;
  running_ = true;
  detach(run());
}

Task<bool> ProjectLedger::reached(std::uint64_t position) {
  if (position_ >= position) co_return true;
  if (stopped_) co_return false;
  target_ = std::max(target_, position);
  Completion<bool> done;
  const std::uint64_t id = next_waiter_++;
  waiters_.push_back({.position = position, .id = id, .done = &done});
  timer_.after(kPatienceMs, [this, id] {
    const auto found = std::ranges::find(waiters_, id, &Waiter::id);
    if (found == waiters_.end()) return;
    Completion<bool>* late = found->done;
    waiters_.erase(found);
    late->complete(false);
  });
  start();
  co_return co_await done;
}

Task<void> ProjectLedger::run() {
  std::string told;
  std::int64_t retry_ms = kRetryMs;
  bool doubtful = false;  // a batch that was reported as failed may stand in the ledger all the same
  while (!stopped_ && position_ < target_) {
    const std::uint64_t from = position_;
    std::uint64_t reached = from;
    std::size_t events = 0;
    const Result<bool> applied = co_await writer_.run([this, from, doubtful, &reached, &events]() -> Result<bool> {
      if (doubtful) {
        const Result<std::uint64_t> position = ledger_.position();
        if (!position) return tl::unexpected(position.error());
        reached = std::max(from, *position);
        events = static_cast<std::size_t>(reached - from);
        if (reached > from) return true;
      }
      const Result<LogBatch> batch = log_.read(from, kBatch);
      if (!batch) return tl::unexpected(batch.error());
      reached = batch->position;
      events = batch->events.size();
      if (reached == from) return true;
      return ledger_.apply(*batch);
    });
    if (!applied) {
      doubtful = doubt_ == Doubt::ask;
      // Once for each reason: while a database is away it is the same every time.
      if (told != applied.error().message) hooks_.trouble(applied.error().message);
      told = applied.error().message;
      co_await sleep_for(timer_, retry_ms);
      retry_ms = std::min(2 * retry_ms, kLongestRetryMs);
      continue;
    }
    doubtful = false;
    told.clear();
    retry_ms = kRetryMs;
    if (reached == from) break;  // not readable yet; the next poke comes with the next sync
    position_ = reached;
    if (events > 0) hooks_.applied();
    wake();
  }
  running_ = false;
}

void ProjectLedger::wake() {
  std::vector<Completion<bool>*> ready;
  std::erase_if(waiters_, [&](const Waiter& waiter) {
    if (waiter.position > position_) return false;
    ready.push_back(waiter.done);
    return true;
  });
  for (Completion<bool>* done : ready) done->complete(true);
}

}  // namespace windfall
