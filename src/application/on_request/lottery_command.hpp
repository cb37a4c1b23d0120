// A participant's command to a lottery, and the steps that all of them share whatever they ask for: the promotion is
// known, the command was not accepted before, a refusal is durable, the verdict is awaited under the user's name.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "application/on_request/participate.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall {

struct LotteryCommand {
  std::string_view promotion_id;
  std::string_view user_id;
  UserRef user;
  std::optional<Command> command;  ///< if the caller sent an Idempotency-Key
};

struct LotteryRefused {
  DefinitionPtr definition;
  LotteryRefusal refusal;
};

/// Why nobody can play here; nullopt: it is a lottery that participants know.
template <class Outcome>
[[nodiscard]] std::optional<Outcome> not_a_lottery(const DefinitionPtr& definition) {
  if (!definition || !known_to_participants(definition->promotion)) return Outcome{UnknownPromotion{}};
  if (!definition->promotion.lottery) return Outcome{NotJoinable{}};
  return std::nullopt;
}

/// What PromotionStore::accepted() said of a command: the record to repeat, or nullopt if the command is new; as the
/// error, what the call ends with instead.
template <class Outcome>
[[nodiscard]] tl::expected<std::optional<CommandRecord>, Result<Outcome>> to_repeat(
    const Result<std::optional<CommandRecord>>& accepted, const Command& command) {
  if (!accepted) return tl::unexpected(Result<Outcome>(tl::unexpected(accepted.error())));
  const bool reused = *accepted && (*accepted)->fingerprint != command.fingerprint;
  if (reused) return tl::unexpected(Result<Outcome>(Outcome{KeyReused{}}));
  return *accepted;
}

/// A refusal made without the store's verdict; what it is based on is durable when this is done.
template <class Outcome>
Task<Result<Outcome>> refuse(PromotionStore& store, DefinitionPtr definition, LotteryRefusal refusal) {
  const Result<bool> durable = co_await store.durable();
  if (!durable) co_return tl::unexpected(durable.error());
  co_return LotteryRefused{.definition = std::move(definition), .refusal = refusal};
}

/// `named`: as in Identity.
inline Task<Result<Verdict>> commit(PromotionStore& store, Proposal proposal, const LotteryCommand& command,
                                    bool named = false) {
  return store.commit(std::move(proposal), {.user = command.user, .id = command.user_id, .named = named});
}

/// The refusal that a failed guard means; of a rule that is none, the lottery is over.
[[nodiscard]] inline LotteryRefused refused_by(LotteryRule rule, DefinitionPtr definition) {
  return {.definition = std::move(definition), .refusal = refusal_of(rule).value_or(OutsidePeriod{})};
}

}  // namespace windfall
