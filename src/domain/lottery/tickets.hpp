// How tickets are earned and lost: the rules and their order. Each propose function turns a wish into a Proposal or a
// refusal; each conclude function turns a failed guard back into its meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "domain/kernel/proposal.hpp"
#include "domain/promotion/join.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall {

/// The allowed number of wins is reached; the ticket is kept.
struct AlreadyWon {};
struct NoTicket {};
/// Refusals of visits, opens and draws, in the order in which they are decided.
using LotteryRefusal = std::variant<OutsidePeriod, PromotionPaused, Blocked, AlreadyWon, NoTicket>;

/// Name of the API's code for a refusal: "NO_TICKET", …
[[nodiscard]] const char* code_of(const LotteryRefusal& refusal);
/// The API's word for why an open granted nothing: "OWN_LINK", …
[[nodiscard]] const char* code_of(OpenReason reason);

struct LotteryRequest {
  UserRef user;
  std::optional<Command> command;
  Instant now;  ///< the partition's time
};

/// What a guard of a lottery proposal stands for, by index.
enum class LotteryRule : std::uint8_t {
  paused_all,
  blocked,
  closed,
  first_visit,       ///< a visit was granted already
  not_credited,      ///< the friend was credited already
  not_visited,       ///< the friend has visited already
  inviter_admitted,  ///< the inviter is over the day's cap or blocked
  draws_unchanged,   ///< another draw of the user came first
  wins_left,
  has_ticket,
  segment_open,  ///< another segment has been opened
};
struct LotteryPlan {
  Proposal proposal;
  std::vector<LotteryRule> rules;  ///< parallel to proposal.guards
};
using LotteryDecision = std::variant<LotteryRefusal, LotteryPlan>;

/// The lottery's grant of one kind, or nullptr.
template <class G>
[[nodiscard]] const G* grant_of(const Lottery& lottery) {
  for (const Grant& grant : lottery.grants) {
    if (const auto* found = std::get_if<G>(&grant)) return found;
  }
  return nullptr;
}

/// What refuses every visit, open and draw at `now` without asking a store: period and status.
[[nodiscard]] std::optional<LotteryRefusal> refusal_at(const Definition& definition, Instant now);

/// What every visit, open and draw has to pass first: period, status, the red button, the block list. `window` lies
/// within the local day.
[[nodiscard]] LotteryDecision begin_plan(const Definition& definition, const LotteryRequest& request,
                                         const Window& window);
/// The same with a plan that holds for the local day.
[[nodiscard]] LotteryDecision begin_plan(const Definition& definition, const LotteryRequest& request);

/// A visit; refused by LotteryRule::first_visit if there was one.
[[nodiscard]] LotteryDecision propose_visit(const Definition& definition, const LotteryRequest& request);

/// `request.user` opens the link of `inviter`; they are not the same, and the lottery has an InviteGrant. With
/// `credit_inviter` refused by inviter_admitted where only the friend may be granted.
[[nodiscard]] LotteryDecision propose_open(const Definition& definition, const LotteryRequest& request, UserRef inviter,
                                           bool credit_inviter);

/// Keeps that an open granted nothing, if it is not kept yet: a failed guard means that it is.
[[nodiscard]] Proposal propose_open_not_granted(const Definition& definition, UserRef invited, UserRef inviter,
                                                OpenReason reason);

/// An operator's adjustment, in any period; taking away more than is held fails its one guard.
[[nodiscard]] Proposal propose_adjustment(const Definition& definition, UserRef user, std::int64_t tickets,
                                          Audit audit);

/// The refusal that a failed guard means; nullopt where the rule is none of the first ones.
[[nodiscard]] std::optional<LotteryRefusal> refusal_of(LotteryRule rule);

}  // namespace windfall
