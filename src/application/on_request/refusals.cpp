#include "application/on_request/refusals.hpp"

#include <algorithm>
#include <utility>

namespace windfall {

namespace {

bool may_pass(FailureCode code) {
  return code == FailureCode::unavailable || code == FailureCode::overloaded || code == FailureCode::disk_full;
}

}  // namespace

void Refusals::add(UserRef user, PartitionNo partition, RefusalRow row) {
  count(partition, row.code);
  if (waiting_.size() >= kMaxWaiting) {
    ++dropped_;
    return;
  }
  waiting_.emplace_back(user, std::move(row));
  schedule();
}

void Refusals::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  timer_.after(kFlushMs, [this] { detach(flush_in_turn()); });
}

Task<void> Refusals::flush_in_turn() {
  co_await flush();
  scheduled_ = false;
  if (!waiting_.empty()) schedule();
}

void Refusals::count(PartitionNo partition, const std::string& code) {
  ++by_partition_[partition][code];
  ++total_[code];
}

Task<void> Refusals::flush() {
  // An empty batch is submitted as well: it returns after the batches before it.
  Rows batch = std::move(waiting_);
  waiting_.clear();
  const std::int64_t rows = static_cast<std::int64_t>(batch.size());
  const Result<bool> written = co_await writer_.run([this, &batch]() -> Result<bool> {
    if (batch.empty()) return true;
    return ledger_.add_refusals(batch);
  });
  if (!written) dropped_ += rows;
}

Task<bool> Refusals::keep(UserRef user, RefusalRow row) {
  if (finished_) co_return false;
  Completion<bool> written;
  kept_.push_back({.row = {user, std::move(row)}, .written = &written});
  if (!writing_) detach(write_kept());
  co_return co_await written;
}

Task<void> Refusals::write_kept() {
  writing_ = true;
  while (!kept_.empty() && !finished_) {
    if (!co_await write_some(kMaxWaiting) && !finished_) co_await sleep_for(timer_, kRetryMs);
  }
  writing_ = false;
}

/// False if the ledger is away.
Task<bool> Refusals::write_some(std::size_t most) {
  const std::size_t count = std::min(most, kept_.size());
  Rows rows;
  for (std::size_t i = 0; i < count; ++i) rows.push_back(kept_[i].row);
  const Result<bool> written = co_await writer_.run([this, &rows] { return ledger_.add_refusals(rows); });
  if (finished_) co_return false;  // who waited has been told
  if (!written) {
    if (trouble_ && told_ != written.error().message) trouble_(written.error().message);
    told_ = written.error().message;
    if (may_pass(written.error().code)) co_return false;
    // The ledger will not have it: its neighbours go on, and it is given up.
    if (count > 1) co_return co_await write_some(1);
    ++dropped_;
  } else {
    told_.clear();
  }
  std::vector<Completion<bool>*> ready;
  ready.reserve(count);
  for (std::size_t i = 0; i < count; ++i) ready.push_back(kept_[i].written);
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
  for (Completion<bool>* one : ready) one->complete(true);
  co_return true;
}

Task<void> Refusals::finish() {
  co_await flush();
  if (!kept_.empty() && !writing_) {
    writing_ = true;
    co_await write_some(kMaxWaiting);
  }
  finished_ = true;
  const std::deque<Kept> left = std::exchange(kept_, {});
  for (const Kept& one : left) one.written->complete(false);
}

}  // namespace windfall
