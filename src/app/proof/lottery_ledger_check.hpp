// Lotteries in the second walk: tickets, draws with what they won, segments, coupons and their codes, effects and
// totals, beside the rows of the ledger (I13; I4 of accruals, I10 of notifications).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/proof/lottery_check.hpp"
#include "app/proof/lottery_effects.hpp"
#include "app/proof/lottery_rows.hpp"
#include "app/proof/report.hpp"
#include "app/proof/settlements.hpp"

namespace windfall::proof {

class LotteryLedgerCheck {
 public:
  /// Told of every effect that the log asks for and the ledger has.
  using Found = std::function<void(const Place& place, const LotteryEffect& expected, std::int64_t state)>;
  /// Throws what reading the rows throws, like every method here. The rows outlive it.
  LotteryLedgerCheck(Report& report, LotteryRows& rows, Found found = {});

  struct Effect {
    LotteryEffect effect;
    std::optional<Fate> fate;  ///< within the ledger's position; none: the log does not say how effects end
  };
  /// Every event that no participation is, up to the ledger's position and in the order of the log. `terms`:
  /// nullptr where there is no lottery. `id`: of the event.
  void event(const Place& place, const Recorded& recorded, const LotteryEffects::Terms* terms, const LotteryCheck& log,
             const codec::Uuid& id, const std::vector<Effect>& effects);
  /// After the last event.
  void finish(const LotteryCheck& log);

 private:
  struct Entry {
    UserRef user;
    GrantCause cause = GrantCause::visit;
    std::int64_t tickets = 0;
    std::optional<UserRef> other = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
  };
  /// Until when a coupon is good, where what was won is known.
  struct Expiry {
    Place place;  ///< of the draw
    std::optional<Instant> of_win;
    std::optional<Instant> expected;
    std::optional<Instant> row;
  };
  /// What events after the win have made of a coupon.
  struct Coupon {
    std::int64_t issue = 0;
    std::optional<std::int64_t> ordinal;
    std::optional<Instant> issued_at;
    std::optional<Instant> used_at;
    std::optional<Expiry> expiry;
  };

  void ticket(const Place& place, const Recorded& recorded, const Entry& entry);
  void draw(const Place& place, const Recorded& recorded, UserRef user, const WinPlace& at,
            const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
            const std::vector<Effect>& effects);
  void compare_win(const Place& place, const Recorded& recorded, const WinPlace& at, const LotteryEffects::Terms& terms,
                   const LotteryCheck& log, const codec::Uuid& id, const std::vector<Effect>& effects);
  void compare_coupon(const Place& place, const LotteryEffects::Terms& terms, const LotteryCheck::Win& win,
                      LocalDay day);
  /// Whether the ledger's next row stands before the entry of the log that was counted last.
  [[nodiscard]] bool stands_before(const codec::LedgerTicket& row, const Recorded& recorded) const;
  [[nodiscard]] bool stands_before(const codec::LedgerDraw& row, const Recorded& recorded) const;
  /// And whether it stands there; asked when it does not stand before.
  [[nodiscard]] bool stands_at(const codec::LedgerTicket& row, const Recorded& recorded) const;
  [[nodiscard]] bool stands_at(const codec::LedgerDraw& row, const Recorded& recorded) const;
  void coupon_event(const Recorded& recorded, const LotteryEffects::Terms& terms, const LotteryCheck& log);
  void effect(const Place& place, const Recorded& recorded, const Effect& expected);
  bool skip_unknown_effects(const LotteryCheck& log);
  void advance_tickets() { ticket_ = rows_.next_ticket(); }
  void advance_draws() { draw_ = rows_.next_draw(); }
  void advance_effects() { effect_ = rows_.next_effect(); }
  void check_coupons();
  void check_segments();
  void check_totals(const LotteryCheck& log);
  void check_rejections();
  [[nodiscard]] codec::LedgerLotteryTotal& total(PartitionNo partition) {
    codec::LedgerLotteryTotal& of = totals_[partition];
    of.partition = partition;
    return of;
  }
  void no_event();
  void differs(const Place& place, const std::string& what) { report_.violation(Invariant::i13, place, what); }
  void row_differs(const std::string& where, const std::string& what) {
    report_.violation(Invariant::i13, std::string(rows_.ledger()) + where, what);
  }
  [[nodiscard]] static Invariant invariant_of(EffectKind kind) {
    return kind == EffectKind::accrual ? Invariant::i4 : Invariant::i10;
  }

  Report& report_;
  LotteryRows& rows_;
  const Found found_;
  std::optional<codec::LedgerTicket> ticket_;  ///< the next ones
  std::optional<codec::LedgerDraw> draw_;
  std::optional<codec::LedgerEffect> effect_;
  std::int64_t seq_ = 0;  ///< tickets and draws of the log so far
  std::int64_t coupons_won_ = 0;
  std::map<PartitionNo, codec::LedgerLotteryTotal> totals_;
  std::map<std::pair<PartitionNo, std::uint32_t>, codec::LedgerSegment> segments_;
  std::set<std::pair<PartitionNo, std::uint32_t>> segment_pauses_;  ///< only told before the segment was opened
  std::map<std::pair<PartitionNo, WinPlace>, Coupon> coupons_;
  std::multimap<codec::Uuid, codec::LedgerRejection> rejections_;
};

}  // namespace windfall::proof
