#include "application/on_time/close_lotteries.hpp"

#include <utility>
#include <vector>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

Task<Result<bool>> CloseLotteries::decide(Proposal proposal) {
  const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
  if (!verdict) co_return tl::unexpected(verdict.error());
  if (std::holds_alternative<Accepted>(*verdict)) co_return true;
  co_return fail(FailureCode::unavailable, "the lottery changed while it was being closed");
}

Task<Result<bool>> CloseLotteries::close(DefinitionPtr definition, LotteryEnd end) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> first{keys::segment(partition), keys::voided_in_total(partition)};
  const Result<std::vector<std::int64_t>> now = co_await store_.read(std::move(first), Freshness::decided);
  if (!now) co_return tl::unexpected(now.error());
  LotteryTally tally{.last = {}, .voided = now->back()};
  if (now->front() > 0) {
    const SegmentNo last{static_cast<std::uint32_t>(now->front() - 1)};
    std::vector<Look> look{keys::serials(partition, last.value)};
    const Result<std::vector<std::int64_t>> serials = co_await store_.read(std::move(look), Freshness::decided);
    if (!serials) co_return tl::unexpected(serials.error());
    tally.last = {.segment = last, .serials = serials->front()};
  }
  const Result<std::uint32_t> wins = co_await book_.wins(definition);
  if (!wins) co_return tl::unexpected(wins.error());
  tally.wins = *wins;
  Proposal proposal = propose_close(*definition, end, tally);
  co_return co_await decide(std::move(proposal));
}

Task<Result<SecondChanceList>> CloseLotteries::list_of(DefinitionPtr definition, std::int64_t voided) {
  const Result<bool> seen = co_await caught_up_(definition->partition);
  if (!seen) co_return tl::unexpected(seen.error());
  if (!*seen) co_return fail(FailureCode::unavailable, "the ledger has not seen every draw yet");
  const Result<std::uint32_t> won = co_await book_.wins(definition);
  if (!won) co_return tl::unexpected(won.error());
  const Result<Outcomes*> outcomes = book_.outcomes(*definition);
  if (!outcomes) co_return tl::unexpected(outcomes.error());
  const Seed seed = (*outcomes)->seed();
  // A crowd's pseudonyms take a second: that is no work for the loop.
  auto work = [this, definition, voided, won = *won, seed]() -> Result<SecondChanceList> {
    const Lottery& lottery = *definition->promotion.lottery;
    const Result<std::vector<UserRef>> pool =
        ledger_.second_chance_pool(definition->partition, std::int64_t{lottery.max_wins_per_user});
    if (!pool) return tl::unexpected(pool.error());
    const Result<std::vector<std::uint32_t>> items = ledger_.voided_items(definition->partition);
    if (!items) return tl::unexpected(items.error());
    if (std::cmp_not_equal(items->size(), voided)) {
      return fail(FailureCode::unavailable, "wins of " + definition->promotion.id + " were voided meanwhile");
    }
    return second_chance_list(seed, *pool, items_left(*items, won, items_of(lottery.prizes)));
  };
  co_return co_await reads_.run(std::move(work));
}

Task<Result<bool>> CloseLotteries::second_chance(DefinitionPtr definition, LotteryEnd end, Stage stage) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> look{keys::voided_in_total(partition)};
  const Result<std::vector<std::int64_t>> voided = co_await store_.read(std::move(look), Freshness::decided);
  if (!voided) co_return tl::unexpected(voided.error());
  const Result<SecondChanceList> list = co_await list_of(definition, voided->front());
  if (!list) co_return tl::unexpected(list.error());
  if (stage.second_stage == 0) {
    // The list took its time.
    const Result<bool> paused = co_await everything_is_paused();
    if (!paused) co_return tl::unexpected(paused.error());
    if (*paused) co_return true;
    Proposal start = propose_second_start(*definition, end, *list, voided->front());
    const Result<bool> started = co_await decide(std::move(start));
    if (!started) co_return tl::unexpected(started.error());
  }
  for (auto place = static_cast<std::size_t>(stage.second); place < list->wins.size(); place += kSecondWinsAtOnce) {
    const Result<bool> paused = co_await everything_is_paused();
    if (!paused) co_return tl::unexpected(paused.error());
    if (*paused) co_return true;
    Proposal wins = propose_second_wins(*definition, *list, static_cast<std::uint32_t>(place));
    const Result<bool> given = co_await decide(std::move(wins));
    if (!given) co_return tl::unexpected(given.error());
  }
  Proposal over = propose_second_end(*definition, *list);
  co_return co_await decide(std::move(over));
}

Task<Result<bool>> CloseLotteries::everything_is_paused() {
  std::vector<Look> look{keys::paused_all()};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(look), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  co_return values->front() != 0;
}

Task<Result<bool>> CloseLotteries::look_at(DefinitionPtr definition) {
  const PartitionNo partition = definition->partition;
  const std::optional<LotteryEnd> end = end_of(*definition, store_.now(partition));
  if (!end) co_return false;
  std::vector<Look> looks{keys::closed(partition), keys::second_stage(partition), keys::second(partition)};
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::decided);
  if (!values) co_return tl::unexpected(values.error());
  Stage stage{.closed = (*values)[0], .second_stage = (*values)[1], .second = (*values)[2]};
  bool done = false;
  if (stage.closed == 0) {
    const Result<bool> closed = co_await close(definition, *end);
    if (!closed) co_return tl::unexpected(closed.error());
    stage.closed = end->second_chance ? kClosedSecondChance : kClosedForGood;
    done = true;
  }
  if (stage.closed != kClosedSecondChance || stage.second_stage == kSecondOver) co_return done;
  if (store_.now(partition).ms < end->at.ms + kSecondChanceDelayMs) co_return done;
  const Result<bool> paused = co_await everything_is_paused();
  if (!paused) co_return tl::unexpected(paused.error());
  if (*paused) co_return done;
  co_return co_await second_chance(definition, *end, stage);
}

Task<Result<std::string>> CloseLotteries::operator()() {
  const std::vector<DefinitionPtr> promotions = store_.all();
  int done = 0;
  std::optional<Failure> failure;
  for (const DefinitionPtr& listed : promotions) {
    // It may have been changed meanwhile, or taken back because it could not be stored.
    const DefinitionPtr definition = store_.find(listed->promotion.id);
    if (!definition || !definition->promotion.lottery) continue;
    const Result<bool> closed = co_await look_at(definition);
    // The others do not wait for the one that cannot be helped now.
    if (!closed) {
      failure = closed.error();
    } else if (*closed) {
      ++done;
    }
  }
  if (failure) co_return tl::unexpected(*failure);
  if (done == 0) co_return "nothing due";
  co_return std::to_string(done) + " lotteries closed";
}

}  // namespace windfall
