// Which URLs of a partner are accepted: calls carry user ids and are worth points, so they go over TLS or stay on this
// machine.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::partner {

/// The URL without a trailing slash, ready for a path to be appended. It must be https, or http to a loopback host
/// ("localhost", 127.0.0.0/8,
/// ::1); no user, password, query or fragment. Failure: invalid, naming what is wrong.
Result<std::string> checked_partner_url(std::string_view url);

}  // namespace windfall::partner
