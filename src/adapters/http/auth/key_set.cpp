#include "adapters/http/auth/key_set.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/http/auth/json.hpp"

namespace windfall::http {

namespace {

constexpr std::array<std::pair<Algorithm, std::string_view>, 3> kNames{{
    {Algorithm::rs256, "RS256"},
    {Algorithm::es256, "ES256"},
    {Algorithm::hs256, "HS256"},
}};

/// Coordinates on P-256, always written in full (RFC 7518 section 6.2.1.2).
constexpr std::size_t kP256Bytes = 32;
/// OpenSSL takes no larger exponent with large moduli; 65537 has three bytes.
constexpr std::size_t kMaxExponentBytes = 8;
/// What is shown of a kid in a message.
constexpr std::size_t kShownKid = 64;

using JwkPtr = std::unique_ptr<cjose_jwk_t, VerificationKey::Release>;

tl::unexpected<std::string> wrong(std::string_view why) { return tl::unexpected<std::string>(std::string(why)); }

/// A base64url member that is present and not empty.
std::optional<std::string> bytes_member(const json_t* jwk, const char* name) {
  const std::optional<std::string_view> text = text_of(json_object_get(jwk, name));
  if (!text || text->empty()) return std::nullopt;
  return codec::from_base64url(*text);
}

/// cjose takes its input by pointers to non-const, and copies it.
std::uint8_t* data_of(std::string& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

void drop_leading_zeros(std::string& number) {
  number.erase(0, std::min(number.find_first_not_of('\0'), number.size()));
}

std::size_t bits_of(std::string_view number) {
  if (number.empty()) return 0;
  return (8 * number.size()) - static_cast<std::size_t>(std::countl_zero(static_cast<std::uint8_t>(number.front())));
}

/// A public key given as a secret: anybody could sign with it.
bool is_public_key(std::string_view secret) {
  if (secret.find("-----BEGIN ") != std::string_view::npos) return true;
  const auto* der = reinterpret_cast<const unsigned char*>(secret.data());
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &der, static_cast<long>(secret.size()));
  ERR_clear_error();
  if (key == nullptr) return false;
  EVP_PKEY_free(key);
  return true;
}

tl::expected<JwkPtr, std::string> rsa_key(const json_t* jwk) {
  std::optional<std::string> modulus = bytes_member(jwk, "n");
  std::optional<std::string> exponent = bytes_member(jwk, "e");
  if (!modulus || !exponent) return wrong("n and e must be base64url");
  drop_leading_zeros(*modulus);
  drop_leading_zeros(*exponent);
  const std::size_t bits = bits_of(*modulus);
  if (bits < KeySet::kMinRsaBits)
    return wrong(fmt::format("{} bits are too few, {} are needed", bits, KeySet::kMinRsaBits));
  if (bits > KeySet::kMaxRsaBits) return wrong(fmt::format("{} bits are too many", bits));
  if ((static_cast<std::uint8_t>(modulus->back()) & 1U) == 0) return wrong("n is even");
  const bool odd = !exponent->empty() && (static_cast<std::uint8_t>(exponent->back()) & 1U) == 1;
  if (!odd || *exponent == "\x01" || exponent->size() > kMaxExponentBytes) {
    return wrong("e must be odd, above 1 and below 2^64");  // with 1 every signature is its own message
  }
  const cjose_jwk_rsa_keyspec spec{
      .e = data_of(*exponent), .elen = exponent->size(), .n = data_of(*modulus), .nlen = modulus->size()};
  cjose_err error{};
  JwkPtr key(cjose_jwk_create_RSA_spec(&spec, &error));
  if (!key) return wrong("it is no RSA key");
  return key;
}

tl::expected<JwkPtr, std::string> ec_key(const json_t* jwk) {
  if (text_of(json_object_get(jwk, "crv")) != "P-256") return wrong("crv must be P-256");
  std::optional<std::string> x = bytes_member(jwk, "x");
  std::optional<std::string> y = bytes_member(jwk, "y");
  if (!x || !y || x->size() != kP256Bytes || y->size() != kP256Bytes)
    return wrong("x and y must be base64url of 32 bytes");
  const cjose_jwk_ec_keyspec spec{
      .crv = CJOSE_JWK_EC_P_256, .x = data_of(*x), .xlen = x->size(), .y = data_of(*y), .ylen = y->size()};
  cjose_err error{};
  JwkPtr key(cjose_jwk_create_EC_spec(&spec, &error));
  if (!key) return wrong("x and y are no point of P-256");
  return key;
}

tl::expected<JwkPtr, std::string> secret_key(const json_t* jwk) {
  std::optional<std::string> secret = bytes_member(jwk, "k");
  if (!secret) return wrong("k must be base64url");
  if (secret->size() < KeySet::kMinSecretBytes) {
    return wrong(
        fmt::format("{} bytes are too few for a secret, {} are needed", secret->size(), KeySet::kMinSecretBytes));
  }
  if (is_public_key(*secret)) return wrong("k is a public key");
  cjose_err error{};
  JwkPtr key(cjose_jwk_create_oct_spec(data_of(*secret), secret->size(), &error));
  OPENSSL_cleanse(secret->data(), secret->size());
  if (!key) return wrong("it is no secret");
  return key;
}

tl::expected<VerificationKey, std::string> read_key(const json_t* jwk) {
  const std::optional<std::string_view> type = text_of(json_object_get(jwk, "kty"));
  VerificationKey key;
  tl::expected<JwkPtr, std::string> (*read)(const json_t*) = nullptr;
  if (type == "RSA") {
    key.algorithm = Algorithm::rs256;
    read = &rsa_key;
  } else if (type == "EC") {
    key.algorithm = Algorithm::es256;
    read = &ec_key;
  } else if (type == "oct") {
    key.algorithm = Algorithm::hs256;
    read = &secret_key;
  } else {
    return wrong("kty must be RSA, EC or oct");
  }
  if (const json_t* stated = json_object_get(jwk, "alg");
      stated != nullptr && text_of(stated) != name_of(key.algorithm)) {
    return wrong(fmt::format("with this kty alg must be {}", name_of(key.algorithm)));
  }
  if (const json_t* kid = json_object_get(jwk, "kid"); kid != nullptr) {
    const std::optional<std::string_view> text = text_of(kid);
    if (!text) return wrong("kid must be a string");
    key.kid = std::string(*text);
  }
  auto made = read(jwk);
  if (!made) return wrong(made.error());
  key.jwk = std::move(*made);
  return key;
}

/// RFC 7517 sections 4.2 and 4.3. Issuers publish encryption keys in the same set.
bool is_for_signatures(const json_t* jwk) {
  if (const json_t* use = json_object_get(jwk, "use"); use != nullptr && text_of(use) != "sig") return false;
  const json_t* operations = json_object_get(jwk, "key_ops");
  if (operations == nullptr) return true;
  for (std::size_t i = 0; i < json_array_size(operations); ++i) {
    if (text_of(json_array_get(operations, i)) == "verify") return true;
  }
  return false;
}

/// `keys[3] (kid "abc")`, with nothing in it that could forge a log line.
std::string place_of(std::size_t index, const json_t* jwk) {
  const std::optional<std::string_view> kid = text_of(json_object_get(jwk, "kid"));
  if (!kid) return fmt::format("keys[{}] (no kid)", index);
  std::string shown(kid->substr(0, kShownKid));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e || c == '"') c = '?';
  }
  return fmt::format("keys[{}] (kid \"{}\")", index, shown);
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
  for (const auto& [known, name] : kNames) {
    if (known == algorithm) return name;
  }
  return {};
}

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (const auto& [algorithm, known] : kNames) {
    if (known == name) return algorithm;
  }
  return std::nullopt;
}

Result<KeySet> KeySet::parse(std::string_view jwks) {
  const auto bad = [](std::string why) { return fail(FailureCode::invalid, "key set: " + std::move(why)); };
  if (jwks.size() > kMaxBytes) return bad(fmt::format("more than {} bytes", kMaxBytes));
  const Json document = parse_object(jwks);
  if (!document) return bad("no JSON object, or one with duplicate members");
  const json_t* list = json_object_get(document.get(), "keys");
  if (!json_is_array(list)) return bad("the member keys must be a list");

  KeySet set;
  for (std::size_t i = 0; i < json_array_size(list); ++i) {
    const json_t* jwk = json_array_get(list, i);
    if (!json_is_object(jwk)) return bad(fmt::format("keys[{}] is no object", i));
    if (!is_for_signatures(jwk)) continue;
    auto key = read_key(jwk);
    ERR_clear_error();  // whoever uses OpenSSL next on this thread must not find ours
    if (!key) return bad(fmt::format("{}: {}", place_of(i, jwk), key.error()));
    if (set.keys_.size() == kMaxKeys) return bad(fmt::format("more than {} keys", kMaxKeys));
    set.keys_.push_back(std::move(*key));
  }
  if (set.keys_.empty()) return bad("no key for signatures in it");
  return set;
}

bool KeySet::has_kid(std::string_view kid) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const VerificationKey& key) { return key.kid == kid; });
}

bool KeySet::has_secret() const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [](const VerificationKey& key) { return key.algorithm == Algorithm::hs256; });
}

}  // namespace windfall::http
