// Turns what the log owes into points and notifications at the partner: takes due effects, calls the partner from a
// bounded pool, and settles each effect by an event. An accrual whose outcome is unknown is asked before it is sent
// again, so that an answer lost on the way never pays twice; a notification is sent again with its key. Each endpoint
// has a queue, a pool of calls and a breaker of its own: accruals go out while notifications fail.
//
// Lives on the loop thread. Dropping it at any moment is safe, as a crash would be: rows under way stay SENDING, which
// is UNKNOWN at the next start; answers that come later reach nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "application/on_event/circuit_breaker.hpp"
#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/effects.hpp"
#include "application/port/notifier.hpp"
#include "application/port/points_gateway.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

class FulfilReward {
 public:
  struct Settings {
    int parallel = 64;  ///< calls in flight to each endpoint; one that is slow holds these and nothing else
    int batch = 256;    ///< rows that become SENDING in one transaction; the limit of Effects
    std::int64_t first_retry_ms = 1000;   ///< longest wait after the first try, doubling with each further one
    std::int64_t max_retry_ms = 300'000;  ///< where the doubling ends
    std::int64_t call_timeout_ms =
        5000;  ///< the gateway's; twice that long a sent call may still be on its way to be booked
    std::int64_t give_up_after_ms = 86'400'000;  ///< dead once its first try is that old; 0 = never by age
    int give_up_after_tries = 0;                 ///< dead after that many calls; 0 = never by number
    CircuitBreaker::Settings breaker;
  };
  /// As the HTTP contract says: time-out 5 s, tries after 1 s doubling to 5 min, dead after 24 h.
  static Settings live() { return {}; }
  /// Development: time-out 2 s, tries after 0.2 s doubling to 5 s, 20 tries.
  static Settings dev();

  enum class Call : std::uint8_t { accrue, ask, notify };

  /// What metrics want to know; called on the loop thread, must not block.
  class Meter {
   public:
    virtual ~Meter() = default;
    virtual void called(Call call, const PartnerAnswer& answer, std::int64_t took_ms) = 0;
    virtual void settled(EffectSettled::Outcome outcome, std::size_t count) = 0;
    virtual void breaker(PartnerEndpoint endpoint, CircuitBreaker::State state) = 0;
  };

  struct LogLine {
    enum class Level : std::uint8_t { note, warning, alarm } level = Level::note;
    std::string_view event;   ///< "effect_dead", "partner_mismatch", "settle_failed", "effects_failed", "breaker"
    std::string_view effect;  ///< UUID text or empty
    std::string_view detail;
  };

  struct Ports {
    Effects& effects;
    Blocking& blocking;  ///< the ledger's writing thread
    PointsGateway& gateway;
    Notifier& notifier;
    const Clock& clock;  ///< real time, which nobody sets while the process lives
    Meter& meter;
    /// Makes the events durable, all or none; may be repeated with the same events after a failure.
    std::function<Task<Result<bool>>(std::vector<EffectSettled>)> settle;
    /// Runs a function on the loop thread after that many milliseconds.
    std::function<void(std::int64_t, std::function<void()>)> after;
    /// 64 random bits, for jitter.
    std::function<std::uint64_t()> random;
    std::function<void(const LogLine&)> log;
  };

  FulfilReward(Ports ports, Settings settings);
  ~FulfilReward();
  FulfilReward(const FulfilReward&) = delete;
  FulfilReward& operator=(const FulfilReward&) = delete;

  /// Once, when the projection has caught up with the log: what was SENDING becomes UNKNOWN, and work begins. How many
  /// rows that were. After a failure it may be called again.
  Task<Result<std::int64_t>> start();

  /// New events have been applied: look for due effects. Cheap; does nothing before start() and once drain() is called.
  void poke();

  /// For shutdown: takes nothing more, waits for the calls in flight and settles them, at most `within_ms`. True if
  /// nothing is left; otherwise the rest is UNKNOWN at the next start.
  Task<bool> drain(std::int64_t within_ms);

  [[nodiscard]] int in_flight() const;
  /// Answered by the partner but not durable yet.
  [[nodiscard]] std::size_t unsettled() const;
  [[nodiscard]] CircuitBreaker::State breaker(PartnerEndpoint endpoint) const;

 private:
  class Core;
  std::shared_ptr<Core> accruals_;
  std::shared_ptr<Core> notifications_;
};

}  // namespace windfall
