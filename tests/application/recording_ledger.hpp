// A log and a ledger in memory that can be made to fail.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "application/port/ledger.hpp"

namespace windfall::test {

/// Events 1..durable, each at the position of its number.
class NumberedLog final : public EventLog {
 public:
  Result<LogBatch> read(std::uint64_t position, std::size_t max_events) override {
    asked = max_events;
    if (failures > 0) {
      --failures;
      return fail(FailureCode::unavailable, "the log is away");
    }
    LogBatch batch{.events = {}, .identities = {}, .position = position};
    while (batch.position < durable && batch.events.size() < std::min(max_events, per_read)) {
      ++batch.position;
      batch.events.push_back({.partition = PartitionNo{1},
                              .epoch = Epoch{},
                              .sequence = Sequence{batch.position},
                              .time = Instant{},
                              .revision = Revision{1},
                              .command = {},
                              .event = Audited{}});
    }
    return batch;
  }

  std::uint64_t durable = 0;
  std::size_t per_read = SIZE_MAX;
  std::size_t asked = 0;  ///< max_events of the last read
  int failures = 0;       ///< reads that fail from now on
};

/// Keeps what it is given; nothing to read.
class RecordingLedger final : public Ledger {
 public:
  using Refusal = std::pair<UserRef, RefusalRow>;

  Result<bool> apply(const LogBatch& batch) override {
    if (failures > 0) {
      --failures;
      return fail(FailureCode::unavailable, "the ledger is busy");
    }
    batches.push_back(batch.events.size());
    return true;
  }
  Result<std::uint64_t> position() override { return counted; }
  Result<bool> sync(const std::vector<Sync>& documents) override {
    synced = documents;
    return true;
  }
  Result<bool> add_refusals(const std::vector<Refusal>& rows) override {
    if (failures > 0) {
      --failures;
      return fail(failing_with, "the ledger is busy");
    }
    refusal_batches.push_back(rows);
    return true;
  }
  Result<std::int64_t> drop_older_than(const Retention&) override { return 0; }
  Result<std::vector<ParticipationRow>> participations(const ParticipationQuery&) override { return {}; }
  Result<std::vector<RewardRow>> rewards(UserRef, std::optional<PartitionNo>) override { return {}; }
  Result<std::vector<RefusalRow>> refusals(UserRef) override { return {}; }
  Result<std::vector<AuditRow>> audit(std::int64_t, int) override { return {}; }
  Result<std::vector<LedgerTotals>> totals() override { return {}; }
  Result<std::optional<LedgerTotals>> totals(PartitionNo) override { return std::optional<LedgerTotals>{}; }

  std::vector<Sync> synced;          ///< documents of the last sync
  std::vector<std::size_t> batches;  ///< events of each batch applied
  std::vector<std::vector<Refusal>> refusal_batches;
  int failures = 0;                                     ///< writes that fail from now on
  FailureCode failing_with = FailureCode::unavailable;  ///< of refusals
  std::uint64_t counted = 0;                            ///< what position() says
};

}  // namespace windfall::test
