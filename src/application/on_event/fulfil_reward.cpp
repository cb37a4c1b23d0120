#include "application/on_event/fulfil_reward.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "application/on_event/notification_text.hpp"

namespace windfall {

namespace {

/// Pause after the ledger or the journal failed: long enough not to hammer a full disk, short enough that nobody waits
/// for us.
constexpr std::int64_t kStoreRetryMs = 1000;
/// Longest sleep until the next due row, so that what other processes have made due is noticed.
constexpr std::int64_t kLongestSleepMs = 60'000;
/// Bytes of an error kept with an effect: a line on the operator's screen.
constexpr std::size_t kErrorLimit = 300;

std::string uuid_text(const EffectId& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[id[i] >> 4U];
    text += kDigits[id[i] & 15U];
  }
  return text;
}

/// Cuts at kErrorLimit without splitting a UTF-8 character.
std::string cut(std::string text) {
  if (text.size() <= kErrorLimit) return text;
  std::size_t end = kErrorLimit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

std::string why(const PartnerAnswer& answer) {
  struct Words {
    std::string operator()(const PartnerDone&) const { return "done"; }
    std::string operator()(const PartnerNeverSeen&) const { return "the partner does not know it yet"; }
    std::string operator()(const PartnerRetry& a) const { return a.why; }
    std::string operator()(const PartnerUnknown& a) const { return a.why; }
    std::string operator()(const PartnerRefused& a) const { return a.why; }
    std::string operator()(const PartnerMismatch& a) const { return a.why; }
  };
  return std::visit(Words{}, answer);
}

}  // namespace

FulfilReward::Settings FulfilReward::dev() {
  Settings settings;
  settings.first_retry_ms = 200;
  settings.max_retry_ms = 5000;
  settings.call_timeout_ms = 2000;
  settings.give_up_after_ms = 0;
  settings.give_up_after_tries = 20;
  settings.breaker.open_ms = 1000;
  return settings;
}

/// One endpoint's part of the work. Outlives the FulfilReward while a coroutine or an answer still holds it; `stopped`
/// then keeps it from touching any port.
class FulfilReward::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(PartnerEndpoint endpoint, Ports ports, Settings settings)
      : endpoint_(endpoint),
        ports_(std::move(ports)),
        settings_(settings),
        breaker_(settings.breaker),
        shown_(breaker_.state()) {
    assert(settings_.parallel > 0 && settings_.batch > 0 && settings_.batch <= 256);
  }

  /// Of what both endpoints had on its way.
  static Task<Result<std::int64_t>> start(std::shared_ptr<Core> accruals, std::shared_ptr<Core> notifications) {
    auto recovery = accruals->ports_.blocking.run([&effects = accruals->ports_.effects] { return effects.recover(); });
    Result<std::int64_t> recovered = co_await recovery;
    if (recovered) {
      accruals->go();
      notifications->go();
    }
    co_return recovered;
  }

  void go() {
    if (stopped_) return;
    started_ = true;
    started_at_ = mono();
    poke();
  }

  void poke() {
    if (!started_ || stopped_) return;
    if (!settling_ && !settle_paused_ && !settled_.empty()) {
      settling_ = true;
      detach(settle_all(shared_from_this()));
    }
    if (taking_) {
      again_ = true;
      return;
    }
    if (const std::int64_t rest = store_away_until_ - mono(); rest > 0) return wake_in(rest);
    taking_ = true;
    detach(take_turns(shared_from_this()));
  }

  static Task<bool> drain(std::shared_ptr<Core> accruals, std::shared_ptr<Core> notifications, std::int64_t within_ms) {
    const auto first = accruals->drain(within_ms);
    const auto second = notifications->drain(within_ms);
    const bool paid = co_await *first;
    const bool told = co_await *second;
    co_return (paid && told);
  }

  std::shared_ptr<Completion<bool>> drain(std::int64_t within_ms) {
    draining_ = true;
    auto drained = std::make_shared<Completion<bool>>();
    if (!started_) {
      drained->complete(true);
      return drained;
    }
    drained_ = drained;
    ports_.after(within_ms, [weak = weak_from_this()] {
      if (auto core = weak.lock(); core && !core->stopped_) core->finish_drain(false);
    });
    poke();
    return drained;
  }

  void stop() { stopped_ = true; }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t unsettled() const { return settled_.size() + being_settled_; }
  [[nodiscard]] CircuitBreaker::State breaker() const { return breaker_.state(); }

 private:
  /// A call at the partner.
  struct Flight {
    DueEffect row;
    Accrual accrual;
    std::int64_t started_ms = 0;  ///< monotonic
    std::uint64_t breaker_call = 0;
  };

  [[nodiscard]] std::int64_t mono() const { return ports_.clock.monotonic_ms(); }

  // Taking and calling.

  static Task<void> take_turns(std::shared_ptr<Core> self) {
    do {
      self->again_ = false;
      auto writing = write_retries(self);
      const bool written = co_await writing;
      if (self->stopped_) co_return;
      if (!written) continue;
      auto taking = take(self);
      co_await taking;
      if (self->stopped_) co_return;
    } while (self->again_ && self->mono() >= self->store_away_until_);
    self->taking_ = false;
    self->check_drained();
  }

  static Task<bool> write_retries(std::shared_ptr<Core> self) {
    if (self->retries_.empty()) co_return true;
    std::vector<Effects::Retry> batch = std::exchange(self->retries_, {});
    self->being_retried_ = batch.size();
    auto writing =
        self->ports_.blocking.run([&effects = self->ports_.effects, &batch] { return effects.retry_later(batch); });
    const Result<bool> written = co_await writing;
    if (self->stopped_) co_return false;
    self->being_retried_ = 0;
    if (written) co_return true;
    self->retries_.insert(self->retries_.begin(), std::move_iterator(batch.begin()), std::move_iterator(batch.end()));
    self->store_failed(written.error());
    co_return false;
  }

  static Task<void> take(std::shared_ptr<Core> self) {
    const int limit = self->room();
    if (limit == 0) co_return;
    const Instant now = self->ports_.clock.now();
    auto taking = self->ports_.blocking.run([&effects = self->ports_.effects, of = self->endpoint_, now, limit] {
      return effects.take_due(of, now, limit);
    });
    Result<std::vector<DueEffect>> rows = co_await taking;
    if (self->stopped_) co_return;
    if (!rows) {
      self->store_failed(rows.error());
      co_return;
    }
    self->told_.clear();
    const bool all = rows->size() < static_cast<std::size_t>(limit);
    for (DueEffect& row : *rows) self->begin(std::move(row));
    if (!all) {
      self->again_ = self->again_ || self->room() > 0;
      co_return;
    }
    auto looking = self->ports_.blocking.run(
        [&effects = self->ports_.effects, of = self->endpoint_] { return effects.next_due(of); });
    const Result<Instant> next = co_await looking;
    if (self->stopped_) co_return;
    if (!next) {
      self->store_failed(next.error());
    } else if (*next != kEndOfTime) {
      const std::int64_t since = self->ports_.clock.now().ms;
      self->wake_in(next->ms <= since ? 1 : std::min(next->ms - since, kLongestSleepMs));
    }
  }

  /// Rows that may be taken now. What is answered but not written down counts too: with a full disk it must not grow.
  int room() {
    if (draining_) return 0;
    const std::size_t backlog = unsettled() + retries_.size() + being_retried_;
    if (backlog >= static_cast<std::size_t>(settings_.batch)) return 0;
    const int allowed = breaker_.allowed(std::min(settings_.parallel - in_flight_, settings_.batch), mono());
    show_breaker();
    if (allowed == 0 && breaker_.state() == CircuitBreaker::State::open) wake_in(breaker_.wait_ms(mono()));
    return allowed;
  }

  /// Starts the first call for a row that is durably SENDING.
  void begin(DueEffect row) {
    Flight flight{.row = std::move(row)};
    flight.accrual = {.event_id = uuid_text(flight.row.id),
                      .user_id = flight.row.user_id,
                      .promotion_id = flight.row.promotion_id,
                      .amount = flight.row.amount,
                      .occurred_at = flight.row.occurred_at};
    Call call = flight.row.unknown ? Call::ask : Call::accrue;
    if (flight.row.kind != EffectKind::accrual) call = Call::notify;
    if (flight.row.user_id.empty()) {
      settle_without_user(flight);
    } else {
      begin(std::move(flight), call);
    }
  }

  void begin(Flight flight, Call call) {
    if (draining_ || breaker_.allowed(1, mono()) == 0) {
      put_back(flight.row, call == Call::ask || flight.row.unknown);
      return;
    }
    ++in_flight_;
    flight.breaker_call = breaker_.started();
    flight.started_ms = mono();
    Accrual accrual = flight.accrual;
    Notification notification;
    if (call == Call::notify) notification = notification_of(flight.row, accrual.event_id);
    auto done = [weak = weak_from_this(), flight = std::move(flight), call](PartnerAnswer answer) {
      if (auto core = weak.lock(); core && !core->stopped_) core->answered(flight, call, std::move(answer));
    };
    switch (call) {
      case Call::ask:
        ports_.gateway.ask(std::move(accrual), std::move(done));
        break;
      case Call::accrue:
        ports_.gateway.accrue(std::move(accrual), std::move(done));
        break;
      case Call::notify:
        ports_.notifier.notify(std::move(notification), std::move(done));
        break;
    }
  }

  /// Erased since it was decided, or drawn in the second chance after that. Points that nobody can be paid are for an
  /// operator to know; that nobody can be told is no matter.
  void settle_without_user(const Flight& flight) {
    if (flight.row.kind == EffectKind::accrual) {
      bury(flight, flight.row.unknown ? "the person was erased; it may have been booked before"
                                      : "the person was erased; nothing was sent");
    } else {
      settle(flight.row.id, EffectSettled::Outcome::done, {});
    }
    poke();
  }

  /// Nothing was sent: as if the row had not been taken, but for a wait until the breaker may have closed.
  void put_back(const DueEffect& row, bool unknown) {
    const std::int64_t wait = breaker_.wait_ms(mono());
    retries_.push_back(
        {.id = row.id,
         .unknown = unknown,
         .counted = false,
         .next_try = {ports_.clock.now().ms + wait},
         .error = draining_ ? "stopped before it was sent" : "nothing is sent while the partner is down"});
    again_ = true;
  }

  // Answers.

  void answered(const Flight& flight, Call call, PartnerAnswer answer) {
    --in_flight_;
    ports_.meter.called(call, answer, mono() - flight.started_ms);
    if (std::holds_alternative<PartnerRetry>(answer) || std::holds_alternative<PartnerUnknown>(answer)) {
      breaker_.failed(flight.breaker_call, mono());
    } else {
      breaker_.succeeded(flight.breaker_call);
    }
    show_breaker();

    if (std::holds_alternative<PartnerDone>(answer)) {
      settle(flight.row.id, EffectSettled::Outcome::done, {});
    } else if (const auto* mismatch = std::get_if<PartnerMismatch>(&answer)) {
      ports_.log({LogLine::Level::alarm, "partner_mismatch", flight.accrual.event_id, mismatch->why});
      bury(flight, mismatch->why);
    } else if (call == Call::ask) {
      asked(flight, answer);
    } else if (call == Call::accrue) {
      accrued(flight, answer);
    } else {
      notified(flight, answer);
    }
    poke();
  }

  void accrued(const Flight& flight, const PartnerAnswer& answer) {
    if (const auto* refused = std::get_if<PartnerRefused>(&answer)) {
      bury(flight, refused->why);
    } else if (std::holds_alternative<PartnerRetry>(answer)) {
      try_later(flight, false, why(answer), 0);
    } else {
      remember_sent(flight);
      try_later(flight, true, why(answer), 0);
    }
  }

  /// What may have arrived is sent again with its key: there is no question that a partner would answer.
  void notified(const Flight& flight, const PartnerAnswer& answer) {
    if (const auto* refused = std::get_if<PartnerRefused>(&answer)) {
      bury(flight, refused->why);
    } else {
      try_later(flight, flight.row.unknown || std::holds_alternative<PartnerUnknown>(answer), why(answer), 0);
    }
  }

  void asked(const Flight& flight, const PartnerAnswer& answer) {
    if (!std::holds_alternative<PartnerNeverSeen>(answer)) {
      try_later(flight, true, why(answer), 0);
      return;
    }
    // The sent call may still be on its way: a partner that has not seen it yet may book it a moment after we asked.
    const std::int64_t safe_at = last_sent(flight.row.id) + 2 * settings_.call_timeout_ms;
    if (flight.started_ms < safe_at) {
      try_later(flight, true, why(answer), safe_at - mono());
    } else {
      begin(flight, Call::accrue);
    }
  }

  void try_later(const Flight& flight, bool unknown, std::string error, std::int64_t at_least_ms) {
    const std::int64_t now = ports_.clock.now().ms;
    const int tries = flight.row.tries + 1;
    const std::int64_t age = flight.row.first_tried_at.ms > 0 ? now - flight.row.first_tried_at.ms : 0;
    if ((settings_.give_up_after_tries > 0 && tries >= settings_.give_up_after_tries) ||
        (settings_.give_up_after_ms > 0 && age >= settings_.give_up_after_ms)) {
      bury(flight, "gave up after " + std::to_string(tries) + " tries: " + std::move(error));
      return;
    }
    const std::int64_t wait = std::max(jittered_wait(tries), at_least_ms);
    retries_.push_back({.id = flight.row.id,
                        .unknown = unknown,
                        .counted = true,
                        .next_try = {now + wait},
                        .error = cut(std::move(error))});
  }

  /// Full jitter: anything from 1 ms to the doubled wait, so that effects that failed together do not come back
  /// together.
  std::int64_t jittered_wait(int tries) {
    std::int64_t longest = settings_.first_retry_ms;
    for (int i = 1; i < tries && longest < settings_.max_retry_ms; ++i) longest *= 2;
    longest = std::max<std::int64_t>(std::min(longest, settings_.max_retry_ms), 1);
    return 1 + static_cast<std::int64_t>(ports_.random() % static_cast<std::uint64_t>(longest));
  }

  // When a call with an unknown outcome was sent. Forgotten once it no longer matters; before start() counts as
  // start().

  void remember_sent(const Flight& flight) {
    while (!sent_order_.empty() && sent_order_.front().first + 2 * settings_.call_timeout_ms <= mono()) {
      const auto found = sent_.find(sent_order_.front().second);
      if (found != sent_.end() && found->second == sent_order_.front().first) sent_.erase(found);
      sent_order_.pop_front();
    }
    sent_[flight.row.id] = flight.started_ms;
    sent_order_.emplace_back(flight.started_ms, flight.row.id);
  }

  [[nodiscard]] std::int64_t last_sent(const EffectId& id) const {
    const auto found = sent_.find(id);
    return found == sent_.end() ? started_at_ : found->second;
  }

  // Settling: independent of taking, since it waits for another disk sync. While one batch is on its way the next one
  // gathers.

  void settle(const EffectId& id, EffectSettled::Outcome outcome, std::string detail) {
    settled_.push_back({.effect = id, .outcome = outcome, .detail = cut(std::move(detail))});
  }

  void bury(const Flight& flight, const std::string& error) {
    ports_.log({LogLine::Level::warning, "effect_dead", flight.accrual.event_id, error});
    settle(flight.row.id, EffectSettled::Outcome::dead, error);
  }

  static Task<void> settle_all(std::shared_ptr<Core> self) {
    while (!self->settled_.empty() && !self->settle_paused_) {
      const auto end =
          self->settled_.begin() + std::min<std::ptrdiff_t>(std::ssize(self->settled_), self->settings_.batch);
      std::vector<EffectSettled> batch(std::move_iterator(self->settled_.begin()), std::move_iterator(end));
      self->settled_.erase(self->settled_.begin(), end);
      self->being_settled_ = batch.size();
      auto settling = self->ports_.settle(batch);
      const Result<bool> settled = co_await settling;
      if (self->stopped_) co_return;
      self->being_settled_ = 0;
      if (settled) {
        self->count_settled(batch);
      } else {
        self->settled_.insert(self->settled_.begin(), std::move_iterator(batch.begin()),
                              std::move_iterator(batch.end()));
        self->settle_failed(settled.error());
      }
    }
    self->settling_ = false;
    self->poke();  // there may be room again
  }

  void count_settled(const std::vector<EffectSettled>& batch) {
    const auto done = std::count_if(batch.begin(), batch.end(),
                                    [](const EffectSettled& e) { return e.outcome == EffectSettled::Outcome::done; });
    const auto dead = std::ssize(batch) - done;
    if (done > 0) ports_.meter.settled(EffectSettled::Outcome::done, static_cast<std::size_t>(done));
    if (dead > 0) ports_.meter.settled(EffectSettled::Outcome::dead, static_cast<std::size_t>(dead));
  }

  void settle_failed(const Failure& failure) {
    ports_.log({LogLine::Level::warning, "settle_failed", {}, failure.message});
    settle_paused_ = true;
    ports_.after(kStoreRetryMs, [weak = weak_from_this()] {
      if (auto core = weak.lock(); core && !core->stopped_) {
        core->settle_paused_ = false;
        core->poke();
      }
    });
  }

  // Waking up, showing, stopping.

  void store_failed(const Failure& failure) {
    if (failure.message != told_) ports_.log({LogLine::Level::warning, "effects_failed", {}, failure.message});
    told_ = failure.message;
    store_away_until_ = mono() + kStoreRetryMs;
    wake_in(kStoreRetryMs);
  }

  void wake_in(std::int64_t delay_ms) {
    const std::int64_t at = mono() + delay_ms;
    if (wake_at_ && *wake_at_ <= at) return;
    wake_at_ = at;
    ports_.after(delay_ms, [weak = weak_from_this(), at] {
      auto core = weak.lock();
      if (!core || core->stopped_) return;
      if (core->wake_at_ == at) core->wake_at_.reset();
      core->poke();
    });
  }

  void show_breaker() {
    if (breaker_.state() == shown_) return;
    shown_ = breaker_.state();
    ports_.meter.breaker(endpoint_, shown_);
    const bool open = shown_ == CircuitBreaker::State::open;
    const std::string detail =
        std::string(name_of(endpoint_)) + (open                                      ? ": open, the partner is down"
                                           : shown_ == CircuitBreaker::State::closed ? ": closed"
                                                                                     : ": half-open");
    ports_.log({open ? LogLine::Level::warning : LogLine::Level::note, "breaker", {}, detail});
  }

  void check_drained() {
    if (draining_ && in_flight_ == 0 && !settling_ && !taking_ && settled_.empty() && retries_.empty()) {
      finish_drain(true);
    }
  }

  void finish_drain(bool complete) {
    if (auto drained = std::exchange(drained_, nullptr)) drained->complete(complete);
  }

  PartnerEndpoint endpoint_;
  Ports ports_;
  Settings settings_;
  CircuitBreaker breaker_;
  CircuitBreaker::State shown_;
  bool started_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  std::int64_t started_at_ = 0;  ///< monotonic
  std::shared_ptr<Completion<bool>> drained_;

  bool taking_ = false;
  bool again_ = false;  ///< something happened while taking
  int in_flight_ = 0;
  std::vector<Effects::Retry> retries_;
  std::size_t being_retried_ = 0;

  bool settling_ = false;
  bool settle_paused_ = false;
  std::vector<EffectSettled> settled_;
  std::size_t being_settled_ = 0;

  std::map<EffectId, std::int64_t> sent_;
  std::deque<std::pair<std::int64_t, EffectId>> sent_order_;
  std::optional<std::int64_t> wake_at_;
  std::int64_t store_away_until_ = 0;  ///< monotonic; whoever pokes before asks in vain
  std::string told_;                   ///< why, as it was logged last
};

FulfilReward::FulfilReward(Ports ports, Settings settings)
    : accruals_(std::make_shared<Core>(PartnerEndpoint::accruals, ports, settings)),
      notifications_(std::make_shared<Core>(PartnerEndpoint::notifications, std::move(ports), settings)) {}
FulfilReward::~FulfilReward() {
  accruals_->stop();
  notifications_->stop();
}

Task<Result<std::int64_t>> FulfilReward::start() { return Core::start(accruals_, notifications_); }
void FulfilReward::poke() {
  accruals_->poke();
  notifications_->poke();
}
Task<bool> FulfilReward::drain(std::int64_t within_ms) { return Core::drain(accruals_, notifications_, within_ms); }
int FulfilReward::in_flight() const { return accruals_->in_flight() + notifications_->in_flight(); }
std::size_t FulfilReward::unsettled() const { return accruals_->unsettled() + notifications_->unsettled(); }
CircuitBreaker::State FulfilReward::breaker(PartnerEndpoint endpoint) const {
  return (endpoint == PartnerEndpoint::accruals ? accruals_ : notifications_)->breaker();
}

}  // namespace windfall
