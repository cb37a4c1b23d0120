// What becomes of a gifticon that was won: codes come in, one is given to a win, the owner uses it, an operator gives
// another one or takes the win back. Every rule is a guard on counters; conclude by the rule of the guard that failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/kernel/proposal.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall {

/// What a guard of a coupon's proposal stands for, by index.
enum class CouponRule : std::uint8_t {
  ordinals,             ///< codes of the prize were imported or burned meanwhile
  stands,               ///< the win was voided
  as_known,             ///< the coupon got a code, or lost it, meanwhile
  unused,               ///< its owner has used it
  codes_left,           ///< no code of the prize may be given out
  second_chance_rests,  ///< the second chance runs, or has begun or ended meanwhile
};
struct CouponPlan {
  Proposal proposal;
  std::vector<CouponRule> rules;  ///< parallel to proposal.guards
};

/// A coupon, as it is known to whoever proposes.
struct CouponFacts {
  UserRef user;
  WinPlace win;
  std::uint32_t prize = 0;
  std::uint32_t issue = 0;  ///< of its present code, or of the one that it waits for
};

/// Codes of TEST promotions start with it; they are of no use to anybody.
inline constexpr const char* kTestCodePrefix = "TEST-";
[[nodiscard]] inline bool is_test(const Definition& definition) { return definition.promotion.mode == Mode::test; }

/// `count` codes behind the first `imported` of the prize may be given out from now on.
[[nodiscard]] CouponPlan propose_import(const Definition& definition, std::uint32_t prize, std::int64_t imported,
                                        std::int64_t count, Audit audit);

/// The next code of the prize is the coupon's, if its ordinal is below `limit`. One code a win and issue: a win has as
/// many codes as it was asked for, one and another for each reissue.
[[nodiscard]] CouponPlan propose_assignment(const Definition& definition, const CouponFacts& coupon,
                                            std::int64_t limit);

/// The owner used it, not after `expires_at`.
[[nodiscard]] CouponPlan propose_use(const Definition& definition, const CouponFacts& coupon,
                                     std::optional<Instant> expires_at);

/// The coupon's code is burned; in the same step it gets the next one, if one below `limit` is there. `limit` nullopt:
/// it waits for one.
[[nodiscard]] CouponPlan propose_reissue(const Definition& definition, const CouponFacts& coupon,
                                         std::optional<std::int64_t> limit, Audit audit);

/// The win is taken back, whatever was won; its code is burned. `second_stage` is the counter's value, which is not
/// kSecondRunning.
[[nodiscard]] CouponPlan propose_void(const Definition& definition, UserRef user, WinPlace win,
                                      std::int64_t second_stage, Audit audit);

/// Codes are counted by their prize's place in the list, and kept under its id: these hold while no code has been
/// imported at any place where `next` has another prize, or another kind of it, than `present`.
[[nodiscard]] std::vector<Guard> no_codes_where_prizes_move(PartitionNo partition,
                                                            const std::optional<Lottery>& present,
                                                            const std::optional<Lottery>& next);

/// First instant after the last valid day of a coupon whose days count from that of `at`, in the promotion's zone;
/// nullopt: it does not expire. They count from the win, and anew from when it gets a code or is issued again: a coupon
/// that waits uses no days up.
[[nodiscard]] std::optional<Instant> coupon_expiry(const Prize& prize, const Zone& zone, LocalDay day);
[[nodiscard]] inline std::optional<Instant> coupon_expiry(const Prize& prize, const Zone& zone, Instant at) {
  return coupon_expiry(prize, zone, zone.day_at(at));
}

/// Index of the prize with this id; nullopt if there is none.
[[nodiscard]] std::optional<std::uint32_t> prize_index(const Lottery& lottery, std::string_view prize_id);

}  // namespace windfall
