// A ledger that keeps the log itself, from which a lost hot state is folded again, and in which effects end without an
// event: what the distributed mode asks beyond LedgerStore. And what it asks of whoever keeps the effects where the
// rest of the ledger is kept by another product. Blocking; failures as the Ledger's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "application/port/event_log.hpp"
#include "application/port/ledger_store.hpp"

namespace windfall {

class KeptLedger : public LedgerStore {
 public:
  /// Brings effects to their end. Here it stands in the rows alone: they are what a rebuild of the ledger keeps.
  virtual Result<bool> settle(const std::vector<EffectSettled>& settled, Instant at) = 0;

  struct Place {
    PartitionNo partition;
    Epoch epoch;
    Sequence sequence;  ///< of the last event
  };
  /// How far each partition was applied, by partition.
  virtual Result<std::vector<Place>> places() = 0;
  /// Ids of the promotions that were ever defined, by partition.
  virtual Result<std::vector<std::pair<PartitionNo, std::string>>> promotions() = 0;
  /// The next events of a partition behind `after`, in order, at most so many; none: that was the last.
  virtual Result<std::vector<Recorded>> events(PartitionNo partition, Sequence after, std::size_t most) = 0;
  /// From now on the partition is in that epoch, and what comes of earlier ones is dropped. False if the last event
  /// that was applied is not `last`.
  virtual Result<bool> begin_epoch(PartitionNo partition, Epoch epoch, Sequence last) = 0;
};

/// What an event means for effects, as the ledger that reads it has decided.
struct EffectChange {
  std::size_t event = 0;  ///< index in its batch
  enum class What : std::uint8_t { made, cancelled } what = What::made;
  EffectId id{};
  EffectKind kind = EffectKind::accrual;  ///< this and what follows: of one that is made
  UserRef user{};
  Amount amount = 0;
  std::optional<std::uint32_t> prize = std::nullopt;  ///< index into the lottery's prizes, of a win
};

/// Keeps effects for a ledger that is somewhere else: how an effect ended must outlive any rebuild, and several
/// processes take rows, which wants transactions.
class EffectKeeper : public KeptLedger {
 public:
  /// Makes, settles and cancels what follows from a batch; idempotent by each event's place, like apply(), so that
  /// whoever was interrupted does it again. In order of events.
  virtual Result<bool> apply_effects(const LogBatch& batch, const std::vector<EffectChange>& changes) = 0;
  /// Failure conflict if this process leads, or has led, in a term that is over: what only a leader may write elsewhere
  /// it asks before.
  virtual Result<bool> still_leads() = 0;
  /// Of those that it knows.
  virtual Result<std::vector<std::pair<EffectId, AccrualState>>> accrual_states(const std::vector<EffectId>& ids) = 0;
};

}  // namespace windfall
