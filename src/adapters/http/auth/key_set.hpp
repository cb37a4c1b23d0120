// The keys that tokens may be signed with, and the one algorithm of each. The algorithm is settled here, when a key is
// loaded: a token only chooses among keys, never how a key is used. That is what makes an RSA key useless as an HMAC
// secret.
#pragma once

#include <cjose/cjose.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::http {

enum class Algorithm : std::uint8_t { rs256, es256, hs256 };

/// As in `alg`: "RS256", "ES256", "HS256".
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
/// Exact case; "none" and all else is nullopt.
[[nodiscard]] std::optional<Algorithm> algorithm_named(std::string_view name);

struct VerificationKey {
  struct Release {
    void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  };
  Algorithm algorithm = Algorithm::rs256;
  std::optional<std::string> kid;
  std::unique_ptr<cjose_jwk_t, Release> jwk;  ///< public parts only
};

/// Immutable. A set may be made on one thread and used on another, but its keys are used by one thread only.
class KeySet {
 public:
  /// A document beyond this is no key set: a certificate chain takes some 6 KiB, and no issuer has dozens of them.
  static constexpr std::size_t kMaxBytes = 256 * 1024;
  /// A token without `kid` is tried with every key of its algorithm; this bounds what a forged one costs.
  static constexpr std::size_t kMaxKeys = 32;
  /// NIST SP 800-131A: shorter ones are disallowed.
  static constexpr std::size_t kMinRsaBits = 2048;
  /// Twice what anybody uses; a verification takes some 0.3 ms there.
  static constexpr std::size_t kMaxRsaBits = 8192;
  /// RFC 7518 section 3.2: as long as the hash.
  static constexpr std::size_t kMinSecretBytes = 32;

  /// Reads a JWK set (RFC 7517). Keys that are not for signatures by their `use` or `key_ops` are passed over; any
  /// other that is not an RS256, ES256 or HS256 key of sufficient strength makes the whole set invalid, and the message
  /// names its index and kid.
  static Result<KeySet> parse(std::string_view jwks);

  [[nodiscard]] const std::vector<VerificationKey>& keys() const { return keys_; }
  [[nodiscard]] bool has_kid(std::string_view kid) const;
  /// True if one of the keys is a secret: whoever reads the set can then forge tokens.
  [[nodiscard]] bool has_secret() const;

 private:
  std::vector<VerificationKey> keys_;
};

}  // namespace windfall::http
