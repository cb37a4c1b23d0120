// Keys and tokens for tests, honest ones and others. Made with OpenSSL alone, so that the verifier's own library is not
// its only witness.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/http/auth/token.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::http {

inline constexpr Instant kTestNow{1'750'000'000'000};
inline constexpr std::int64_t kTestNowSeconds = kTestNow.ms / 1000;
inline constexpr std::int64_t kSkewSeconds = kClockSkewMs / 1000;

std::string base64url(std::string_view bytes);

/// A private key, or a secret.
class SigningKey {
 public:
  enum class Hash : std::uint8_t { sha256, sha384, sha512 };

  static SigningKey rsa(unsigned bits = 2048);
  static SigningKey ec(const char* curve = "P-256");
  static SigningKey secret(std::string bytes);

  /// The signature's bytes as JWS has them: PKCS #1 v1.5, r and s side by side, or the HMAC.
  [[nodiscard]] std::string sign(std::string_view input, Hash hash = Hash::sha256) const;
  [[nodiscard]] std::string sign_pss(std::string_view input) const;
  /// The ECDSA signature as OpenSSL has it, in DER.
  [[nodiscard]] std::string sign_der(std::string_view input, Hash hash = Hash::sha256) const;

  /// The public JWK; a secret's has its `k`. `more` are further members: `"kid":"a","alg":"RS256"`.
  [[nodiscard]] std::string jwk(std::string_view more = {}) const;

  [[nodiscard]] std::string public_pem() const;
  [[nodiscard]] std::string public_der() const;
  /// "-----BEGIN RSA PUBLIC KEY-----"; only of an RSA key.
  [[nodiscard]] std::string pkcs1_pem() const;
  /// A big-endian number of the key by OpenSSL's name: "n", "e", "qx", "qy", "d", "priv".
  [[nodiscard]] std::string number(const char* name) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  std::shared_ptr<EVP_PKEY> pair_;  ///< null if it is a secret
  std::string secret_;
};

/// {"keys":[…]}
std::string key_set_of(std::initializer_list<std::string> jwks);

/// One key of each kind, named "rsa", "ec" and "mac"; made once.
struct TestKeys {
  SigningKey rsa = SigningKey::rsa();
  SigningKey ec = SigningKey::ec();
  SigningKey mac = SigningKey::secret("0123456789abcdef0123456789abcdef");
  SigningKey stranger_rsa = SigningKey::rsa();
  SigningKey stranger_ec = SigningKey::ec();
  SigningKey stranger_mac = SigningKey::secret("ABCDEF0123456789ABCDEF0123456789");
  [[nodiscard]] std::string key_set() const;
};
const TestKeys& test_keys();

inline constexpr std::string_view kIssuer = "https://issuer.example";
inline constexpr std::string_view kAudience = "windfall";

/// The claims of a good token without the one named `left_out`, and with `more`.
std::string claims(std::string_view left_out = {}, std::string_view more = {});

/// Encodes header and payload and signs them.
std::string token(std::string_view header, std::string_view payload, const SigningKey& key,
                  SigningKey::Hash hash = SigningKey::Hash::sha256);
/// Encodes header and payload, and appends these bytes as the signature.
std::string token_with(std::string_view header, std::string_view payload, std::string_view signature);

/// A verifier of that key set, which never changes.
std::unique_ptr<TokenVerifier> verifier_of(std::string_view key_set);

}  // namespace windfall::http
