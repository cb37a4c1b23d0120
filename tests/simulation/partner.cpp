#include "simulation/partner.hpp"

#include <algorithm>
#include <utility>

namespace windfall::simulation {

void Partner::heal() {
  healed_ = true;
  down_until_ = 0;
}

void Partner::answer(std::int64_t delay_ms, std::function<void(PartnerAnswer)> done, PartnerAnswer with) {
  if (mutant_ == Mutant::timeout_counts_as_done && std::holds_alternative<PartnerUnknown>(with)) with = PartnerDone{};
  agenda_.after(delay_ms, Owner::process, [done = std::move(done), with = std::move(with)] { done(with); });
}

/// Most calls arrive at once; some only just before twice the time-out, which is as late as a sent call may be booked.
std::int64_t Partner::journey() {
  return !healed_ && dice_.percent(6) ? dice_.between(1, 2 * timeout_ms_ - 1) : dice_.between(1, 30);
}

PartnerAnswer Partner::booked(const Accrual& accrual) {
  const auto [entry, fresh] =
      book_.try_emplace(accrual.event_id, Booking{.user_id = accrual.user_id, .amount = accrual.amount, .times = 1});
  Booking& booking = entry->second;
  if (booking.user_id != accrual.user_id || booking.amount != accrual.amount) {
    return PartnerMismatch{.why = "the key is booked for somebody else"};
  }
  if (!fresh && !honours_key_) ++booking.times;
  return PartnerDone{};
}

void Partner::accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  ++calls_;
  const std::uint64_t luck = healed_ ? 99 : dice_.below(100);
  if (agenda_.now() < down_until_) {
    if (luck < 80) return answer(dice_.between(0, 3), std::move(done), PartnerRetry{.why = "connection refused"});
    return answer(timeout_ms_, std::move(done), PartnerUnknown{.why = "time-out"});
  }
  if (luck < 6) return answer(dice_.between(1, 50), std::move(done), PartnerRetry{.why = "503"});
  if (luck < 7) return answer(dice_.between(1, 50), std::move(done), PartnerRefused{.why = "422"});
  if (luck < 10) return answer(timeout_ms_, std::move(done), PartnerUnknown{.why = "lost on the way there"});

  const std::int64_t arrives = journey();
  const bool answer_lost = luck < 15;
  if (arrives >= timeout_ms_ || answer_lost) {
    agenda_.after(arrives, Owner::world, [this, accrual] { booked(accrual); });
    return answer(timeout_ms_, std::move(done), PartnerUnknown{.why = "time-out"});
  }
  agenda_.after(arrives, Owner::world, [this, accrual, done = std::move(done), process = agenda_.process()]() mutable {
    PartnerAnswer with = booked(accrual);
    if (process == agenda_.process()) answer(dice_.between(0, 5), std::move(done), std::move(with));
  });
}

void Partner::noticed(const Notification& notification) {
  notices_[notification.event_id] = {.user_id = notification.user_id};
}

void Partner::notify(Notification notification, std::function<void(PartnerAnswer)> done) {
  ++calls_;
  const std::uint64_t luck = healed_ ? 99 : dice_.below(100);
  if (agenda_.now() < down_until_ || luck < 6) {
    return answer(dice_.between(0, 3), std::move(done), PartnerRetry{.why = "503"});
  }
  const std::int64_t arrives = journey();
  const bool answer_lost = luck < 12;
  if (arrives >= timeout_ms_ || answer_lost) {
    agenda_.after(arrives, Owner::world, [this, notification] { noticed(notification); });
    return answer(timeout_ms_, std::move(done), PartnerUnknown{.why = "time-out"});
  }
  agenda_.after(arrives, Owner::world,
                [this, notification, done = std::move(done), process = agenda_.process()]() mutable {
                  noticed(notification);
                  if (process == agenda_.process()) answer(dice_.between(0, 5), std::move(done), PartnerDone{});
                });
}

void Partner::ask(Accrual accrual, std::function<void(PartnerAnswer)> done) {
  ++calls_;
  const bool lost = !healed_ && dice_.percent(8);
  if (agenda_.now() < down_until_ || lost) {
    return answer(dice_.between(1, timeout_ms_), std::move(done), PartnerUnknown{.why = "no answer"});
  }
  const auto known = book_.find(accrual.event_id);
  PartnerAnswer with = known == book_.end() ? PartnerAnswer{PartnerNeverSeen{}} : PartnerAnswer{PartnerDone{}};
  answer(dice_.between(1, 30), std::move(done), std::move(with));
}

}  // namespace windfall::simulation
