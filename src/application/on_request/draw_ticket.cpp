#include "application/on_request/draw_ticket.hpp"

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

/// Once each for the definition, the segment and another draw of the same user; more within one request is a storm.
constexpr int kProposals = 4;

}  // namespace

Task<Result<DrawOutcome>> DrawTicket::drawn_before(DefinitionPtr definition, CommandRecord kept) {
  std::vector<std::int64_t> one{kept.shown[0]};
  const auto prize = co_await book_.prizes_of(definition, std::move(one));
  if (!prize) co_return tl::unexpected(prize.error());
  co_return Drawn{.definition = std::move(definition),
                  .epoch = kept.epoch,
                  .sequence = kept.sequence,
                  .at = kept.time,
                  .prize = prize->front(),
                  .held = kept.shown[1],
                  .replayed = true};
}

Task<Result<DrawOutcome>> DrawTicket::operator()(LotteryCommand command) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(command.promotion_id);
    if (auto no = not_a_lottery<DrawOutcome>(definition)) co_return std::move(*no);
    const PartitionNo partition = definition->partition;
    const std::array looked_at{keys::tickets(partition, command.user), keys::draw_at(partition, command.user, 0)};
    const bool looks_at_draws = DrawBook::looks_at_draws(*definition->promotion.lottery);
    co_await store_.expect({partition, UserRef{}, command.command, std::span(looked_at).first(looks_at_draws ? 2 : 1)});
    // What the draw writes lies apart from that, and only now is it known where; so is whether its user may be new to
    // the log.
    const std::array<Look, 1> number{keys::drawn(partition, command.user)};
    std::array<std::int64_t, 1> drawn{};
    if (store_.read_now(number, drawn) && (drawn[0] == 0 || drawn[0] >= DrawBook::kDrawsAtOnce || !looks_at_draws)) {
      const std::array own{keys::draw_at(partition, command.user, static_cast<std::uint32_t>(drawn[0]))};
      const std::optional<Command> none;
      co_await store_.expect({partition, drawn[0] == 0 ? command.user : UserRef{}, none, own});
    }
    if (command.command) {
      const Result<std::optional<CommandRecord>> record = co_await store_.accepted(partition, command.command->hash);
      const auto before = to_repeat<DrawOutcome>(record, *command.command);
      if (!before) co_return before.error();
      if (*before) co_return co_await drawn_before(definition, **before);
    }

    const LotteryRequest request{.user = command.user, .command = command.command, .now = store_.now(partition)};
    std::optional<LotteryRefusal> refusal = refusal_at(*definition, request.now);
    DeckTerms deck;
    bool drew_before = false;
    LotteryDecision decision;
    if (!refusal) {
      std::optional<Result<DrawBook::View>> at_hand = book_.view_now(*definition, command.user, request.now);
      if (!at_hand) at_hand = co_await book_.view(definition, command.user, request.now);
      const Result<DrawBook::View>& view = *at_hand;
      if (!view) co_return tl::unexpected(view.error());
      deck = view->deck;
      drew_before = view->facts.draws > 0;
      decision = propose_draw(*definition, request, view->facts);
      if (const auto* refused = std::get_if<LotteryRefusal>(&decision)) refusal = *refused;
    }
    if (refusal) {
      auto refusing = refuse<DrawOutcome>(store_, definition, *refusal);
      co_return co_await refusing;
    }

    LotteryPlan& plan = std::get<LotteryPlan>(decision);
    auto committing = commit(store_, std::move(plan.proposal), command, drew_before);
    const Result<Verdict> verdict = co_await committing;
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      // The guards have held, so it is the deck of the segment that was open.
      const auto prize = book_.prize_of(*definition, deck, accepted->assignment.taken.at(0));
      if (!prize) co_return tl::unexpected(prize.error());
      co_return Drawn{.definition = definition,
                      .epoch = accepted->assignment.epoch,
                      .sequence = accepted->assignment.sequence,
                      .at = accepted->assignment.time,
                      .prize = *prize,
                      .held = accepted->looks.at(0)};
    }
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      // A draw of the same user or a new segment came first: look again.
      const std::optional<LotteryRefusal> meant = refusal_of(plan.rules.at(refused->guard));
      if (meant) co_return LotteryRefused{.definition = definition, .refusal = *meant};
    }
  }
  co_return fail(FailureCode::unavailable, "the lottery changed while a ticket was being drawn; try again");
}

}  // namespace windfall
