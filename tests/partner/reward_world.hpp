// A world for FulfilReward in virtual time: effect rows as the ledger keeps them, a log of settlements that is applied
// late, a partner that fails in every way the contract knows, and crashes. Everything follows from one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/system/clock.hpp"
#include "application/on_event/fulfil_reward.hpp"

namespace windfall::test {

/// Functions to be run at points of virtual time, in order.
class VirtualTime final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {kStart + elapsed_ + set_by_}; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return elapsed_; }
  void after(std::int64_t delay_ms, std::function<void()> what);
  /// Runs everything due until then. False if nothing was left to do.
  bool run_until(std::int64_t elapsed_ms);
  bool run_for(std::int64_t ms) { return run_until(elapsed_ + ms); }

  /// Somebody sets the wall clock; the monotonic one goes on.
  void set_wall_by(std::int64_t ms) { set_by_ += ms; }

  static constexpr std::int64_t kStart = 1'750'000'000'000;

 private:
  std::int64_t set_by_ = 0;
  std::int64_t elapsed_ = 0;
  std::multimap<std::int64_t, std::function<void()>> agenda_;
};

/// Runs the work at once and says so after a delay in virtual time.
class VirtualBlocking final : public Blocking {
 public:
  VirtualBlocking(VirtualTime& time, std::function<std::int64_t()> delay) : time_(time), delay_(std::move(delay)) {}
  void submit(std::function<void()> work, std::function<void()> done) override;

 private:
  VirtualTime& time_;
  std::function<std::int64_t()> delay_;
};

enum class RowState : std::uint8_t { pending, sending, unknown, done, dead };

struct Row {
  DueEffect effect;
  RowState state = RowState::pending;
  Instant next_try;
  std::string error;
  int uncounted = 0;
};

/// The effect table: what survives a crash.
class MemoryEffects final : public Effects {
 public:
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override;
  Result<Instant> next_due(PartnerEndpoint of) override;
  Result<bool> retry_later(const std::vector<Retry>& retries) override;
  Result<std::int64_t> recover() override;
  Result<Gauges> gauges() override { return Gauges{}; }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t, int) override { return std::vector<DeadLetter>{}; }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t) override { return std::optional<DeadLetter>{}; }
  Result<bool> open_for(UserRef) override { return false; }

  /// What the projector does with an EffectSettled.
  void apply(const EffectSettled& settled);
  EffectId add(Amount amount, Instant due);
  EffectId add_notification(EffectKind kind, Amount amount, const std::string& prize_name);
  /// Nobody is named by it any more.
  void erase_user_of(const EffectId& id) { rows_.at(id).effect.user_id.clear(); }
  [[nodiscard]] const Row& row(const EffectId& id) const { return rows_.at(id); }
  [[nodiscard]] const std::map<EffectId, Row>& rows() const { return rows_; }
  [[nodiscard]] int count(RowState state) const;

  std::function<bool()> fails = [] { return false; };
  std::vector<Retry> retried;  ///< everything that retry_later() was given
  int largest_limit = 0;

 private:
  std::map<EffectId, Row> rows_;
  std::uint32_t made_ = 0;
};

/// A call at the partner whose answer the test decides.
class ScriptedGateway : public PointsGateway, public Notifier {
 public:
  struct Waiting {
    FulfilReward::Call call;
    Accrual accrual;
    Notification notification;
    std::function<void(PartnerAnswer)> done;
  };
  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void notify(Notification notification, std::function<void(PartnerAnswer)> done) override;
  /// Answers the oldest call and forgets it.
  void answer(PartnerAnswer with);

  std::vector<Waiting> waiting;
  std::size_t most_waiting = 0;
  int accrued = 0;
  int asked = 0;
  int notified = 0;
};

/// For worlds that only pay.
class NobodyIsNotified final : public Notifier {
 public:
  void notify(Notification, std::function<void(PartnerAnswer)> done) override { done(PartnerRefused{"no one asked"}); }
};

class CountingMeter final : public FulfilReward::Meter {
 public:
  void called(FulfilReward::Call, const PartnerAnswer&, std::int64_t) override { ++calls; }
  void settled(EffectSettled::Outcome outcome, std::size_t count) override {
    (outcome == EffectSettled::Outcome::done ? done : dead) += count;
  }
  void breaker(PartnerEndpoint of, CircuitBreaker::State state) override {
    breaker_states.push_back(state);
    breaker_endpoints.insert(of);
  }

  int calls = 0;
  std::size_t done = 0;
  std::size_t dead = 0;
  std::vector<CircuitBreaker::State> breaker_states;
  std::set<PartnerEndpoint> breaker_endpoints;  ///< whose they were
};

/// The rows, the log and the clock, with one FulfilReward at a time on top.
class RewardWorld {
 public:
  explicit RewardWorld(std::uint64_t seed = 0);

  /// A process starts: recover() and go.
  void start(PointsGateway& gateway, FulfilReward::Settings settings) { start(gateway, nobody_, settings); }
  void start(PointsGateway& gateway, Notifier& notifier, FulfilReward::Settings settings);
  /// The process is gone; what was not durable is lost.
  void crash();
  [[nodiscard]] std::uint64_t random() { return dice(); }
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high);
  [[nodiscard]] bool chance(double share);

  VirtualTime time;
  std::mt19937_64 dice;
  MemoryEffects effects;
  CountingMeter meter;
  std::vector<EffectSettled> log;   ///< durable settlements, in order
  std::vector<std::string> alarms;  ///< effects named by alarm lines
  std::function<bool()> settle_fails = [] { return false; };
  std::function<std::int64_t()> settle_takes = [] { return 0; };  ///< until durable
  std::function<std::int64_t()> apply_takes = [] { return 0; };   ///< from durable to applied
  std::function<std::int64_t()> blocking_takes = [] { return 0; };
  std::function<Effects&(Effects&)> effects_seen = [](Effects& real) -> Effects& { return real; };
  std::optional<FulfilReward> reward;

 private:
  Task<Result<bool>> settle(std::vector<EffectSettled> settled);

  VirtualBlocking blocking_;
  NobodyIsNotified nobody_;
  std::optional<system::UnsetClock> clock_;  ///< of the process
  int process_ = 0;
};

}  // namespace windfall::test
