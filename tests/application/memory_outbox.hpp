// An outbox in memory: a double of our own port, with failures on demand. It gives no leases: whoever asks may carry.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "application/port/outbox.hpp"

namespace windfall::test {

class MemoryOutbox final : public Outbox {
 public:
  /// One entry with these events.
  void add(const std::string& promotion_id, std::vector<Recorded> events,
           std::vector<LogBatch::Named> identities = {}) {
    const OutboxId id{.epoch = events.back().epoch, .sequence = events.back().sequence};
    entries_[promotion_id][id] = {.id = id, .events = std::move(events), .identities = std::move(identities)};
  }
  [[nodiscard]] std::size_t left() const {
    std::size_t count = 0;
    for (const auto& [promotion_id, entries] : entries_) count += entries.size();
    return count;
  }
  [[nodiscard]] std::size_t left(const std::string& promotion_id) const {
    const auto found = entries_.find(promotion_id);
    return found == entries_.end() ? 0 : found->second.size();
  }
  /// The next calls fail that often.
  int failing_reads = 0;
  int failing_trims = 0;
  int looks = 0;

  Task<Result<std::vector<Backlog>>> backlogs() override {
    ++looks;
    std::vector<Backlog> all;
    for (const auto& [promotion_id, entries] : entries_) {
      if (!entries.empty()) all.push_back({.promotion_id = promotion_id, .entries = entries.size()});
    }
    co_return all;
  }
  Task<Result<std::vector<OutboxEntry>>> read(std::string promotion_id, std::optional<OutboxId> after,
                                              std::size_t max_events) override {
    if (failing_reads > 0) {
      --failing_reads;
      co_return fail(FailureCode::unavailable, "outbox away");
    }
    std::vector<OutboxEntry> page;
    std::size_t events = 0;
    for (const auto& [id, entry] : entries_[promotion_id]) {
      if (after && id <= *after) continue;
      if (events >= max_events) break;
      events += entry.events.size();
      page.push_back(entry);
    }
    co_return page;
  }
  Task<Result<Turn>> take_turn(std::string promotion_id, std::optional<OutboxId> after, std::size_t max_events,
                               std::int64_t) override {
    Result<std::vector<OutboxEntry>> entries = co_await read(std::move(promotion_id), after, max_events);
    if (!entries) co_return tl::unexpected(entries.error());
    Turn turn;
    turn.entries = std::move(*entries);
    co_return turn;
  }
  Task<Result<bool>> give_back(std::string) override { co_return true; }
  Task<Result<bool>> trim(std::string promotion_id, OutboxId up_to) override {
    if (failing_trims > 0) {
      --failing_trims;
      co_return fail(FailureCode::unavailable, "outbox away");
    }
    std::erase_if(entries_[promotion_id], [up_to](const auto& entry) { return entry.first <= up_to; });
    co_return true;
  }

 private:
  std::map<std::string, std::map<OutboxId, OutboxEntry>> entries_;
};

}  // namespace windfall::test
