// The partner that tells people. Transactional words only: what happened to the person's own tickets and wins. Calls
// are asynchronous; done() runs on the loop thread.
#pragma once

#include <functional>
#include <string>

#include "application/port/points_gateway.hpp"

namespace windfall {

struct Notification {
  std::string event_id;  ///< UUID text, the idempotency key
  std::string user_id;
  std::string promotion_id;
  std::string kind;  ///< "WIN", "TICKET_GRANTED"
  std::string title;
  std::string body;
};

class Notifier {
 public:
  virtual ~Notifier() = default;
  /// PartnerDone, PartnerRetry, PartnerUnknown or PartnerRefused. There is nothing to ask: what is unknown is sent
  /// again with the same key.
  virtual void notify(Notification notification, std::function<void(PartnerAnswer)> done) = 0;
};

}  // namespace windfall
