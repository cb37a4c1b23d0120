// "How many tickets do I have, and how did they come about?", from the hot state.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "application/on_request/earn_tickets.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall {

struct TicketAccount {
  std::int64_t held = 0;
  std::int64_t granted = 0;
  std::int64_t drawn = 0;
  std::int64_t revoked = 0;
  std::array<std::int64_t, kGrantCauses> by_cause{};  ///< by GrantCause
  bool provisional = false;                           ///< `held` is a grant that is on its way; it cannot be drawn
};

/// What account_of() is made from, in its order.
[[nodiscard]] std::vector<Look> account_looks(PartitionNo partition, UserRef user);
[[nodiscard]] TicketAccount account_of(const std::vector<std::int64_t>& values);

struct InviteFunnel {
  std::array<std::int64_t, kFunnelSteps> steps{};  ///< by FunnelStep
};

class ShowTickets {
 public:
  explicit ShowTickets(PromotionStore& store) : store_(store) {}

  /// In any period. The views live until the task is done.
  Task<Result<std::variant<TicketAccount, UnknownPromotion, NotJoinable>>> account(std::string_view promotion_id,
                                                                                   UserRef user);

  /// Tickets that account() shows as provisional.
  struct OnTheirWay {
    DefinitionPtr definition;
    std::int64_t tickets = 0;
  };
  /// Lotteries looked at by on_their_way(): more than run at once anywhere, and each is a read.
  static constexpr std::size_t kLookedAt = 20;
  /// Over all LIVE lotteries that run now and grant on a visit; of the kLookedAt made last.
  Task<Result<std::vector<OnTheirWay>>> on_their_way(UserRef user);

  Task<Result<std::variant<InviteFunnel, UnknownPromotion, NotJoinable>>> funnel(std::string_view promotion_id,
                                                                                 UserRef user);
  /// Of everyone together.
  struct Totals {
    std::array<std::int64_t, kGrantCauses> granted{};
    std::int64_t drawn = 0;
    std::int64_t revoked = 0;
    std::array<std::int64_t, kFunnelSteps> funnel{};
    std::int64_t voided = 0;
    std::int64_t second_chance = 0;  ///< wins of it
    bool closed = false;
    bool over = false;  ///< closed, and the second chance, if there is one, is over
  };
  Task<Result<Totals>> totals(DefinitionPtr definition);

 private:
  PromotionStore& store_;
};

}  // namespace windfall
