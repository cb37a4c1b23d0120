// What a partner's HTTP answer means for an accrual or a notification: the table of the contract, as pure functions.
// Of the partner's own words a line is kept for the operator, without the id of the person whom it is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "application/port/points_gateway.hpp"

namespace windfall::partner {

/// How an HTTP exchange ended.
struct Exchange {
  enum class End : std::uint8_t {
    complete,  ///< status and body are there
    not_sent,  ///< certainly no byte of the request left: refused connection, unknown host, failed TLS handshake
    cut,       ///< time-out, closed connection or nonsense after sending began
  } end = End::complete;
  int status = 0;
  std::string body;
  bool body_too_long = false;                 ///< then `body` is empty
  std::optional<std::int64_t> retry_after_s;  ///< what the partner asked for
  std::string error;                          ///< unless complete
};

/// True if the partner says that the key is booked already, which has to be confirmed by asking.
[[nodiscard]] bool says_booked_before(const Exchange& post);

/// The answer to POST /points/accruals, unless says_booked_before().
[[nodiscard]] PartnerAnswer read_accrual(const Accrual& accrual, const Exchange& post);

/// The answer to POST /notifications. A 409 means that the key was used before, by whomever it was sent: done.
[[nodiscard]] PartnerAnswer read_notification(std::string_view user_id, const Exchange& post);

/// The answer to GET /points/accruals/{eventId}: Done, NeverSeen, Mismatch or Unknown.
[[nodiscard]] PartnerAnswer read_ask(const Accrual& accrual, const Exchange& get);

/// The answer to the GET that follows a 409. A partner that claims to have booked what it has never seen cannot be
/// believed: Unknown.
[[nodiscard]] PartnerAnswer read_confirmation(const Accrual& accrual, const Exchange& get);

}  // namespace windfall::partner
