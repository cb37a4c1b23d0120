// The whole ledger as of one moment, read beside those who write it: the log that it keeps, and what each event has
// become. A batch is applied in one transaction, so within one moment rows and log have to agree exactly, whatever goes
// on. Reads only; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/lottery_snapshot.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::postgres {

class Connection;
class Transaction;

/// Rows as they stand.
namespace snapshot {

struct EffectRow {
  std::array<std::uint8_t, 16> id{};

  UserRef user;
  Amount amount = 0;
  std::int64_t kind = 0;
  std::int64_t state = 0;
  std::int64_t ordinal = 0;
  std::optional<std::uint32_t> prize;
};

/// A participation, and the effect that it names.
struct AcceptanceRow {
  std::array<std::uint8_t, 16> event_id{};

  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  UserRef user;
  LocalDay day;
  Amount amount = 0;
  Instant at;
  Revision revision;
  bool test = false;
  std::optional<std::array<std::uint8_t, 16>> names_effect;
  std::optional<EffectRow> effect;
};

struct EventRow {
  Epoch epoch;
  Sequence sequence;
  Instant at;
  Revision revision;
  std::int64_t ordinal = 0;
  Result<Recorded> recorded;  ///< what its bytes say; damaged: they cannot be read
  std::optional<AcceptanceRow> acceptance;
};

struct PromotionRow {
  PartitionNo partition;
  std::string id;
  std::string definition;
  Revision revision;
  Instant created;
  Instant modified;
  std::int64_t left = 0;
  std::int64_t joined = 0;
  Amount spent = 0;
  Sequence synced;  ///< of the event up to which the three before it count
};

struct Stray {
  std::string row;  ///< "participation 7", "effect …"
  std::string what;
};

}  // namespace snapshot

class LedgerSnapshot {
 public:
  using EffectRow = snapshot::EffectRow;
  using AcceptanceRow = snapshot::AcceptanceRow;
  using EventRow = snapshot::EventRow;
  using PromotionRow = snapshot::PromotionRow;
  using Stray = snapshot::Stray;

  /// Begins the moment. Failure: unavailable.
  static Result<std::unique_ptr<LedgerSnapshot>> open(const std::string& connection);
  ~LedgerSnapshot();

  Result<std::vector<PostgresLedger::Place>> places();

  /// The next events of the partition's log, in order, at most so many; none: that was the last.
  Result<std::vector<EventRow>> events(PartitionNo partition, Epoch after_epoch, Sequence after, std::int64_t most);

  Result<std::vector<PromotionRow>> promotions();
  Result<std::set<UserRef>> blocked();
  /// Within the same moment; the one before is gone by then.
  Result<std::unique_ptr<LotterySnapshot>> lottery(PartitionNo partition);
  /// Partitions of which there are rows that only lotteries have.
  Result<std::vector<PartitionNo>> with_rows_of_lotteries();

  /// Rows that belong to no event, events that became no row, ends of effects that contradict themselves; some hundred
  /// at most.
  Result<std::vector<Stray>> strays();

 private:
  LedgerSnapshot();

  std::unique_ptr<Connection> db_;
  std::unique_ptr<Transaction> moment_;
};

}  // namespace windfall::postgres
