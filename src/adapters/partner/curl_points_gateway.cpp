#include "adapters/partner/curl_points_gateway.hpp"

#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::partner {

namespace {

constexpr std::string_view kAccruals = "/points/accruals";
constexpr std::string_view kNotifications = "/notifications";

std::string body_of(const Accrual& accrual) {
  std::string body;
  codec::ObjectWriter(body)
      .text("eventId", accrual.event_id)
      .text("userId", accrual.user_id)
      .text("promotionId", accrual.promotion_id)
      .integer("amount", accrual.amount)
      .instant("occurredAt", accrual.occurred_at)
      .close();
  return body;
}

std::string body_of(const Notification& notification) {
  std::string body;
  codec::ObjectWriter(body)
      .text("eventId", notification.event_id)
      .text("userId", notification.user_id)
      .text("promotionId", notification.promotion_id)
      .text("kind", notification.kind)
      .text("title", notification.title)
      .text("body", notification.body)
      .close();
  return body;
}

}  // namespace

CurlPointsGateway::CurlPointsGateway(std::unique_ptr<PartnerClient> client, Post post)
    : post_(std::move(post)), client_(std::move(client)) {}

void CurlPointsGateway::accrue(Accrual accrual, Done done) {
  if (!codec::is_identifier(accrual.event_id)) {  // it goes into a header and a path
    answer(std::move(done), PartnerRefused{"the event id is not an identifier"});
    return;
  }
  std::string event_id = accrual.event_id;
  std::string body = body_of(accrual);
  auto answered = [this, accrual = std::move(accrual), done = std::move(done)](const Exchange& exchange) mutable {
    if (says_booked_before(exchange)) {
      get(std::move(accrual), &read_confirmation, std::move(done));
    } else {
      answer(std::move(done), read_accrual(accrual, exchange));
    }
  };
  client_->post(std::string(kAccruals), std::move(event_id), std::move(body), std::move(answered));
}

void CurlPointsGateway::ask(Accrual accrual, Done done) {
  if (!codec::is_identifier(accrual.event_id)) {
    answer(std::move(done), PartnerUnknown{"the event id is not an identifier"});
    return;
  }
  get(std::move(accrual), &read_ask, std::move(done));
}

void CurlPointsGateway::notify(Notification notification, Done done) {
  if (!codec::is_identifier(notification.event_id)) {
    answer(std::move(done), PartnerRefused{"the event id is not an identifier"});
    return;
  }
  std::string body = body_of(notification);
  auto answered = [this, user_id = std::move(notification.user_id),
                   done = std::move(done)](const Exchange& exchange) mutable {
    answer(std::move(done), read_notification(user_id, exchange));
  };
  client_->post(std::string(kNotifications), std::move(notification.event_id), std::move(body), std::move(answered));
}

void CurlPointsGateway::get(Accrual accrual, Read read, Done done) {
  std::string event_id = accrual.event_id;
  std::string path = std::string(kAccruals) + "/" + codec::percent_encode(event_id);
  auto answered = [this, read, accrual = std::move(accrual), done = std::move(done)](const Exchange& exchange) mutable {
    answer(std::move(done), read(accrual, exchange));
  };
  client_->get(std::move(path), std::move(event_id), std::move(answered));
}

void CurlPointsGateway::answer(Done done, PartnerAnswer with) {
  post_([done = std::move(done), with = std::move(with)] { done(with); });
}

}  // namespace windfall::partner
