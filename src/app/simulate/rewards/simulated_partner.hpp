// The partner of a simulated campaign: books points whenever it is told to, without regard to the key, so that one call
// too many shows; loses answers, refuses, and is down for a while. Its book is what the campaign really costs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/simulate/timers.hpp"
#include "application/port/notifier.hpp"
#include "application/port/points_gateway.hpp"

namespace windfall::simulate {

class SimulatedPartner final : public PointsGateway, public Notifier {
 public:
  struct Outage {
    Instant from;
    Instant until;
  };
  struct Booking {
    std::string user_id;
    Amount amount = 0;
    int times = 0;
  };
  struct Figures {
    std::int64_t calls = 0;
    std::int64_t failed = 0;   ///< refused connections and 5xx: certainly not done
    std::int64_t unknown = 0;  ///< no answer, whether it was done or not
    std::int64_t refused = 0;  ///< for good
    std::int64_t asked = 0;    ///< whether something had been booked
  };
  /// `faults`: of all calls, so many go wrong, 0..1, whether it is down or not.
  SimulatedPartner(Timers& timers, const Clock& clock, std::uint64_t seed, double faults, std::vector<Outage> outages);

  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void notify(Notification notification, std::function<void(PartnerAnswer)> done) override;

  /// Nothing goes wrong any more.
  void heal();

  [[nodiscard]] const std::unordered_map<std::string, Booking>& book() const { return book_; }
  /// Whom it has told something, by the key.
  [[nodiscard]] const std::unordered_map<std::string, std::string>& told() const { return told_; }
  [[nodiscard]] Amount spend() const { return spend_; }
  [[nodiscard]] const Figures& figures() const { return figures_; }
  [[nodiscard]] const std::vector<Outage>& outages() const { return outages_; }

 private:
  enum class Fate : std::uint8_t { fine, down, failed, refused, lost_before, lost_after };
  Fate fate();
  std::int64_t journey();
  std::uint64_t random();
  /// Does `work` and answers, as the call's fate has it.
  void receive(std::function<void()> work, std::function<void(PartnerAnswer)> done);
  void answer(std::int64_t after_ms, std::function<void(PartnerAnswer)> done, PartnerAnswer with);

  Timers& timers_;
  const Clock& clock_;
  std::uint64_t random_;
  double faults_;
  std::vector<Outage> outages_;
  bool healed_ = false;
  std::unordered_map<std::string, Booking> book_;
  std::unordered_map<std::string, std::string> told_;
  Amount spend_ = 0;
  Figures figures_;
};

}  // namespace windfall::simulate
