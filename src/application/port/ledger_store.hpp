// A ledger as a whole: the three ports that one database implements together, and what checks and repairs ask of it.
// Whoever puts a server together holds this; use cases know the port that they need.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/effects.hpp"
#include "application/port/ledger.hpp"
#include "application/port/lottery_ledger.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall {

/// Ids of one event: shown to clients, and sent to the partner.
struct LedgerEventIds {
  std::array<std::uint8_t, 16> event{};
  EffectId effect{};
};
/// `effect`: which effect of the event the id is for (kAccrualIndex, …); the event's own id is that of index 0.
using LedgerEventIdsOf =
    std::function<LedgerEventIds(std::string_view promotion_id, Epoch, Sequence, std::uint32_t effect)>;
/// Opens the seed of a lottery; called by whoever applies, once for each lottery and start, and after its definition
/// changed.
using OpenSeed = std::function<Result<Seed>(std::string_view promotion_id, std::string_view sealed_seed)>;
/// Called with one line for each finding.
using LedgerAlarm = std::function<void(std::string_view)>;

/// What the log contradicts itself in. kind: JOINED_TWICE, SEQUENCE_TAKEN, EFFECT_ID_TAKEN,
/// SEGMENT_TAKEN, DRAWN_TWICE, NO_SUCH_WIN, NO_SUCH_COUPON.
struct LedgerFinding {
  Instant at;
  std::string kind;
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  std::string detail;
};

/// An effect as the audit compares it with the partner's own book.
struct BookEntry {
  EffectId effect{};
  EffectKind kind = EffectKind::accrual;
  std::string user_id;  ///< empty if erased
  std::string promotion_id;
  Amount amount = 0;
  std::string state;  ///< PENDING, SENDING, UNKNOWN, DONE, DEAD
};

/// All that the ledger knows of a person.
struct UserExport {
  std::string user_id;  ///< empty if unknown or erased
  bool blocked = false;
  std::vector<ParticipationRow> participations;
  std::vector<RewardRow> rewards;
  std::vector<RefusalRow> refusals;
  std::vector<AuditRow> audit;  ///< what operators did to this user
  std::vector<TicketEntry> tickets;
  std::vector<DrawRow> draws;
  std::vector<CouponRow> coupons;
  std::vector<InboundRow> inbound;
};

/// What a ledger says about a promotion, as two numbers that the fold of the log can be compared with. Equal for equal
/// sets of participations, in whatever order they are added. Against accidents, not against forgers.
struct ParticipationDigest {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void add(UserRef user, LocalDay day, Amount amount, Sequence sequence) {
    std::uint64_t mixed = mix(user.hi);
    mixed = mix(mixed ^ user.lo);
    mixed = mix(mixed ^ static_cast<std::uint64_t>(std::int64_t{day.days}));
    mixed = mix(mixed ^ static_cast<std::uint64_t>(amount));
    mixed = mix(mixed ^ sequence.value);
    ++count;
    sum += mixed;
  }
  bool operator==(const ParticipationDigest&) const = default;

 private:
  /// SplitMix64's finaliser: every input bit reaches every output bit.
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }
};

class LedgerStore : public Ledger, public Effects, public LotteryLedger {
 public:
  // People
  virtual Result<UserExport> export_user(UserRef user) = 0;
  /// Empty if unknown or erased.
  virtual Result<std::string> user_id(UserRef user) = 0;
  /// The reference of a user whom some event names. May look at every user: whoever can compute the reference asks
  /// user_id().
  virtual Result<std::optional<UserRef>> known_user(std::string_view id) = 0;

  // Checking
  virtual Result<std::optional<ParticipationRow>> participation_of(PartitionNo partition, Epoch epoch,
                                                                   Sequence sequence) = 0;
  virtual Result<std::vector<LedgerFinding>> findings() = 0;
  virtual Result<ParticipationDigest> digest(PartitionNo partition) = 0;
  /// Calls `entry` for every effect, in order, as of one moment; how many.
  virtual Result<std::int64_t> effect_book(const std::function<void(const BookEntry&)>& entry) = 0;
  /// Seq of the first row of the audit that was changed, taken out or put in; nothing if the chain holds.
  virtual Result<std::optional<std::int64_t>> first_broken_audit() = 0;
  /// What is wrong with the store, or with its counts against its rows; empty if nothing is. Reads everything.
  virtual Result<std::vector<std::string>> integrity() = 0;
};

}  // namespace windfall
