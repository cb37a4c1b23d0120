// The partner that books points. Calls are asynchronous; done() runs on the loop thread.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "application/port/effects.hpp"

namespace windfall {

/// What a call to the partner came to.
struct PartnerDone {};       ///< booked, now or before
struct PartnerNeverSeen {};  ///< only for ask(): the partner does not know the key
struct PartnerRetry {
  std::string why;
};  ///< certainly not booked, worth another try (refused connection, 401, 403, 408, 425, 429, 5xx)
struct PartnerUnknown {
  std::string why;
};  ///< time-out, or cut after sending: it may have been booked
struct PartnerRefused {
  std::string why;
};  ///< will never be booked as it is (other 4xx)
struct PartnerMismatch {
  std::string why;
};  ///< the key is booked for another user or amount
using PartnerAnswer =
    std::variant<PartnerDone, PartnerNeverSeen, PartnerRetry, PartnerUnknown, PartnerRefused, PartnerMismatch>;

struct Accrual {
  std::string event_id;  ///< UUID text, the idempotency key
  std::string user_id;
  std::string promotion_id;
  Amount amount = 0;
  Instant occurred_at;
};

class PointsGateway {
 public:
  virtual ~PointsGateway() = default;
  virtual void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) = 0;
  /// Asks whether the key was booked: PartnerDone, PartnerNeverSeen, PartnerMismatch, or PartnerUnknown if it cannot
  /// tell.
  virtual void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) = 0;
};

}  // namespace windfall
