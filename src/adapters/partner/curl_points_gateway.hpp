// A partner over HTTP: its points API and its notifications. One call to accrue() may be two requests: a 409 is
// confirmed by asking.
#pragma once

#include <functional>
#include <memory>

#include "adapters/partner/partner_client.hpp"
#include "application/port/notifier.hpp"
#include "application/port/points_gateway.hpp"

namespace windfall::partner {

class CurlPointsGateway final : public PointsGateway, public Notifier {
 public:
  /// Hands a function to the loop thread; thread-safe, and must not run it at once.
  using Post = std::function<void(std::function<void()>)>;

  /// `client` and the loop behind `post` outlive every call: after this object is gone nothing is posted any more.
  CurlPointsGateway(std::unique_ptr<PartnerClient> client, Post post);

  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override;
  void notify(Notification notification, std::function<void(PartnerAnswer)> done) override;

 private:
  using Done = std::function<void(PartnerAnswer)>;
  using Read = PartnerAnswer (*)(const Accrual&, const Exchange&);

  void get(Accrual accrual, Read read, Done done);
  void answer(Done done, PartnerAnswer with);

  Post post_;
  std::unique_ptr<PartnerClient> client_;  ///< last: its thread uses the others
};

}  // namespace windfall::partner
