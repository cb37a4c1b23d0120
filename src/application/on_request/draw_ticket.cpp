#include "application/on_request/draw_ticket.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

/// Once each for the definition, the segment and another draw of the same user; more within one request is a storm.
constexpr int kProposals = 4;

}  // namespace

Task<Result<DrawFacts>> DrawTicket::facts_of(DefinitionPtr definition, UserRef user) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> first{keys::drawn(partition, user)};
  const Result<std::vector<std::int64_t>> count = co_await store_.read(std::move(first), Freshness::decided);
  if (!count) co_return tl::unexpected(count.error());
  DrawFacts facts{.draws = static_cast<std::uint32_t>(count->front())};
  if (facts.draws == 0) co_return facts;
  std::vector<Look> looks;
  looks.reserve(facts.draws);
  for (std::uint32_t i = 0; i < facts.draws; ++i) looks.emplace_back(keys::draw_at(partition, user, i));
  Result<std::vector<std::int64_t>> draws = co_await store_.read(std::move(looks), Freshness::decided);
  if (!draws) co_return tl::unexpected(draws.error());
  const auto prizes = co_await book_.prizes_of(definition, std::move(*draws));
  if (!prizes) co_return tl::unexpected(prizes.error());
  facts.wins = std::ranges::count_if(*prizes, [](const auto& prize) { return prize.has_value(); });
  co_return facts;
}

Task<Result<DrawOutcome>> DrawTicket::drawn(Drawn so_far, std::int64_t coded) {
  std::vector<std::int64_t> one{coded};
  const auto prize = co_await book_.prizes_of(so_far.definition, std::move(one));
  if (!prize) co_return tl::unexpected(prize.error());
  so_far.prize = prize->front();
  co_return so_far;
}

Task<Result<DrawOutcome>> DrawTicket::operator()(LotteryCommand command) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(command.promotion_id);
    if (auto no = not_a_lottery<DrawOutcome>(definition)) co_return std::move(*no);
    const PartitionNo partition = definition->partition;
    const std::array asked_for{keys::tickets(partition, command.user), keys::draw_at(partition, command.user, 0)};
    store_.expect(partition, command.user, command.command, asked_for);
    if (command.command) {
      const Result<std::optional<CommandRecord>> record = co_await store_.accepted(partition, command.command->hash);
      const auto before = to_repeat<DrawOutcome>(record, *command.command);
      if (!before) co_return before.error();
      if (const std::optional<CommandRecord>& kept = *before) {
        Drawn again{.definition = definition,
                    .epoch = kept->epoch,
                    .sequence = kept->sequence,
                    .at = kept->time,
                    .prize = {},
                    .held = kept->shown[1],
                    .replayed = true};
        co_return co_await drawn(std::move(again), kept->shown[0]);
      }
    }

    const LotteryRequest request{.user = command.user, .command = command.command, .now = store_.now(partition)};
    LotteryDecision decision = begin_plan(*definition, request);
    if (std::holds_alternative<LotteryPlan>(decision)) {
      const Result<SegmentNo> segment = co_await book_.open_segment(definition, request.now);
      if (!segment) co_return tl::unexpected(segment.error());
      Result<DrawFacts> facts = co_await facts_of(definition, command.user);
      if (!facts) co_return tl::unexpected(facts.error());
      facts->segment = *segment;
      decision = propose_draw(*definition, request, *facts);
    }
    if (const auto* refusal = std::get_if<LotteryRefusal>(&decision)) {
      auto refusing = refuse<DrawOutcome>(store_, definition, *refusal);
      co_return co_await refusing;
    }

    LotteryPlan& plan = std::get<LotteryPlan>(decision);
    const std::uint32_t segment = std::get<Drew>(plan.proposal.events.front()).segment;
    auto committing = commit(store_, std::move(plan.proposal), command);
    const Result<Verdict> verdict = co_await committing;
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* accepted = std::get_if<Accepted>(&*verdict)) {
      Drawn done{.definition = definition,
                 .epoch = accepted->assignment.epoch,
                 .sequence = accepted->assignment.sequence,
                 .at = accepted->assignment.time,
                 .prize = {},
                 .held = accepted->looks.at(0)};
      co_return co_await drawn(std::move(done), coded_draw(segment, accepted->assignment.taken.at(0)));
    }
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      // A draw of the same user or a new segment came first: look again.
      const std::optional<LotteryRefusal> refusal = refusal_of(plan.rules.at(refused->guard));
      if (refusal) co_return LotteryRefused{.definition = definition, .refusal = *refusal};
    }
  }
  co_return fail(FailureCode::unavailable, "the lottery changed while a ticket was being drawn; try again");
}

}  // namespace windfall
