// The queryable history of lotteries: who got and drew which ticket and why, who won what, which coupon is where. A
// projection of the log, idempotent by position, in the same store and the same batches as the Ledger. Blocking and
// thread-safe; call it through Blocking. Failures as the Ledger's.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "application/port/effects.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// One entry of a ticket account. Entries of a user in a promotion add up to what is held.
struct TicketEntry {
  std::int64_t seq = 0;  ///< order of decision over all promotions; place in lists
  enum class Type : std::uint8_t { grant, draw, revocation } type = Type::grant;
  Instant at;
  std::string promotion_id;
  std::optional<GrantCause> cause;  ///< of a grant; adjustment for a revocation
  std::int64_t tickets = 0;         ///< signed
  std::string other_user;           ///< of an invite: the friend or the inviter; empty otherwise, or if erased
  std::string reason;               ///< of an adjustment: the operator's words
  std::string user_id;              ///< whose it is; empty if erased
};

/// One draw or one win of the second chance.
struct DrawRow {
  std::int64_t seq = 0;
  Instant at;
  std::string promotion_id;
  PartitionNo partition;
  Epoch epoch;
  Sequence sequence;  ///< with partition and epoch: the event, whose id is the drawId
  UserRef user;
  std::string user_id;  ///< empty if erased
  WinPlace place;
  std::optional<std::uint32_t> prize;  ///< index into the lottery's prizes; nullopt = lost
  std::optional<std::uint32_t> item;   ///< of the plan's order
  bool test = false;
  bool voided = false;
  bool voided_late = false;  ///< since the second chance began, so that it gives the item to nobody
};

/// A gifticon that was won. Its id is the draw's. In a TEST promotion it never waits for a code.
struct CouponRow {
  DrawRow draw;
  std::uint32_t issue = 0;              ///< counts reissues
  std::optional<std::int64_t> ordinal;  ///< of the code that is assigned; nullopt = PENDING_CODE
  std::optional<Instant> issued_at;     ///< when the code was assigned
  std::optional<Instant> used_at;
  std::optional<Instant> expires_at;  ///< by coupon_expiry() of the latest of win, reissue and its code's assignment;
                                      ///< nullopt = never
};

/// A segment as it was opened.
struct SegmentRow {
  Instant at;
  std::uint32_t segment = 0;
  std::int64_t previous = -1;
  std::uint32_t quota = 0;
  std::uint32_t length = 0;
  std::uint32_t first_item = 0;
  bool paused = false;
};

/// Wins of one prize on one local day, voided ones included.
struct DailyWins {
  LocalDay day;
  std::uint32_t prize = 0;
  std::int64_t wins = 0;  ///< by draws
  std::int64_t second_chance = 0;
  std::int64_t voided = 0;  ///< of all these
};

/// A lottery by the ledger's own count.
struct LotteryTotals {
  std::array<std::int64_t, kGrantCauses> granted{};  ///< tickets, by GrantCause
  std::int64_t revoked = 0;                          ///< tickets
  std::int64_t drawn = 0;                            ///< tickets
  std::int64_t won = 0;                              ///< by draws, voided ones included
  std::int64_t second_chance = 0;
  std::int64_t voided = 0;
  std::int64_t accruals = 0;  ///< that wins made, without those of voided wins
};

/// What became of an event that came in asynchronously and granted nothing.
struct InboundRow {
  Instant at;
  std::array<std::uint8_t, 16> id{};
  UserRef user;
  std::string reason;
  std::string promotion_id;  ///< that it was about; empty if it named none that is known
};

class LotteryLedger {
 public:
  virtual ~LotteryLedger() = default;

  struct Page {
    std::optional<UserRef> user;
    std::optional<PartitionNo> partition;
    std::int64_t after = 0;  ///< seq
    int limit = 50;
  };
  /// A user's entries, oldest first. `user` is present.
  virtual Result<std::vector<TicketEntry>> tickets(const Page& page) = 0;
  /// Draws and second-chance wins, oldest first.
  virtual Result<std::vector<DrawRow>> draws(const Page& page) = 0;
  /// A page of what is listed latest first.
  struct LatestPage {
    PartitionNo partition;
    std::int64_t before = std::numeric_limits<std::int64_t>::max();  ///< seq
    int limit = 50;
  };
  /// Standing wins, latest first.
  virtual Result<std::vector<DrawRow>> winners(const LatestPage& page) = 0;
  /// A user's coupons, oldest first. `user` is present.
  virtual Result<std::vector<CouponRow>> coupons(const Page& page) = 0;
  /// The win whose event has this id, or the coupon that it became. Ids of draws that lost find nothing: nothing can
  /// be done with them, and an index of them would be larger than they are.
  virtual Result<std::optional<DrawRow>> draw_of(const EffectId& event_id) = 0;
  virtual Result<std::optional<CouponRow>> coupon_of(const EffectId& event_id) = 0;
  /// Coupons of standing wins that have no code, oldest win first.
  virtual Result<std::vector<CouponRow>> pending_coupons(PartitionNo partition, std::uint32_t prize, int limit) = 0;

  /// Users who take part in the second chance: a losing draw, and fewer wins than `allowed`; in no particular order.
  /// What the second chance itself gave does not count, so that it can be computed again.
  virtual Result<std::vector<UserRef>> second_chance_pool(PartitionNo partition, std::int64_t allowed) = 0;
  /// Items of wins voided before the second chance began, which it gives out again; ascending. A later void leaves
  /// nothing to give.
  virtual Result<std::vector<std::uint32_t>> voided_items(PartitionNo partition) = 0;
  virtual Result<LotteryTotals> lottery_totals(PartitionNo partition) = 0;
  virtual Result<std::vector<DailyWins>> wins_by_day(PartitionNo partition) = 0;
  virtual Result<std::vector<SegmentRow>> segments(PartitionNo partition) = 0;
  /// Every draw of a promotion in order of decision, for exports; stops when `row` returns false.
  virtual Result<bool> each_draw(PartitionNo partition, const std::function<bool(const DrawRow&)>& row) = 0;

  /// Holds back an accrual that nobody was told of yet, so that its win can be voided: it is SENDING without a call,
  /// and the projection of WinVoided ends it. Where the void does not come about, Effects::retry_later() (unknown and
  /// counted false) gives it back; a crash in between makes it UNKNOWN, which is asked and then sent. False if it is
  /// already on its way or over; on the ledger's writing thread.
  virtual Result<bool> cancel_effect(const EffectId& effect) = 0;
};

}  // namespace windfall
