#include "application/on_request/refusals.hpp"

namespace windfall {

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
  std::vector<std::pair<UserRef, RefusalRow>> batch = std::move(waiting_);
  waiting_.clear();
  const std::int64_t rows = static_cast<std::int64_t>(batch.size());
  const Result<bool> written = co_await writer_.run([this, &batch]() -> Result<bool> {
    if (batch.empty()) return true;
    return ledger_.add_refusals(batch);
  });
  if (!written) dropped_ += rows;
}

}  // namespace windfall
