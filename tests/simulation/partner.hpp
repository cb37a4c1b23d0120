// The partner in virtual time: books points, with or without regard to the idempotency key, late or not at all, and
// loses answers. Its book outlives every crash; a call that has been sent arrives even if the caller is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "application/port/notifier.hpp"
#include "application/port/points_gateway.hpp"
#include "simulation/agenda.hpp"
#include "simulation/mutant.hpp"

namespace windfall::simulation {

class Partner final : public PointsGateway, public Notifier {
 public:
  struct Booking {
    std::string user_id;
    Amount amount = 0;
    int times = 0;
  };
  /// A partner that does not honour the key books whatever it gets.
  Partner(Agenda& agenda, Dice& dice, bool honours_key, std::int64_t timeout_ms, Mutant mutant)
      : agenda_(agenda), dice_(dice), honours_key_(honours_key), timeout_ms_(timeout_ms), mutant_(mutant) {}

  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override;

  void notify(Notification notification, std::function<void(PartnerAnswer)> done) override;

  void down_for(std::int64_t ms) { down_until_ = agenda_.now() + ms; }
  /// No more faults.
  void heal();
  [[nodiscard]] const std::map<std::string, Booking>& book() const { return book_; }
  /// What people were told, by the key of it.
  struct Notice {
    std::string user_id;
  };
  [[nodiscard]] const std::map<std::string, Notice>& notices() const { return notices_; }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  void answer(std::int64_t delay_ms, std::function<void(PartnerAnswer)> done, PartnerAnswer with);
  [[nodiscard]] std::int64_t journey();
  PartnerAnswer booked(const Accrual& accrual);
  void noticed(const Notification& notification);

  Agenda& agenda_;
  Dice& dice_;
  bool honours_key_;
  std::int64_t timeout_ms_;
  Mutant mutant_;
  std::int64_t down_until_ = 0;
  bool healed_ = false;
  int calls_ = 0;
  std::map<std::string, Booking> book_;
  std::map<std::string, Notice> notices_;
};

}  // namespace windfall::simulation
