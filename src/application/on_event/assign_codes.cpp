#include "application/on_event/assign_codes.hpp"

#include <algorithm>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

/// Prizes of these become coupons with codes from the vault.
bool needs_codes(const Promotion& promotion) {
  return promotion.lottery && promotion.mode == Mode::live && promotion.lifecycle != Lifecycle::draft;
}

}  // namespace

bool newly_low(const CodeLevel& level, std::span<const CodeLevel> before) {
  const auto earlier = std::ranges::find_if(before, [&](const CodeLevel& one) {
    return one.promotion_id == level.promotion_id && one.prize_id == level.prize_id;
  });
  const bool said = earlier != before.end() && earlier->low() && (earlier->waiting > 0 || level.waiting == 0);
  return level.low() && !said;
}

Task<Result<std::vector<std::int64_t>>> CodeSupply::left(DefinitionPtr definition) {
  const std::size_t prizes = definition->promotion.lottery->prizes.size();
  std::vector<Look> looks;
  looks.reserve(2 * prizes);
  for (std::uint32_t prize = 0; prize < prizes; ++prize) {
    looks.emplace_back(keys::imported(definition->partition, prize));
    looks.emplace_back(keys::assigned(definition->partition, prize));
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  std::vector<std::int64_t> left(prizes);
  for (std::size_t prize = 0; prize < prizes; ++prize) {
    left[prize] = std::max<std::int64_t>(0, (*values)[2 * prize] - (*values)[2 * prize + 1]);
  }
  co_return left;
}

Task<Result<std::int64_t>> CodeSupply::limit(DefinitionPtr definition, std::uint32_t prize, std::int64_t wanted) {
  std::vector<Look> looks{keys::imported(definition->partition, prize), keys::assigned(definition->partition, prize)};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  const std::int64_t limit = std::min((*values)[0], (*values)[1] + wanted);
  if (limit <= (*values)[1]) co_return (*values)[1];
  const PrizeOfCodes named{.promotion_id = definition->promotion.id,
                           .prize_id = definition->promotion.lottery->prizes[prize].id};
  const auto last = static_cast<std::uint64_t>(limit - 1);
  if (!marks_.covers(named, last)) {
    const Result<bool> raised = co_await blocking_.run([this, named, last] { return marks_.raise(named, last); });
    if (!raised) co_return tl::unexpected(raised.error());
  }
  co_return limit;
}

void AssignCodes::poke() {
  again_ = true;
  if (running_ || stopped_) return;
  running_ = true;
  detach(run());
}

Task<void> AssignCodes::run() {
  while (again_ && !stopped_) {
    again_ = false;
    bool later = false;
    const std::vector<DefinitionPtr> all = ports_.store.all();
    for (const DefinitionPtr& listed : all) {
      // It may have been changed meanwhile, or taken back because it could not be stored.
      const DefinitionPtr definition = ports_.store.find(listed->promotion.id);
      if (!definition || !needs_codes(definition->promotion)) continue;
      // Asked, not peeked at: what another process has just imported would be missed, and nobody would say so again.
      const Result<std::vector<std::int64_t>> left = co_await ports_.supply.left(definition);
      if (!left) {
        ports_.trouble(left.error().message);
        again_ = later = true;
        continue;
      }
      for (std::uint32_t prize = 0; prize < left->size() && !stopped_; ++prize) {
        if (definition->promotion.lottery->prizes[prize].kind != PrizeKind::gifticon) continue;
        if ((*left)[prize] == 0) continue;
        const Result<bool> served = co_await serve(definition, prize);
        if (!served) ports_.trouble(served.error().message);
        if (!served || !*served) again_ = later = true;
      }
    }
    if (later && !stopped_) co_await sleep_for(ports_.timer, kRetryMs);
  }
  running_ = false;
}

Task<Result<bool>> AssignCodes::serve(DefinitionPtr definition, std::uint32_t prize) {
  const PartitionNo partition = definition->partition;
  while (!stopped_) {
    const auto rows = co_await ports_.reads.run(
        [this, partition, prize] { return ports_.ledger.pending_coupons(partition, prize, kWave); });
    if (!rows) co_return tl::unexpected(rows.error());
    if (rows->empty()) co_return true;
    const Result<std::int64_t> limit =
        co_await ports_.supply.limit(definition, prize, static_cast<std::int64_t>(rows->size()));
    if (!limit) co_return tl::unexpected(limit.error());
    Wave wave{.open = rows->size(), .done = {}};
    for (const CouponRow& row : *rows) {
      const CouponFacts coupon{.user = row.draw.user, .win = row.draw.place, .prize = prize, .issue = row.issue};
      give(definition, coupon, *limit, &wave);
    }
    co_await wave.done;
    if (!wave.outcome) co_return wave.outcome;
    if (wave.none_left) co_return true;
    // The list still holds whoever was served just now; a change of the definition made all of it stale.
    const bool caught_up = co_await ports_.caught_up(definition->partition);
    if (!caught_up) co_return false;  // it is slow, which has its own alarm
    const DefinitionPtr present = ports_.store.find(definition->promotion.id);
    if (present) definition = present;
  }
  co_return true;
}

Detached AssignCodes::give(DefinitionPtr definition, CouponFacts coupon, std::int64_t limit, Wave* wave) {
  CouponPlan plan = propose_assignment(*definition, coupon, limit);
  Proposal proposal = std::move(plan.proposal);
  const Result<Verdict> verdict = co_await ports_.store.commit(std::move(proposal), Identity{});
  if (!verdict) {
    wave->outcome = tl::unexpected(verdict.error());
  } else if (const auto* refused = std::get_if<Refused>(&*verdict)) {
    if (plan.rules.at(refused->guard) == CouponRule::codes_left) wave->none_left = true;
  }
  if (--wave->open == 0) wave->done.complete(true);
}

Task<Result<std::vector<std::int64_t>>> AssignCodes::standing_wins(DefinitionPtr definition) {
  const PartitionNo partition = definition->partition;
  const std::size_t prizes = definition->promotion.lottery->prizes.size();
  Standing& known = standing_[partition.value];
  if (known.good_for > 0 && known.wins.size() == prizes) {
    --known.good_for;
    co_return known.wins;
  }
  const auto days = co_await ports_.reads.run([this, partition] { return ports_.ledger.wins_by_day(partition); });
  if (!days) co_return tl::unexpected(days.error());
  Standing counted{.wins = std::vector<std::int64_t>(prizes)};
  std::int64_t walked = 0;
  for (const DailyWins& day : *days) {
    walked += day.wins + day.second_chance;
    if (day.prize < prizes) counted.wins[day.prize] += day.wins + day.second_chance - day.voided;
  }
  counted.good_for = walked / kWinsPerLook;
  standing_[partition.value] = counted;
  co_return std::move(counted.wins);
}

Task<Result<std::vector<CodeLevel>>> AssignCodes::levels() {
  std::vector<CodeLevel> levels;
  const std::vector<DefinitionPtr> all = ports_.store.all();
  for (const DefinitionPtr& definition : all) {
    if (!needs_codes(definition->promotion)) continue;
    const PartitionNo partition = definition->partition;
    const bool over = ports_.store.peek(keys::closed(partition)) == kClosedForGood ||
                      ports_.store.peek(keys::second_stage(partition)) == kSecondOver;
    const std::vector<Prize>& prizes = definition->promotion.lottery->prizes;
    if (std::ranges::none_of(prizes, [](const Prize& prize) { return prize.kind == PrizeKind::gifticon; })) continue;
    std::vector<std::int64_t> won(prizes.size());
    if (!over) {
      auto counted = co_await standing_wins(definition);
      if (!counted) co_return tl::unexpected(counted.error());
      won = std::move(*counted);
    }
    for (std::uint32_t prize = 0; prize < prizes.size(); ++prize) {
      const Prize& of = prizes[prize];
      if (of.kind != PrizeKind::gifticon) continue;
      const auto rows = co_await ports_.reads.run(
          [this, partition, prize] { return ports_.ledger.pending_coupons(partition, prize, kWave); });
      if (!rows) co_return tl::unexpected(rows.error());
      const std::int64_t assigned = ports_.store.peek(keys::assigned(partition, prize));
      const std::int64_t imported = ports_.store.peek(keys::imported(partition, prize));
      CodeLevel level{.promotion_id = definition->promotion.id,
                      .prize_id = of.id,
                      .left = std::max<std::int64_t>(0, imported - assigned),
                      .outstanding = over ? 0 : std::max<std::int64_t>(0, of.count - won[prize]),
                      .waiting = static_cast<std::int64_t>(rows->size())};
      if (!over || level.waiting > 0) levels.push_back(std::move(level));
    }
  }
  co_return levels;
}

}  // namespace windfall
