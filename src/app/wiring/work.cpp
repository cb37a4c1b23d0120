// What runs by itself: projection, fulfilment, jobs.
#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "app/wiring/server_impl.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall::app {

namespace {

using system::log;
using system::LogLevel;

/// Pause before the fulfilment tries to start again, while the ledger cannot be used.
constexpr std::int64_t kStartAgainMs = 1000;
/// The fulfilment looks again after this long even if no event came: retries fall due by time.
constexpr std::int64_t kRetrySweepMs = 200;
/// As often as the eagerest scraper comes.
constexpr std::int64_t kEffectsLookMs = 5000;
constexpr std::int64_t kLedgerLookMs = 5000;
/// What a process had begun that is gone is found minutes later, when its lease is over; the look asks every shard.
constexpr std::int64_t kAbandonedLookMs = 30'000;
/// Codes run low over hours; who waits for one should not wait much longer for the alarm.
constexpr std::int64_t kCodesLookMs = 5000;

}  // namespace

Task<Result<std::string>> Server::Impl::sync_ledger() {
  Result<std::string> synced = co_await (*sync)();
  if (synced) synced_at = clock.monotonic_ms();
  co_return synced;
}

Task<Result<std::string>> Server::Impl::look_at_effects() {
  const Result<Effects::Gauges> gauges = co_await kept->ledger_reads().run([this] { return kept->effects().gauges(); });
  if (!gauges) co_return tl::unexpected(gauges.error());
  effect_gauges = *gauges;
  co_return std::to_string(gauges->pending) + " pending, " + std::to_string(gauges->unknown) + " unknown, " +
      std::to_string(gauges->dead) + " dead";
}

Task<Result<std::string>> Server::Impl::find_abandoned() {
  if (!fulfilling) co_return std::string("not fulfilling yet");
  // A win that was voided has its accrual held back, SENDING, until the ledger hears of the void: it must have by now.
  if (!co_await kept->caught_up(std::nullopt)) co_return std::string("the ledger does not follow");
  const Result<std::int64_t> unknown =
      co_await kept->ledger_writer().run([this] { return kept->effects().recover_abandoned(); });
  if (!unknown) co_return tl::unexpected(unknown.error());
  if (*unknown == 0) co_return std::string("none");
  log(LogLevel::warning, "effects_abandoned", {{"count", *unknown}});
  fulfil->poke();
  co_return std::to_string(*unknown) + " are asked for";
}

Task<Result<std::string>> Server::Impl::retry_effects() {
  fulfil->poke();
  const int calls = fulfil->in_flight();
  co_return std::to_string(calls) + (calls == 1 ? " call in flight" : " calls in flight");
}

Task<Result<std::string>> Server::Impl::if_leading(Task<Result<std::string>> work) {
  if (!kept->leads()) co_return std::string("another process leads");
  co_return co_await work;
}

// Ages grow with the clock, not with the looks: a look that fails must not make an alarm fall silent.
namespace {

/// Since the segment of the present hour began, of the lottery that has waited longest for it to be opened.
std::int64_t longest_overdue(PromotionStore& store) {
  const bool paused_all = store.peek(keys::paused_all()) != 0;
  std::int64_t longest = 0;
  for (const DefinitionPtr& definition : store.all()) {
    const Promotion& promotion = definition->promotion;
    if (!promotion.lottery) continue;
    const Instant now = store.now(definition->partition);
    if (status_at(promotion, definition->zone.day_at(now), paused_all) != Status::active) continue;
    if (store.peek(keys::closed(definition->partition)) != 0) continue;
    if (store.peek(keys::segment(definition->partition)) > std::int64_t{segment_at(*definition, now).value}) continue;
    const Instant began =
        std::max(definition->zone.stretch_window(now, promotion.lottery->segment_minutes).from, definition->modified);
    longest = std::max(longest, now.ms - began.ms);
  }
  return longest;
}

}  // namespace

MetricsParts::Ages Server::Impl::ages() {
  MetricsParts::Ages ages;
  if (has_role(config.roles, "batch")) ages.segment_ms = longest_overdue(kept->store());
  // Of the one that does it for all; who takes over counts from then.
  if (has_role(config.roles, "batch") && kept->leads() && kept->has_ledger(has_role(config.roles, "listener"))) {
    ages.ledger_sync_ms = clock.monotonic_ms() - synced_at;
  }
  if (!has_role(config.roles, "listener")) return ages;
  const auto since = [](Instant base, Instant now) { return base == kEndOfTime ? 0 : now.ms - base.ms; };
  ages.projection_ms = kept->figures().oldest_ms;
  ages.fulfilment_ms = since(effect_gauges.oldest_open, clock.now());
  ages.unknown_ms = since(effect_gauges.oldest_unknown, retry_clock.now());
  return ages;
}

void Server::Impl::start_work() {
  // What came in before the last stop; once the loop runs, since it is decided at once.
  loop.post([this] { judge_inbound->poke(); });
  const bool listens = has_role(config.roles, "listener");
  const bool batches = has_role(config.roles, "batch");
  kept->start(listens);
  if (listens) {
    assign_codes->poke();
    if (fulfil) {
      detach([](Impl* self) -> Task<void> {
        // Rows are UNKNOWN or PENDING only when the ledger has seen all that was settled.
        while (!co_await self->kept->settled_history()) {
          if (self->draining) co_return;
        }
        Result<std::int64_t> unknown = co_await self->fulfil->start();
        while (!unknown && !self->draining) {
          log(LogLevel::error, "fulfilment_waits", {{"why", unknown.error().message}});
          co_await sleep_for(self->timer, kStartAgainMs);
          unknown = co_await self->fulfil->start();
        }
        if (!unknown) co_return;
        if (*unknown > 0) log(LogLevel::info, "effects_unknown", {{"count", *unknown}});
        self->fulfilling = true;
      }(this));
    }
  }
  if (batches && kept->has_ledger(listens)) {
    jobs->add({.name = "sync-ledger", .interval_ms = SyncLedger::kIntervalMs, .on_clock_change = false, .run = [this] {
                 if (!kept->leads()) synced_at = clock.monotonic_ms();
                 return if_leading(sync_ledger());
               }});
    jobs->add({.name = "turn-status", .interval_ms = TurnStatus::kIntervalMs, .run = [this] {
                 return if_leading((*turn_status)());
               }});
    jobs->add({.name = "open-segments", .interval_ms = OpenSegments::kIntervalMs, .run = [this] {
                 return if_leading((*open_segments)());
               }});
    jobs->add({.name = "close-lotteries", .interval_ms = CloseLotteries::kIntervalMs, .run = [this] {
                 return if_leading((*close_lotteries)());
               }});
    jobs->add({.name = "drop-old", .interval_ms = DropOld::kIntervalMs, .first_ms = DropOld::kFirstMs, .run = [this] {
                 return if_leading((*drop_old)());
               }});
  }
  if (listens) {
    jobs->add({.name = "look-at-effects", .interval_ms = kEffectsLookMs, .on_clock_change = false, .run = [this] {
                 return look_at_effects();
               }});
    if (auto look = kept->ledger_look()) {
      jobs->add(
          {.name = "look-at-ledger", .interval_ms = kLedgerLookMs, .on_clock_change = false, .run = std::move(look)});
    }
    jobs->add({.name = "look-at-codes", .interval_ms = kCodesLookMs, .on_clock_change = false, .run = [this] {
                 return look_at_codes();
               }});
  }
  if (listens && fulfil && kept->shares_effects()) {
    jobs->add({.name = "find-abandoned", .interval_ms = kAbandonedLookMs, .on_clock_change = false, .run = [this] {
                 return find_abandoned();
               }});
  }
  if (listens && fulfil) {
    jobs->add({.name = "retry-effects", .interval_ms = kRetrySweepMs, .on_clock_change = false, .run = [this] {
                 return retry_effects();
               }});
  }
  synced_at = clock.monotonic_ms();
  jobs->start();
}

}  // namespace windfall::app
