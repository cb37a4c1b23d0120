// Effects: what has to happen outside because of an event, exactly once at a partner that honours the idempotency key.
// A row is made by the ledger's apply(); its life is PENDING → SENDING → DONE | DEAD, with UNKNOWN where an answer is
// missing: an unknown accrual is asked before it is sent again, an unknown notification is sent again with its key.
// Blocking; call it through Blocking; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

using EffectId = std::array<std::uint8_t, 16>;

/// What an effect asks of the partner. The numbers are stored.
enum class EffectKind : std::uint8_t { accrual, notification_win, notification_ticket_granted };

/// As dead letters show it: "ACCRUAL", "NOTIFICATION".
[[nodiscard]] constexpr const char* name_of(EffectKind kind) {
  return kind == EffectKind::accrual ? "ACCRUAL" : "NOTIFICATION";
}

/// Where at the partner effects go. Each has a queue of its own, so that one that fails holds up nothing of the other.
enum class PartnerEndpoint : std::uint8_t { accruals, notifications };

[[nodiscard]] constexpr PartnerEndpoint endpoint_of(EffectKind kind) {
  return kind == EffectKind::accrual ? PartnerEndpoint::accruals : PartnerEndpoint::notifications;
}
/// As metrics and the log show it.
[[nodiscard]] constexpr const char* name_of(PartnerEndpoint endpoint) {
  return endpoint == PartnerEndpoint::accruals ? "accruals" : "notifications";
}

/// Which effect of its event one is: its id is derived from the event's place and this number.
inline constexpr std::uint32_t kAccrualIndex = 0;
inline constexpr std::uint32_t kNotificationIndex = 1;
inline constexpr std::uint32_t kInviterNotificationIndex = 2;  ///< an open notifies two people

/// An effect that is due.
struct DueEffect {
  EffectId id{};
  std::string user_id;  ///< empty of a person who was erased
  std::string promotion_id;
  Amount amount = 0;  ///< points; tickets, if it tells of tickets
  Instant occurred_at;
  int tries = 0;           ///< calls made so far
  Instant first_tried_at;  ///< of the wall clock; 0 before the first try
  bool unknown = false;    ///< it may have arrived already
  EffectKind kind = EffectKind::accrual;
  std::string promotion_title;  ///< of a notification
  std::string prize_name;       ///< of a notification of a win
};

/// A row of the dead-letter list.
struct DeadLetter {
  std::int64_t id = 0;
  EffectId effect{};
  std::string kind;  ///< "ACCRUAL", "NOTIFICATION"
  std::string user_id;
  std::string promotion_id;
  Amount amount = 0;
  int tries = 0;
  std::string last_error;
  Instant since;
};

class Effects {
 public:
  virtual ~Effects() = default;

  /// Rows for that endpoint due at `due_ms`, oldest first, at most `limit` (≤ 256); they are durably SENDING when this
  /// returns. `due` and all retry times are real, never of the development clock: of the wall clock as it was at the
  /// process's start, moved on by the monotonic one.
  virtual Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) = 0;
  /// Earliest retry time of a row for that endpoint that is not terminal and not SENDING, or kEndOfTime.
  virtual Result<Instant> next_due(PartnerEndpoint of) = 0;
  /// Not done yet: tried again, or asked if unknown, at `next_try`.
  struct Retry {
    EffectId id{};
    bool unknown = false;
    bool counted = true;  ///< false if nothing was sent (the breaker was open)
    Instant next_try;
    std::string error;
  };
  virtual Result<bool> retry_later(const std::vector<Retry>& retries) = 0;
  /// At start: whatever was SENDING when the process ended is UNKNOWN now. How many rows.
  virtual Result<std::int64_t> recover() = 0;
  /// Now and then, when the ledger has all that was decided (LotteryLedger::cancel_effect): the same for what a process
  /// has left SENDING for too long. How many rows; 0 where one process alone sends, whose start sees to it.
  virtual Result<std::int64_t> recover_abandoned() { return std::int64_t{0}; }
  /// Counts and age bases (kEndOfTime if none), for metrics. `oldest_unknown`: when the call was made whose answer is
  /// missing, on the wall clock; `oldest_open`: when the oldest accrual was decided of those not settled yet, as far as
  /// rows that are due far behind others are looked at.
  struct Gauges {
    std::int64_t pending = 0;
    std::int64_t unknown = 0;
    std::int64_t dead = 0;
    Instant oldest_unknown = kEndOfTime;
    Instant oldest_open = kEndOfTime;
  };
  virtual Result<Gauges> gauges() = 0;

  /// Neither knows, nor Gauges::dead counts, those that were dismissed: a record in the log says which. Such an effect
  /// stays dead.
  virtual Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) = 0;
  virtual Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) = 0;
  /// True if the user has an effect that is not terminal.
  virtual Result<bool> open_for(UserRef user) = 0;
};

}  // namespace windfall
