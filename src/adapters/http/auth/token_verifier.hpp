// Verifies a participant's token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall::http {

class TokenVerifier {
 public:
  struct Claims {
    std::string subject;                ///< `sub`, not empty; whether it is a user id is not looked at
    std::vector<std::string> segments;  ///< `segments`; empty if there is none
  };
  virtual ~TokenVerifier() = default;
  /// nullopt if the token is not acceptable at `now`, for whatever reason: callers are told no more than that. Loop
  /// thread only.
  virtual std::optional<Claims> verify(std::string_view token, Instant now) = 0;
};

}  // namespace windfall::http
