#include "partner/reward_world.hpp"

#include <algorithm>
#include <tuple>

namespace windfall::test {

void VirtualTime::after(std::int64_t delay_ms, std::function<void()> what) {
  agenda_.emplace(elapsed_ + std::max<std::int64_t>(delay_ms, 0), std::move(what));
}

bool VirtualTime::run_until(std::int64_t elapsed_ms) {
  while (!agenda_.empty() && agenda_.begin()->first <= elapsed_ms) {
    auto node = agenda_.extract(agenda_.begin());
    elapsed_ = std::max(elapsed_, node.key());
    node.mapped()();
  }
  elapsed_ = std::max(elapsed_, elapsed_ms);
  return !agenda_.empty();
}

void VirtualBlocking::submit(std::function<void()> work, std::function<void()> done) {
  // The database does it at once; only the answer takes its time. A process that crashes meanwhile has done it without
  // knowing.
  work();
  const std::int64_t delay = delay_();
  if (delay <= 0) {
    done();
  } else {
    time_.after(delay, std::move(done));
  }
}

Result<std::vector<DueEffect>> MemoryEffects::take_due(PartnerEndpoint of, Instant due, int limit) {
  largest_limit = std::max(largest_limit, limit);
  if (fails()) return fail(FailureCode::unavailable, "the ledger is busy");
  std::vector<Row*> found;
  for (auto& [id, row] : rows_) {
    if (endpoint_of(row.effect.kind) != of || row.next_try > due) continue;
    if (row.state == RowState::pending || row.state == RowState::unknown) found.push_back(&row);
  }
  std::sort(found.begin(), found.end(), [](const Row* a, const Row* b) {
    return std::tie(a->next_try, a->effect.id) < std::tie(b->next_try, b->effect.id);
  });
  if (found.size() > static_cast<std::size_t>(limit)) found.resize(static_cast<std::size_t>(limit));
  std::vector<DueEffect> taken;
  for (Row* row : found) {
    taken.push_back(row->effect);
    taken.back().unknown = row->state == RowState::unknown;
    if (row->effect.first_tried_at.ms == 0) row->effect.first_tried_at = due;
    row->state = RowState::sending;
  }
  return taken;
}

Result<Instant> MemoryEffects::next_due(PartnerEndpoint of) {
  if (fails()) return fail(FailureCode::unavailable, "the ledger is busy");
  Instant next = kEndOfTime;
  for (const auto& [id, row] : rows_) {
    if (endpoint_of(row.effect.kind) != of) continue;
    if (row.state == RowState::pending || row.state == RowState::unknown) next = std::min(next, row.next_try);
  }
  return next;
}

Result<bool> MemoryEffects::retry_later(const std::vector<Retry>& retries) {
  if (fails()) return fail(FailureCode::unavailable, "the ledger is busy");
  for (const Retry& retry : retries) {
    retried.push_back(retry);
    Row& row = rows_.at(retry.id);
    if (row.state != RowState::sending) continue;
    row.state = retry.unknown ? RowState::unknown : RowState::pending;
    row.next_try = retry.next_try;
    row.error = retry.error;
    if (retry.counted) ++row.effect.tries;
    if (!retry.counted) ++row.uncounted;
  }
  return true;
}

Result<std::int64_t> MemoryEffects::recover() {
  if (fails()) return fail(FailureCode::unavailable, "the ledger is busy");
  std::int64_t count = 0;
  for (auto& [id, row] : rows_) {
    if (row.state != RowState::sending) continue;
    row.state = RowState::unknown;
    row.next_try = {};
    ++count;
  }
  return count;
}

void MemoryEffects::apply(const EffectSettled& settled) {
  Row& row = rows_.at(settled.effect);
  switch (settled.outcome) {
    case EffectSettled::Outcome::done:
      row.state = RowState::done;
      break;
    case EffectSettled::Outcome::dead:
      if (row.state != RowState::done) row.state = RowState::dead;
      row.error = settled.detail;
      break;
    case EffectSettled::Outcome::redriven:  // it may have been booked in the end: asked first
      row.state = RowState::unknown;
      row.next_try = {};
      row.effect.tries = 0;
      row.effect.first_tried_at = {};
      break;
  }
}

EffectId MemoryEffects::add(Amount amount, Instant due) {
  ++made_;
  EffectId id{};
  for (std::size_t i = 0; i < 4; ++i) id[15 - i] = static_cast<std::uint8_t>(made_ >> (8 * i));
  Row& row = rows_[id];
  row.effect = {.id = id,
                .user_id = "user" + std::to_string(made_),
                .promotion_id = "p",
                .amount = amount,
                .occurred_at = due,
                .tries = 0,
                .first_tried_at = {},
                .unknown = false};
  row.next_try = due;
  return id;
}

EffectId MemoryEffects::add_notification(EffectKind kind, Amount amount, const std::string& prize_name) {
  const EffectId id = add(amount, {1});
  DueEffect& effect = rows_.at(id).effect;
  effect.kind = kind;
  effect.promotion_title = "행운 주사위";
  effect.prize_name = prize_name;
  return id;
}

int MemoryEffects::count(RowState state) const {
  return static_cast<int>(
      std::count_if(rows_.begin(), rows_.end(), [state](const auto& entry) { return entry.second.state == state; }));
}

void ScriptedGateway::accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  ++accrued;
  waiting.push_back({FulfilReward::Call::accrue, std::move(accrual), {}, std::move(done)});
  most_waiting = std::max(most_waiting, waiting.size());
}

void ScriptedGateway::ask(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  ++asked;
  waiting.push_back({FulfilReward::Call::ask, std::move(accrual), {}, std::move(done)});
  most_waiting = std::max(most_waiting, waiting.size());
}

void ScriptedGateway::notify(Notification notification, std::function<void(PartnerAnswer)> done) {
  ++notified;
  waiting.push_back({FulfilReward::Call::notify, {}, std::move(notification), std::move(done)});
  most_waiting = std::max(most_waiting, waiting.size());
}

void ScriptedGateway::answer(PartnerAnswer with) {
  const auto done = std::move(waiting.front().done);
  waiting.erase(waiting.begin());
  done(std::move(with));
}

RewardWorld::RewardWorld(std::uint64_t seed) : dice(seed), blocking_(time, [this] { return blocking_takes(); }) {}

void RewardWorld::start(PointsGateway& gateway, Notifier& notifier, FulfilReward::Settings settings) {
  ++process_;
  clock_.emplace(time);
  FulfilReward::Ports ports{
      .effects = effects_seen(effects),
      .blocking = blocking_,
      .gateway = gateway,
      .notifier = notifier,
      .clock = *clock_,
      .meter = meter,
      .settle = [this](std::vector<EffectSettled> settled) { return settle(std::move(settled)); },
      .after = [this](std::int64_t delay, std::function<void()> what) { time.after(delay, std::move(what)); },
      .random = [this] { return dice(); },
      .log =
          [this](const FulfilReward::LogLine& line) {
            if (line.level == FulfilReward::LogLine::Level::alarm) alarms.emplace_back(line.effect);
          },
  };
  reward.emplace(std::move(ports), settings);
  detach([](FulfilReward& started) -> Task<void> {
    auto starting = started.start();
    static_cast<void>(co_await starting);
  }(*reward));
}

void RewardWorld::crash() {
  ++process_;
  reward.reset();
}

Task<Result<bool>> RewardWorld::settle(std::vector<EffectSettled> settled) {
  const int process = process_;
  Completion<bool> durable;
  time.after(settle_takes(), [&durable] { durable.complete(true); });
  co_await durable;
  if (process != process_) co_return fail(FailureCode::unavailable, "the process is gone");
  if (settle_fails()) co_return fail(FailureCode::disk_full, "no space left");
  log.insert(log.end(), settled.begin(), settled.end());
  // The projector follows the log, whoever runs it.
  time.after(apply_takes(), [this, settled] {
    for (const EffectSettled& one : settled) effects.apply(one);
    if (reward) reward->poke();
  });
  co_return true;
}

std::int64_t RewardWorld::between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(dice() % static_cast<std::uint64_t>(high - low + 1));
}

bool RewardWorld::chance(double share) { return static_cast<double>(dice() >> 11U) * 0x1.0p-53 < share; }

}  // namespace windfall::test
