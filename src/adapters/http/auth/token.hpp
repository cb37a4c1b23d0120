// What a compact JWS says, read before and after its signature is checked. Pure: no keys, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/auth/key_set.hpp"
#include "adapters/http/auth/token_verifier.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::http {

/// Longer tokens are refused unread: all headers of a request together may have 16 KiB.
inline constexpr std::size_t kMaxTokenBytes = 8 * 1024;
/// How far an issuer's clock may be off. Servers with NTP differ by milliseconds; the contract allows up to 60 s.
inline constexpr std::int64_t kClockSkewMs = 30'000;
static_assert(kClockSkewMs <= 60'000);
/// As many segments as X-User-Segments may hold.
inline constexpr std::size_t kMaxTokenSegments = 64;

/// A token whose signature nobody has checked yet. Only what chooses the key is known of it.
struct UnverifiedToken {
  Algorithm algorithm = Algorithm::rs256;
  std::optional<std::string> kid;
  std::string payload;
};

/// A fault unless it is three parts of strict base64url, and a header with a known `alg`, without `crit`, `b64` or a
/// strange `typ`. Keys and addresses of keys in the header are not looked at.
[[nodiscard]] tl::expected<UnverifiedToken, TokenFault> read_token(std::string_view token);

struct Expected {
  std::string issuer;
  std::string audience;
};

/// What a verified payload grants, and when: at `from` <= now < `until`, skew included.
struct Grant {
  TokenVerifier::Claims claims;
  Instant from;
  Instant until;
};

/// A fault if a claim is missing, of the wrong type, or not what is expected.
[[nodiscard]] tl::expected<Grant, TokenFault> read_payload(std::string_view payload, const Expected& expected);

}  // namespace windfall::http
