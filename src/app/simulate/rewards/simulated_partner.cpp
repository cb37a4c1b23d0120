#include "app/simulate/rewards/simulated_partner.hpp"

#include <algorithm>
#include <utility>

namespace windfall::simulate {

namespace {

/// The gateway's patience, as the contract has it.
constexpr std::int64_t kTimeoutMs = 5'000;
/// A partner within the country answers that fast, and a sent call is booked within twice the time-out at the latest.
constexpr std::int64_t kFastMs = 20;
constexpr std::int64_t kSlowMs = 80;
constexpr std::int64_t kLateMs = (2 * kTimeoutMs) - 1;
/// Of the calls that go wrong: so many parts of a hundred end that way, and the rest lose their answer after the fact.
constexpr std::uint64_t kFailed = 55;
constexpr std::uint64_t kLostBefore = 15;
constexpr std::uint64_t kRefused = 1;

}  // namespace

SimulatedPartner::SimulatedPartner(Timers& timers, const Clock& clock, std::uint64_t seed, double faults,
                                   std::vector<Outage> outages)
    : timers_(timers), clock_(clock), random_(seed), faults_(faults), outages_(std::move(outages)) {}

std::uint64_t SimulatedPartner::random() {  // splitmix64
  std::uint64_t x = random_ += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

std::int64_t SimulatedPartner::journey() {
  return kFastMs + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kSlowMs - kFastMs));
}

SimulatedPartner::Fate SimulatedPartner::fate() {
  if (healed_) return Fate::fine;
  const Instant now = clock_.now();
  const auto covers = [now](const Outage& outage) { return outage.from <= now && now < outage.until; };
  if (std::ranges::any_of(outages_, covers)) return Fate::down;
  if (static_cast<double>(random() >> 11U) * 0x1.0p-53 >= faults_) return Fate::fine;
  const std::uint64_t how = random() % 100;
  if (how < kFailed) return Fate::failed;
  if (how < kFailed + kLostBefore) return Fate::lost_before;
  return how < kFailed + kLostBefore + kRefused ? Fate::refused : Fate::lost_after;
}

void SimulatedPartner::heal() { healed_ = true; }

void SimulatedPartner::answer(std::int64_t after_ms, std::function<void(PartnerAnswer)> done, PartnerAnswer with) {
  timers_.after(after_ms, [done = std::move(done), with = std::move(with)] { done(with); });
}

void SimulatedPartner::receive(std::function<void()> work, std::function<void(PartnerAnswer)> done) {
  ++figures_.calls;
  switch (fate()) {
    case Fate::down:
      ++figures_.failed;
      return answer(1, std::move(done), PartnerRetry{.why = "connection refused"});
    case Fate::failed:
      ++figures_.failed;
      return answer(journey(), std::move(done), PartnerRetry{.why = "503"});
    case Fate::refused:
      ++figures_.refused;
      return answer(journey(), std::move(done), PartnerRefused{.why = "422"});
    case Fate::lost_before:
      ++figures_.unknown;
      return answer(kTimeoutMs, std::move(done), PartnerUnknown{.why = "time-out"});
    case Fate::lost_after: {
      ++figures_.unknown;
      const auto late = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kLateMs));
      timers_.after(late, std::move(work));
      return answer(kTimeoutMs, std::move(done), PartnerUnknown{.why = "time-out"});
    }
    case Fate::fine:
      break;
  }
  timers_.after(journey(), [work = std::move(work), done = std::move(done)] {
    work();
    done(PartnerDone{});
  });
}

void SimulatedPartner::accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  receive(
      [this, accrual = std::move(accrual)] {
        Booking& booking = book_[accrual.event_id];
        booking.user_id = accrual.user_id;
        add_saturating(booking.amount, accrual.amount);
        add_saturating(spend_, accrual.amount);
        ++booking.times;
      },
      std::move(done));
}

void SimulatedPartner::ask(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  ++figures_.calls;
  ++figures_.asked;
  const Fate how = fate();
  if (how != Fate::fine) {
    ++figures_.unknown;
    return answer(how == Fate::down ? 1 : kTimeoutMs, std::move(done), PartnerUnknown{.why = "no answer"});
  }
  timers_.after(journey(), [this, key = std::move(accrual.event_id), done = std::move(done)] {
    done(book_.contains(key) ? PartnerAnswer{PartnerDone{}} : PartnerAnswer{PartnerNeverSeen{}});
  });
}

void SimulatedPartner::notify(Notification notification, std::function<void(PartnerAnswer)> done) {
  receive([this, key = std::move(notification.event_id),
           user = std::move(notification.user_id)] { told_.try_emplace(key, user); },
          std::move(done));
}

}  // namespace windfall::simulate
