#include "app/simulate/simulation.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/codec/fairness_export.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

namespace {

/// The server's jobs run every second; once a minute finds the same segments and costs a campaign a sixtieth.
constexpr std::int64_t kJobsEveryMs = 60'000;
/// The second chance begins a minute after the end and has half a minute: closing is looked at every second until then.
constexpr std::int64_t kClosingMs = 90'000;
constexpr std::int64_t kClosingEveryMs = 1'000;
/// Requests that share a turn of the loop, and so a frame of the log: what a busy server has.
constexpr int kStepsPerTurn = 64;
/// Bytes of an export that wait before they are given away.
constexpr std::size_t kExportBuffer = std::size_t{1} << 20U;
/// Promotions are registered the day before.
constexpr std::int64_t kRegisteredBeforeMs = 86'400'000;

}  // namespace

bool SimulationResult::ok() const {
  return std::ranges::all_of(invariants, [](const InvariantResult& i) { return i.violations == 0; });
}

Simulation::Simulation(Campaign campaign, Hooks hooks)
    : campaign_(std::move(campaign)), hooks_(std::move(hooks)), world_(campaign_.seed) {
  world_.watch([this](std::span<Recorded> turn) {
    for (Recorded& recorded : turn) {
      if (hooks_.corrupt) hooks_.corrupt(recorded);
      // Tables of hundreds of thousands lie far from the processor: what a turn needs of them is fetched together.
      invariants_.expect(recorded);
      if (fold_) fold_->expect(recorded);
    }
    events_ += std::ssize(turn);
    for (const Recorded& recorded : turn) {
      invariants_.apply(recorded);
      if (!fold_) continue;
      const auto given = fold_->apply(recorded);
      if (given) rewards_->won(recorded, *given);
      rewards_->apply(recorded);
      codes_->apply(recorded, given.has_value());
    }
  });
}

Result<bool> Simulation::begin() {
  const Instant registered{(std::int64_t{kCampaignStart.days} * kRegisteredBeforeMs) - kRegisteredBeforeMs};
  world_.clock().move_to(registered);
  const Result<DefinitionPtr> created = world_.create(promotion_of(campaign_));
  if (!created) return tl::unexpected(created.error());
  definition_ = *created;
  const Result<Outcomes*> outcomes = world_.book().outcomes(*definition_);
  if (!outcomes) return tl::unexpected(outcomes.error());
  seed_ = (*outcomes)->seed();
  fold_ = std::make_unique<LotteryFold>(definition_, seed_);
  invariants_.begin(definition_, seed_);
  start_ = definition_->zone.start_of(definition_->promotion.start);
  end_ = definition_->zone.start_of(LocalDay{definition_->promotion.end.days + 1});
  next_jobs_ = start_;
  rewards_ = std::make_unique<Rewards>(world_, campaign_, definition_, hooks_.corrupt_due);
  Result<std::unique_ptr<Codes>> codes = Codes::begin(world_, campaign_, *fold_, definition_);
  if (!codes) return tl::unexpected(codes.error());
  codes_ = std::move(*codes);
  codes_->corrupt(hooks_.corrupt_code);
  world_.watch_names([this](UserRef user, std::string_view id) { rewards_->named(user, id); });
  crowd_ = std::make_unique<Crowd>(world_, campaign_, definition_);
  return true;
}

/// Ends the turn; what it has given away is owed, and its coupons wait for codes, from here on.
void Simulation::settle() {
  world_.settle();
  rewards_->poke();
  codes_->poke();
  in_turn_ = 0;
}

void Simulation::move_to(Instant at) {
  while (world_.timers().next() <= at) {
    world_.clock().move_to(world_.timers().next());
    world_.timers().run_due();
    if (++in_turn_ >= kStepsPerTurn) settle();
  }
  world_.clock().move_to(at);
}

Result<bool> Simulation::jobs_until(Instant at) {
  for (; next_jobs_ <= std::min(at, Instant{end_.ms - 1}); next_jobs_.ms += kJobsEveryMs) {
    settle();
    move_to(next_jobs_);
    const Result<std::string> done = world_.run_jobs(*fold_);
    if (!done) return tl::unexpected(done.error());
    codes_->look();
    if (hooks_.progress && next_jobs_.ms % 3'600'000 == 0) {
      hooks_.progress(static_cast<double>(next_jobs_.ms - start_.ms) / static_cast<double>(end_.ms - start_.ms));
    }
  }
  return true;
}

Result<bool> Simulation::close() {
  for (std::int64_t after = 0; after <= kClosingMs; after += kClosingEveryMs) {
    move_to(Instant{end_.ms + after});
    const Result<std::string> done = world_.run_jobs(*fold_);
    if (!done) return tl::unexpected(done.error());
    settle();
  }
  return true;
}

Result<SimulationResult> Simulation::run() {
  if (const Result<bool> begun = begin(); !begun) return tl::unexpected(begun.error());
  for (Instant next = crowd_->next(); next < end_; next = crowd_->next()) {
    if (next >= next_jobs_) {
      if (const Result<bool> done = jobs_until(next); !done) return tl::unexpected(done.error());
      continue;  // answers of the last turn may have put something before it
    }
    move_to(next);
    crowd_->step();
    if (++in_turn_ >= kStepsPerTurn) settle();
  }
  if (const Result<bool> done = jobs_until(end_); !done) return tl::unexpected(done.error());
  if (const Result<bool> closed = close(); !closed) return tl::unexpected(closed.error());
  // Those who come too late are told so.
  while (crowd_->next() < kEndOfTime) {
    move_to(crowd_->next());
    crowd_->step();
    settle();
  }
  codes_->finish();
  rewards_->finish();
  if (!crowd_->failure().empty()) return fail(FailureCode::unavailable, crowd_->failure());
  if (hooks_.progress) hooks_.progress(1);
  return result();
}

SimulationResult Simulation::result() {
  const State& state = world_.store().state();
  const PartitionNo partition = definition_->partition;
  SimulationResult out{.seed = campaign_.seed,
                       .planned = std::int64_t{items_of(definition_->promotion.lottery->prizes)},
                       .winners = fold_->wins() + fold_->second_wins() - fold_->voided(),
                       .second_chance = fold_->second_wins(),
                       .shortfall = fold_->shortfall().value_or(0),
                       .draws = fold_->drawn(),
                       .revoked = state.look(keys::revoked_in_total(partition)),
                       .days = {},
                       .segments = fold_->segment_sums(),
                       .refusals = crowd_->refusals(),
                       .spend = fold_->spend(),
                       .rewards = rewards_->figures(),
                       .codes = codes_->figures(),
                       .invariants = invariants_.finish(state),
                       .events = events_,
                       .log_bytes = world_.log_bytes(),
                       .digest = state.digest()};
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    out.granted[cause] = state.look(keys::granted_in_total(partition, static_cast<GrantCause>(cause)));
    out.held += out.granted[cause];
  }
  out.held -= out.draws + out.revoked;
  for (InvariantResult& check : rewards_->check(*fold_)) out.invariants.push_back(std::move(check));
  out.invariants.push_back(codes_->check());
  const Plan plan = plan_of(definition_->promotion);
  const std::uint32_t per_day = segments_per_day(plan.segment_minutes);
  for (std::size_t day = 0; day < plan.day_quotas.size(); ++day) {
    out.days.push_back({.date = {plan.start.days + static_cast<std::int32_t>(day)}, .plan = plan.day_quotas[day]});
  }
  for (const LotteryFold::SegmentSum& segment : out.segments) {
    SimulatedDay& day = out.days.at(segment.row.segment / per_day);
    day.won += segment.wins;
    day.draws += segment.draws;
  }
  const Result<std::vector<DailyWins>> wins = fold_->wins_by_day(partition);
  for (const DailyWins& each : wins.value_or(std::vector<DailyWins>{})) {
    // The second chance comes a minute after the last day.
    const auto day = std::min(static_cast<std::size_t>(each.day.days - plan.start.days), out.days.size() - 1);
    out.days[day].worth += (each.wins + each.second_chance) * plan.prizes[each.prize].value;
  }
  return out;
}

Result<bool> Simulation::tell_draws(const std::function<void(std::string_view)>& sink) {
  const PartitionNo partition = definition_->partition;
  codec::FinishedLottery lottery{.promotion = &definition_->promotion,
                                 .seed = seed_,
                                 .segments = {},
                                 .second_chance = fold_->second_chance_held()};
  for (const LotteryFold::SegmentSum& segment : fold_->segment_sums()) {
    lottery.segments.push_back({.row = segment.row, .draws = segment.draws});
  }
  const std::int64_t allowed = definition_->promotion.lottery->max_wins_per_user;
  const Result<std::vector<UserRef>> pool = fold_->second_chance_pool(partition, allowed);
  if (!pool) return tl::unexpected(pool.error());
  lottery.pool = pool->size();
  codec::FairnessExport lines(std::move(lottery));
  std::string out;
  const auto flush = [&](std::size_t at_least) {
    if (out.size() < at_least) return;
    sink(out);
    out.clear();
  };
  lines.begin(out);
  Result<bool> told = fold_->each_draw(partition, [&](const DrawRow& row) {
    lines.row(out, row);
    flush(kExportBuffer);
    return true;
  });
  if (!told) return told;
  lines.finish(out);
  flush(0);
  return true;
}

}  // namespace windfall::simulate
