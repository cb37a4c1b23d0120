#include "domain/lottery/draw.hpp"

#include "domain/lottery/keys.hpp"

namespace windfall {

SegmentNo segment_at(const Definition& definition, Instant at) {
  const Promotion& promotion = definition.promotion;
  return segment_of(promotion.lottery->segment_minutes, promotion.day_index(definition.zone.day_at(at)),
                    definition.zone.minute_at(at));
}

LotteryDecision propose_draw(const Definition& definition, const LotteryRequest& request, const DrawFacts& facts) {
  const Lottery& lottery = *definition.promotion.lottery;
  // An hour that the zone repeats stays in the later segment; the window is that of the wall clock either way.
  const Window segment = definition.zone.stretch_window(request.now, lottery.segment_minutes);
  LotteryDecision decision = begin_plan(definition, request, segment);
  auto* plan = std::get_if<LotteryPlan>(&decision);
  if (plan == nullptr) return decision;
  const PartitionNo partition = definition.partition;
  Proposal& proposal = plan->proposal;
  const auto guard = [&](LotteryRule rule, Guard condition) {
    proposal.guards.push_back(condition);
    plan->rules.push_back(rule);
  };
  guard(LotteryRule::draws_unchanged,
        Equals{.counter = keys::drawn(partition, request.user), .value = std::int64_t{facts.draws}});
  if (facts.wins >= std::int64_t{lottery.max_wins_per_user}) {
    // Known for good; it must not be said before the guards that come first.
    guard(LotteryRule::wins_left, Fewer{.set = keys::second_won(partition, request.user), .than = 0});
  }
  guard(LotteryRule::has_ticket, AtLeast{.counter = keys::tickets(partition, request.user), .amount = 1});
  guard(LotteryRule::segment_open,
        Equals{.counter = keys::segment(partition), .value = std::int64_t{facts.segment.value} + 1});
  proposal.takes.push_back({.counter = keys::serials(partition, facts.segment.value)});
  proposal.looks.emplace_back(keys::tickets(partition, request.user));
  proposal.events.emplace_back(Drew{.user = request.user, .segment = facts.segment.value, .number = facts.draws});
  return decision;
}

Proposal propose_segment(const Definition& definition, const OpenSegment& last, const DeckTerms& terms, Instant now) {
  const PartitionNo partition = definition.partition;
  const std::int64_t previous = last.segment ? std::int64_t{last.segment->value} : -1;
  Proposal proposal;
  proposal.partition = partition;
  proposal.revision = definition.revision;
  proposal.window = definition.zone.stretch_window(now, definition.promotion.lottery->segment_minutes);
  proposal.guards.emplace_back(Equals{.counter = keys::closed(partition), .value = 0});
  proposal.guards.emplace_back(Equals{.counter = keys::segment(partition), .value = previous + 1});
  if (last.segment) {
    proposal.guards.emplace_back(
        Equals{.counter = keys::serials(partition, last.segment->value), .value = last.serials});
  }
  proposal.events.emplace_back(SegmentOpened{.segment = terms.segment.value,
                                             .previous = previous,
                                             .quota = terms.quota,
                                             .length = terms.length,
                                             .first_item = terms.first_item});
  return proposal;
}

bool plan_stands(const Promotion& promotion, LocalDay today) {
  if (promotion.lifecycle == Lifecycle::ended) return true;
  return promotion.lifecycle != Lifecycle::draft && today >= promotion.start;
}

Plan plan_of(const Promotion& promotion) {
  return make_plan(promotion.id,
                   {.start = promotion.start, .end = promotion.secrets.plan_end, .timezone = promotion.timezone},
                   *promotion.lottery);
}

}  // namespace windfall
