// Joining a daily promotion: the rules and their order. propose() turns a wish into a Proposal or a refusal; conclude()
// turns the store's verdict back into an outcome.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/kernel/proposal.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall {

/// Refusals of a join, in the order in which they are decided; the first that applies is the answer.
struct OutsidePeriod {};
struct PromotionPaused {};
struct Blocked {};
struct SoldOut {
  enum class Scope : std::uint8_t { total, day } scope = Scope::total;
  std::optional<Instant> retry_at;  ///< start of the next day of the period; only for Scope::day
  bool already_participated = false;
};
struct ConditionNotMet {
  const char* condition;  ///< name of the first join type that did not hold
};
struct AlreadyParticipated {
  LocalDay day;
};
using JoinRefusal =
    std::variant<OutsidePeriod, PromotionPaused, Blocked, SoldOut, ConditionNotMet, AlreadyParticipated>;

/// Name of the API's code for a refusal: "SOLD_OUT", …
[[nodiscard]] const char* code_of(const JoinRefusal& refusal);

/// What a rule asks about other promotions, gathered before the proposal.
struct JoinFacts {
  /// A promotion the rules may have to look at.
  struct Other {
    std::string_view id;  ///< into a definition that whoever gathers the facts keeps
    PartitionNo partition;
    Mode mode = Mode::live;
    std::int64_t joins = 0;  ///< how often the user has joined it
  };
  std::vector<Other> others;  ///< every promotion, this one included, if needs_all_promotions(); else those that rules
                              ///< name and that exist
};

struct JoinRequest {
  UserRef user;
  std::span<const std::string> segments;  ///< the caller's
  std::optional<Command> command;
  Instant now;  ///< the partition's time: the clock, but never before the partition's last event
};

/// True if a rule looks at the user's entries in every promotion.
[[nodiscard]] bool needs_all_promotions(const Promotion& promotion);
/// True if a rule asks about other promotions at all; if not, JoinFacts may be empty.
[[nodiscard]] bool needs_facts(const Promotion& promotion);
/// Ids that rules name.
[[nodiscard]] std::vector<std::string_view> named_promotions(const Promotion& promotion);

/// What each guard of a join proposal stands for, by index.
struct JoinPlan {
  enum class Rule : std::uint8_t { paused_all, blocked, total_stock, daily_stock, join_type, once_a_day };
  struct Step {
    Rule rule;
    std::uint32_t join_type = 0;  ///< index into Promotion::join_types
  };
  Proposal proposal;
  std::vector<Step> steps;  ///< parallel to proposal.guards
  LocalDay day;
};

using JoinDecision = std::variant<JoinRefusal, JoinPlan>;

/// Status and period are decided here, everything that can change meanwhile is a guard. Whoever calls has ruled out a
/// draft (unknown to participants) and a command that was accepted before.
[[nodiscard]] JoinDecision propose_join(const Definition& definition, const JoinRequest& request,
                                        const JoinFacts& facts);

/// The refusal that a failed guard means. `refused.looks` are those of the plan's proposal.
[[nodiscard]] JoinRefusal conclude_join(const Definition& definition, const JoinPlan& plan, const Refused& refused);

}  // namespace windfall
