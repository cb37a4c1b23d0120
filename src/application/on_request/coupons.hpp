// What happens to a win afterwards: its owner looks at the coupon, reads the code and uses it; an operator gives
// another code or takes the win back.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "application/on_event/assign_codes.hpp"
#include "application/on_request/manage.hpp"
#include "application/port/code_vault.hpp"

namespace windfall {

enum class CouponStatus : std::uint8_t { pending_code, issued, used, expired, voided };
/// As written in the API: "PENDING_CODE", …
[[nodiscard]] const char* name_of(CouponStatus status);

struct CouponView {
  DefinitionPtr definition;
  CouponRow row;
  Uuid id{};
  CouponStatus status = CouponStatus::pending_code;
  std::optional<Instant> issued_at;

  [[nodiscard]] const Prize& prize() const { return definition->promotion.lottery->prizes.at(*row.draw.prize); }
};

struct UnknownCoupon {};
/// The coupon's status does not allow it.
struct CouponIs {
  CouponStatus status;
};
using CouponOutcome = std::variant<CouponView, UnknownCoupon, CouponIs>;

struct UnknownDraw {};
/// The reward is on its way, or the second chance runs.
struct CannotVoid {};
/// A win that is void now; `before`: it was already.
struct Voided {
  DrawRow draw;
  bool before = false;
};
using VoidOutcome = std::variant<Voided, UnknownDraw, CannotVoid>;

class Coupons {
 public:
  struct Ports {
    PromotionStore& store;
    LotteryLedger& ledger;
    Blocking& reads;
    Effects& effects;
    Blocking& ledger_writer;
    CodeVault& vault;
    CodeSupply& supply;
    std::function<Task<bool>(PartitionNo)> caught_up;  ///< the ledger has seen everything decided there so far
  };
  explicit Coupons(Ports ports) : ports_(std::move(ports)) {}
  Coupons(const Coupons&) = delete;
  Coupons& operator=(const Coupons&) = delete;

  // The caller has waited for the ledger. unavailable where the promotion of a row is not known now: its coupon is
  // there all the same.

  Task<Result<std::vector<CouponView>>> of_user(LotteryLedger::Page page);
  Task<Result<std::vector<CouponView>>> views_of(std::vector<CouponRow> rows) const;
  /// The owner's; anybody's without one.
  Task<Result<std::variant<CouponView, UnknownCoupon>>> one(EffectId id, std::optional<UserRef> owner);
  /// The code of a coupon that was ISSUED, whatever has become of it since; nullopt of any other. Shown to nobody but
  /// its owner, and kept nowhere.
  Task<Result<std::optional<std::string>>> code_of(CouponView coupon);

  /// Its owner used it; again is no mistake. CouponIs: it is neither ISSUED nor USED.
  Task<Result<CouponOutcome>> use(EffectId id, UserRef owner);

  using RenderCoupon = std::function<AnswerKept(const CouponView&)>;
  /// Burns the code; the coupon gets another one at once, or waits for it. CouponIs: it has no code that anyone could
  /// still use.
  Task<Result<CouponOutcome>> reissue(EffectId id, Audit audit, std::optional<Command> command, RenderCoupon render);

  using RenderDraw = std::function<AnswerKept(const DrawRow&)>;
  /// Takes a win back. What its owner says to have used is taken back as well: only the owner said so.
  /// `effect_of` names the accrual of a win of points.
  Task<Result<VoidOutcome>> void_win(EffectId draw, std::function<EffectId(const DrawRow&)> effect_of, Audit audit,
                                     std::optional<Command> command, RenderDraw render);

 private:
  Task<Result<CouponView>> view_of(CouponRow row) const;
  /// An accrual that cancel_effect() holds back for us.
  struct HeldAccrual {
    EffectId effect{};
    CounterKey voided{};  ///< 1 once its win is
    bool unsure = false;  ///< whether its win was voided
  };
  /// After a failure: the void stands all the same, or nobody can tell.
  Task<bool> may_be_voided(CounterKey voided);
  Task<Result<bool>> let_go(HeldAccrual held);
  /// Leaves in `held` what it holds back, over all its attempts.
  Task<Result<VoidOutcome>> try_void(EffectId draw, std::function<EffectId(const DrawRow&)> effect_of, Audit audit,
                                     std::optional<Command> command, RenderDraw render,
                                     std::optional<HeldAccrual>* held);

  Ports ports_;
};

/// An operator's file of codes on its way into the vault.
class ImportCodes {
 public:
  ImportCodes(PromotionStore& store, CodeVault& vault, Blocking& writer, std::function<void()> imported)
      : store_(store), vault_(vault), writer_(writer), imported_(std::move(imported)) {}
  ImportCodes(const ImportCodes&) = delete;
  ImportCodes& operator=(const ImportCodes&) = delete;

  struct Running {
    DefinitionPtr definition;
    std::uint32_t prize = 0;
    CodeVault::Import import;
    std::int64_t before = 0;  ///< codes of the prize that were imported earlier
  };
  /// conflict: an import of this prize runs.
  Task<Result<Running>> begin(DefinitionPtr definition, std::uint32_t prize);
  /// Lines of those that the installation has already. The views live until the task is done.
  Task<Result<std::vector<std::uint64_t>>> append(Running running, std::span<const CodeLine> lines);
  /// How many came in; they can be given out, and `render` has made the answer that is kept with the commit. Of none
  /// nothing is committed, and `render` is not called. conflict: the prize was taken out of the promotion meanwhile.
  Task<Result<std::int64_t>> finish(Running running, Audit audit, std::optional<Command> command,
                                    std::function<AnswerKept(std::int64_t imported)> render);
  /// Instead of finish(): nothing of it can be given out.
  Task<void> give_up(Running running);

 private:
  Task<void> end(Running running, std::int64_t imported);

  PromotionStore& store_;
  CodeVault& vault_;
  Blocking& writer_;
  std::function<void()> imported_;
};

}  // namespace windfall
