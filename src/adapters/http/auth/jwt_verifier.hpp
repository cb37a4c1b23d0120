// JWTs by a JWKS: RS256, ES256 and HS256, the algorithm pinned per key.
#pragma once

#include <memory>
#include <string>

#include "adapters/http/auth/token_verifier.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::http {

struct JwtSettings {
  std::string jwks;      ///< path of a file, or https URL (http for loopback)
  std::string issuer;    ///< required value of `iss`
  std::string audience;  ///< must be in `aud`
};

/// Loads the key set. Failures: invalid (settings or key set, naming the place), unavailable (the file or URL cannot be
/// read).
Result<std::unique_ptr<TokenVerifier>> open_jwt_verifier(JwtSettings settings);

}  // namespace windfall::http
