// Lotteries in the second walk: tickets, draws with what they won, segments, coupons, effects and totals, beside the
// rows of the ledger (I13; I4 of accruals, I10 of notifications).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "app/proof/ledger_file.hpp"
#include "app/proof/lottery_check.hpp"
#include "app/proof/lottery_effects.hpp"
#include "app/proof/report.hpp"
#include "app/proof/settlements.hpp"

namespace windfall::proof {

class LotteryLedgerCheck {
 public:
  /// Throws sqlite::SqlError, like every method here.
  LotteryLedgerCheck(Report& report, LedgerFile& file);

  struct Effect {
    LotteryEffect effect;
    Fate fate = Fate::open;  ///< within the ledger's position
  };
  /// Every event that no participation is, up to the ledger's position and in the order of the journal. `terms`:
  /// nullptr where there is no lottery. `id`: of the event.
  void event(const Place& place, const Recorded& recorded, const LotteryEffects::Terms* terms, const LotteryCheck& log,
             const codec::Uuid& id, const std::vector<Effect>& effects);
  /// After the last event. `erased`: whose words are gone.
  void finish(const LotteryCheck& log);

  [[nodiscard]] std::int64_t effects_matched() const { return effects_matched_; }

 private:
  struct Entry {
    UserRef user;
    GrantCause cause = GrantCause::visit;
    std::int64_t tickets = 0;
    std::optional<UserRef> other = std::nullopt;
    std::optional<std::string> reason = std::nullopt;
  };
  struct Totals {
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t revoked = 0;
    std::int64_t drawn = 0;
    std::int64_t won = 0;
    std::int64_t second_won = 0;
    std::int64_t voided = 0;
    std::int64_t accruals = 0;
    bool second_begun = false;
    bool operator==(const Totals&) const = default;
  };
  struct SegmentRow {
    std::int64_t at = 0;
    std::int64_t previous = 0;
    std::int64_t quota = 0;
    std::int64_t length = 0;
    std::int64_t first_item = 0;
    bool paused = false;
    bool operator==(const SegmentRow&) const = default;
  };
  struct RejectionRow {
    std::int64_t at = 0;
    UserRef user;
    bool dropped = false;
    std::string reason;
    std::uint32_t partition = 0;
    auto operator<=>(const RejectionRow&) const = default;
  };

  void ticket(const Place& place, const Recorded& recorded, const Entry& entry);
  void draw(const Place& place, const Recorded& recorded, UserRef user, const WinPlace& at,
            const LotteryEffects::Terms& terms, const LotteryCheck& log, const codec::Uuid& id,
            const std::vector<Effect>& effects);
  void compare_win(const Place& place, const Recorded& recorded, const WinPlace& at, const LotteryEffects::Terms& terms,
                   const LotteryCheck& log, const codec::Uuid& id, const std::vector<Effect>& effects);
  void compare_coupon(const Place& place, const LotteryEffects::Terms& terms, const LotteryCheck::Win& win);
  void effect(const Place& place, const Recorded& recorded, const Effect& expected);
  bool skip_unknown_effects(const LotteryCheck& log);
  void advance_tickets();
  void advance_draws();
  void check_segments();
  void check_totals(const LotteryCheck& log);
  void check_rejections();
  void check_counts();
  void differs(const Place& place, const std::string& what) { report_.violation(Invariant::i13, place, what); }
  void row_differs(const std::string& where, const std::string& what) {
    report_.violation(Invariant::i13, "ledger.db, " + where, what);
  }
  [[nodiscard]] static Invariant invariant_of(EffectKind kind) {
    return kind == EffectKind::accrual ? Invariant::i4 : Invariant::i10;
  }

  Report& report_;
  LedgerFile& file_;
  sqlite::Rows tickets_;
  sqlite::Rows draws_;
  sqlite::Rows effects_;
  bool at_ticket_ = false;
  bool at_draw_ = false;
  bool at_effect_ = false;
  std::int64_t seq_ = 0;  ///< tickets and draws are numbered through
  std::int64_t effects_matched_ = 0;
  std::int64_t coupons_ = 0;
  std::map<std::uint32_t, Totals> totals_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, SegmentRow> segments_;
  std::multimap<std::array<std::uint8_t, 16>, RejectionRow> rejections_;
  std::set<UserRef> erased_;
};

}  // namespace windfall::proof
