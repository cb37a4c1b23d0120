// Verifies a participant's token.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "adapters/http/auth/token_fault.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::http {

class TokenVerifier {
 public:
  struct Claims {
    std::string subject;                ///< `sub`, not empty; whether it is a user id is not looked at
    std::vector<std::string> segments;  ///< `segments`; empty if there is none
  };
  virtual ~TokenVerifier() = default;
  /// The first fault if the token is not acceptable at `now`. Loop thread only.
  virtual tl::expected<Claims, TokenFault> verify(std::string_view token, Instant now) = 0;
};

}  // namespace windfall::http
