// The queryable history: a projection of the log, idempotent by position, that anyone may open and query. Blocking and
// thread-safe; call it through Blocking. Failures: unavailable (busy, disk), damaged (contradicts itself), conflict
// (another lineage).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "application/port/effects.hpp"
#include "application/port/event_log.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

enum class AccrualState : std::uint8_t { pending, done, failed };

/// One accepted participation, as the ledger has it.
struct ParticipationRow {
  std::int64_t ordinal = 0;  ///< position in the order of decision over all promotions, from 1
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;
  UserRef user;
  std::string user_id;  ///< empty if erased
  std::string promotion_id;
  LocalDay day;
  Amount amount = 0;
  Instant at;
  Revision revision;
  bool test = false;
  AccrualState accrual = AccrualState::pending;
};

/// One operator action.
struct AuditRow {
  std::int64_t seq = 0;
  Instant at;
  std::string actor;
  std::string action;
  std::string subject;
  std::string before;  ///< JSON text or empty
  std::string after;   ///< JSON text or empty
  std::string reason;
  std::string chain;  ///< hex SHA-256 over the previous row's chain and this row
};

/// One refused attempt, kept for customer service; the last kRefusalsKept of each user.
struct RefusalRow {
  Instant at;
  std::string promotion_id;
  std::string code;
  std::string detail;  ///< condition, scope or day, in the words of the API
};

/// Totals of one promotion by the ledger's own count.
struct LedgerTotals {
  PartitionNo partition;
  std::int64_t participations = 0;
  Amount spent = 0;
  std::int64_t winning_accruals = 0;  ///< of points that were won
  std::int64_t accruals_pending = 0;
  std::int64_t accruals_done = 0;
  std::int64_t accruals_failed = 0;
};

/// A line of a person's history about what happened to a reward, or to a notification.
struct RewardRow {
  Instant at;
  std::string promotion_id;
  std::string effect_id;
  Amount amount = 0;
  std::string state;  ///< PENDING, SENDING, UNKNOWN, DONE, DEAD; VOID: of a win that was voided, and never sent
  int tries = 0;
  std::string last_error;
  EffectKind kind = EffectKind::accrual;
};

class Ledger {
 public:
  /// The contract promises the last 50.
  static constexpr int kRefusalsKept = 50;
  /// The action in the audit by which a user was erased.
  static constexpr const char* kErasure = "eraseUser";

  virtual ~Ledger() = default;

  // Writing: one thread at a time.

  /// Applies the next batch in one transaction, effects included; a batch at or below position() changes nothing.
  virtual Result<bool> apply(const LogBatch& batch) = 0;
  /// Position up to which the log has been applied.
  virtual Result<std::uint64_t> position() = 0;
  /// The 30 s sync: brings absolute totals of a promotion to its ledger document, unless a later sync already has.
  struct Sync {
    PartitionNo partition;
    Sequence sequence;
    std::int64_t left_join_count = 0;
    std::int64_t join_count = 0;
    Amount spent = 0;
    std::string status;
    Instant at;
  };
  virtual Result<bool> sync(const std::vector<Sync>& documents) = 0;
  /// Keeps the last kRefusalsKept of each user. What was refused before the user was erased is not kept, however late
  /// it comes: the audit says when that was.
  virtual Result<bool> add_refusals(const std::vector<std::pair<UserRef, RefusalRow>>& refusals) = 0;
  /// What is older goes, of each kind.
  struct Retention {
    Instant refusals;
    Instant rejections;  ///< asynchronous events that granted nothing
    Instant attempts;    ///< how effects were tried that are done since then
    static Retention of_all(Instant limit) { return {.refusals = limit, .rejections = limit, .attempts = limit}; }
  };
  /// How many rows went.
  virtual Result<std::int64_t> drop_older_than(const Retention& limits) = 0;

  // Reading.

  struct ParticipationQuery {
    std::optional<UserRef> user;
    std::optional<PartitionNo> partition;
    std::optional<LocalDay> from;  ///< inclusive
    std::optional<LocalDay> to;    ///< inclusive
    std::int64_t after = 0;        ///< ordinal
    int limit = 50;
  };
  virtual Result<std::vector<ParticipationRow>> participations(const ParticipationQuery& query) = 0;
  virtual Result<std::vector<RewardRow>> rewards(UserRef user, std::optional<PartitionNo> partition) = 0;
  /// What the user was refused last, oldest first: calls (add_refusals()), and events that came in asynchronously and
  /// granted nothing, as far as the log says what promotion they were about. At most kRefusalsKept.
  virtual Result<std::vector<RefusalRow>> refusals(UserRef user) = 0;
  virtual Result<std::vector<AuditRow>> audit(std::int64_t after, int limit) = 0;
  virtual Result<std::vector<LedgerTotals>> totals() = 0;
  virtual Result<std::optional<LedgerTotals>> totals(PartitionNo partition) = 0;
};

}  // namespace windfall
