#include "application/on_request/participate.hpp"

#include <utility>

#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// Once for the definition, once for the day: a third change within one request would be a storm.
constexpr int kProposals = 3;

Joined from_record(DefinitionPtr definition, const CommandRecord& record) {
  return {.definition = std::move(definition),
          .epoch = record.epoch,
          .sequence = record.sequence,
          .at = record.time,
          .day = LocalDay{static_cast<std::int32_t>(record.shown[0])},
          .amount = record.shown[1],
          .replayed = true};
}

JoinOutcome repeated(DefinitionPtr definition, const Command& command, const CommandRecord& record) {
  if (record.fingerprint != command.fingerprint) return KeyReused{};
  return from_record(std::move(definition), record);
}

}  // namespace

Task<Result<GatheredFacts>> gather_join_facts(PromotionStore& store, DefinitionPtr definition, UserRef user) {
  GatheredFacts gathered;
  std::vector<JoinFacts::Other>& others = gathered.facts.others;
  const auto add = [&gathered](DefinitionPtr other) {
    gathered.facts.others.push_back(
        {.id = other->promotion.id, .partition = other->partition, .mode = other->promotion.mode});
    gathered.held.push_back(std::move(other));
  };
  if (needs_all_promotions(definition->promotion)) {
    if (store.awaits_any()) co_return fail(FailureCode::unavailable, "not every promotion's definition is known yet");
    for (const DefinitionPtr& other : store.all()) add(other);
  } else {
    for (const std::string_view id : named_promotions(definition->promotion)) {
      if (DefinitionPtr other = store.find(id)) {
        add(std::move(other));
      } else if (store.awaits(id)) {
        co_return awaited(id);
      }
    }
  }
  if (others.empty()) co_return gathered;
  std::vector<Look> looks;
  looks.reserve(others.size());
  for (const JoinFacts::Other& other : others) {
    looks.emplace_back(SizeOf{.set = keys::joined_days(other.partition, user)});
  }
  const Result<std::vector<std::int64_t>> joins = co_await store.read(std::move(looks), Freshness::decided);
  if (!joins) co_return tl::unexpected(joins.error());
  for (std::size_t i = 0; i < others.size(); ++i) others[i].joins = (*joins)[i];
  co_return gathered;
}

Task<Result<JoinOutcome>> Participate::operator()(JoinCommand command) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(command.promotion_id);
    if (!definition || !known_to_participants(definition->promotion)) co_return UnknownPromotion{};
    if (definition->promotion.lottery) co_return NotJoinable{};
    co_await store_.expect({definition->partition, command.user, command.command});
    Result<GatheredFacts> gathered;
    if (needs_facts(definition->promotion)) gathered = co_await gather_join_facts(store_, definition, command.user);
    if (!gathered) co_return tl::unexpected(gathered.error());
    const JoinRequest request{.user = command.user,
                              .segments = command.segments,
                              .command = command.command,
                              .now = store_.now(definition->partition)};
    JoinDecision decision = propose_join(*definition, request, gathered->facts);
    if (const auto* refusal = std::get_if<JoinRefusal>(&decision)) {
      if (command.command) {
        // An accepted answer is repeated whatever has happened to the promotion since. What is proposed needs no such
        // look: the store asks for the command before any guard.
        const Result<std::optional<CommandRecord>> record =
            co_await store_.accepted(definition->partition, command.command->hash);
        if (!record) co_return tl::unexpected(record.error());
        if (*record) co_return repeated(definition, *command.command, **record);
      }
      const JoinRefused refused{.definition = definition, .refusal = *refusal};
      const Result<bool> durable = co_await store_.durable();
      if (!durable) co_return tl::unexpected(durable.error());
      co_return refused;
    }

    JoinPlan& plan = std::get<JoinPlan>(decision);
    const Identity identity{.user = command.user, .id = command.user_id};
    Proposal proposal = std::move(plan.proposal);
    plan.proposal.window = proposal.window;
    const Amount amount = definition->promotion.reward_amount;
    const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), identity);
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      co_return Joined{.definition = definition,
                       .epoch = accepted->assignment.epoch,
                       .sequence = accepted->assignment.sequence,
                       .at = accepted->assignment.time,
                       .day = plan.day,
                       .amount = amount};
    }
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      co_return JoinRefused{.definition = definition, .refusal = conclude_join(*definition, plan, *refused)};
    }
    if (const auto* again = std::get_if<Repeated>(&*verdict)) {
      co_return repeated(definition, *command.command, again->record);
    }
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while it was being joined; try again");
}

}  // namespace windfall
