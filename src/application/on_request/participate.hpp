// A participant joins a daily promotion.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "application/port/promotion_store.hpp"
#include "domain/promotion/join.hpp"

namespace windfall {

struct JoinCommand {
  std::string_view promotion_id;
  std::string_view user_id;
  UserRef user;
  std::vector<std::string> segments;
  std::optional<Command> command;  ///< if the caller sent an Idempotency-Key
};

/// Accepted, now or when the command was first sent.
struct Joined {
  DefinitionPtr definition;
  Epoch epoch;
  Sequence sequence;
  Instant at;
  LocalDay day;
  Amount amount = 0;
  bool replayed = false;
};
/// No such promotion, or a draft.
struct UnknownPromotion {};
/// A lottery: nobody joins it. Or, where tickets are concerned: no lottery.
struct NotJoinable {};
/// The key was used before with another body.
struct KeyReused {};
struct JoinRefused {
  DefinitionPtr definition;
  JoinRefusal refusal;
};
using JoinOutcome = std::variant<Joined, UnknownPromotion, NotJoinable, KeyReused, JoinRefused>;

/// Facts, and the definitions that their names point into: a definition may be replaced while others are awaited.
struct GatheredFacts {
  JoinFacts facts;
  std::vector<DefinitionPtr> held;
};

/// What the rules ask about the user's other promotions; nothing to await if no rule asks.
Task<Result<GatheredFacts>> gather_join_facts(PromotionStore& store, DefinitionPtr definition, UserRef user);

class Participate {
 public:
  explicit Participate(PromotionStore& store) : store_(store) {}

  /// `command`'s views must live until the task is done. Fails as commit() does, and with unavailable if the definition
  /// or the day changed three times in between.
  Task<Result<JoinOutcome>> operator()(JoinCommand command);

 private:
  PromotionStore& store_;
};

}  // namespace windfall
