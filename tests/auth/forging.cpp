#include "auth/forging.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cassert>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/http/auth/verifier.hpp"

namespace windfall::http {

namespace {

const EVP_MD* digest_of(SigningKey::Hash hash) {
  switch (hash) {
    case SigningKey::Hash::sha384:
      return EVP_sha384();
    case SigningKey::Hash::sha512:
      return EVP_sha512();
    case SigningKey::Hash::sha256:
      break;
  }
  return EVP_sha256();
}

const unsigned char* data_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* data_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string sign_with(EVP_PKEY* key, std::string_view input, const EVP_MD* digest, bool pss) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  std::size_t size = 0;
  bool good = EVP_DigestSignInit(context, &parameters, digest, nullptr, key) == 1;
  if (pss) {
    good = good && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestSign(context, nullptr, &size, data_of(input), input.size()) == 1;
  std::string signature(size, '\0');
  good = good && EVP_DigestSign(context, data_of(signature), &size, data_of(input), input.size()) == 1;
  assert(good);
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return signature;
}

/// Everything a BIO holds.
std::string drained(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

/// What a test set once, never changes.
class FixedKeys final : public KeySource {
 public:
  explicit FixedKeys(KeySet keys) : keys_(std::make_shared<const KeySet>(std::move(keys))) {}
  std::shared_ptr<const KeySet> current() override { return keys_; }
  void missed() override {}

 private:
  std::shared_ptr<const KeySet> keys_;
};

}  // namespace

std::string base64url(std::string_view bytes) { return codec::to_base64url(codec::bytes_of(bytes)); }

SigningKey SigningKey::rsa(unsigned bits) {
  SigningKey key;
  key.pair_ = {EVP_RSA_gen(bits), Free{}};
  assert(key.pair_ != nullptr);
  return key;
}

SigningKey SigningKey::ec(const char* curve) {
  SigningKey key;
  key.pair_ = {EVP_EC_gen(curve), Free{}};
  assert(key.pair_ != nullptr);
  return key;
}

SigningKey SigningKey::secret(std::string bytes) {
  SigningKey key;
  key.secret_ = std::move(bytes);
  return key;
}

std::string SigningKey::sign(std::string_view input, Hash hash) const {
  if (pair_ == nullptr) {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    HMAC(digest_of(hash), secret_.data(), static_cast<int>(secret_.size()), data_of(input), input.size(), data_of(mac),
         &size);
    mac.resize(size);
    return mac;
  }
  if (EVP_PKEY_get_base_id(pair_.get()) != EVP_PKEY_EC) return sign_with(pair_.get(), input, digest_of(hash), false);
  const std::string der = sign_der(input, hash);
  const unsigned char* at = data_of(std::string_view(der));
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  const int half = (EVP_PKEY_get_bits(pair_.get()) + 7) / 8;
  std::string raw(2 * static_cast<std::size_t>(half), '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), data_of(raw), half);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), data_of(raw) + half, half);
  ECDSA_SIG_free(signature);
  return raw;
}

std::string SigningKey::sign_pss(std::string_view input) const {
  return sign_with(pair_.get(), input, EVP_sha256(), true);
}

std::string SigningKey::sign_der(std::string_view input, Hash hash) const {
  return sign_with(pair_.get(), input, digest_of(hash), false);
}

std::string SigningKey::number(const char* name) const {
  BIGNUM* value = nullptr;
  const bool found = EVP_PKEY_get_bn_param(pair_.get(), name, &value) == 1;
  assert(found);
  static_cast<void>(found);
  const bool coordinate = EVP_PKEY_get_base_id(pair_.get()) == EVP_PKEY_EC;
  const int size = coordinate ? (EVP_PKEY_get_bits(pair_.get()) + 7) / 8 : BN_num_bytes(value);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  BN_bn2binpad(value, data_of(bytes), size);
  BN_free(value);
  return bytes;
}

std::string SigningKey::jwk(std::string_view more) const {
  std::string text;
  if (pair_ == nullptr) {
    text = R"({"kty":"oct","k":")" + base64url(secret_) + '"';
  } else if (EVP_PKEY_get_base_id(pair_.get()) == EVP_PKEY_EC) {
    const int bits = EVP_PKEY_get_bits(pair_.get());
    text = R"({"kty":"EC","crv":"P-)" + std::to_string(bits) + R"(","x":")" + base64url(number("qx")) + R"(","y":")" +
           base64url(number("qy")) + '"';
  } else {
    text = R"({"kty":"RSA","n":")" + base64url(number("n")) + R"(","e":")" + base64url(number("e")) + '"';
  }
  if (!more.empty()) text += "," + std::string(more);
  return text + "}";
}

std::string SigningKey::public_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, pair_.get());
  return drained(bio);
}

std::string SigningKey::public_der() const {
  BIO* bio = BIO_new(BIO_s_mem());
  i2d_PUBKEY_bio(bio, pair_.get());
  return drained(bio);
}

std::string SigningKey::pkcs1_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  OSSL_ENCODER_CTX* encoder =
      OSSL_ENCODER_CTX_new_for_pkey(pair_.get(), EVP_PKEY_PUBLIC_KEY, "PEM", "type-specific", nullptr);
  OSSL_ENCODER_to_bio(encoder, bio);
  OSSL_ENCODER_CTX_free(encoder);
  return drained(bio);
}

std::string key_set_of(std::initializer_list<std::string> jwks) {
  std::string text = R"({"keys":[)";
  for (const std::string& jwk : jwks) {
    if (text.back() != '[') text += ',';
    text += jwk;
  }
  return text + "]}";
}

std::string TestKeys::key_set() const {
  return key_set_of({rsa.jwk(R"("kid":"rsa","alg":"RS256","use":"sig")"), ec.jwk(R"("kid":"ec","alg":"ES256")"),
                     mac.jwk(R"("kid":"mac")")});
}

const TestKeys& test_keys() {
  static const TestKeys keys;
  return keys;
}

std::string claims(std::string_view left_out, std::string_view more) {
  const std::pair<std::string_view, std::string> all[] = {
      {"iss", '"' + std::string(kIssuer) + '"'},
      {"aud", '"' + std::string(kAudience) + '"'},
      {"sub", R"("user-1")"},
      {"iat", std::to_string(kTestNowSeconds - 10)},
      {"exp", std::to_string(kTestNowSeconds + 600)},
  };
  std::string text;
  for (const auto& [name, value] : all) {
    if (name == left_out) continue;
    text += text.empty() ? "{" : ",";
    text += '"' + std::string(name) + "\":" + value;
  }
  if (!more.empty()) text += "," + std::string(more);
  return text + "}";
}

std::string token(std::string_view header, std::string_view payload, const SigningKey& key, SigningKey::Hash hash) {
  const std::string input = base64url(header) + "." + base64url(payload);
  return input + "." + base64url(key.sign(input, hash));
}

std::string token_with(std::string_view header, std::string_view payload, std::string_view signature) {
  return base64url(header) + "." + base64url(payload) + "." + base64url(signature);
}

std::unique_ptr<TokenVerifier> verifier_of(std::string_view key_set) {
  Result<KeySet> keys = KeySet::parse(key_set);
  assert(keys.has_value());
  return std::make_unique<JwtVerifier>(std::make_unique<FixedKeys>(std::move(*keys)),
                                       Expected{.issuer = std::string(kIssuer), .audience = std::string(kAudience)});
}

}  // namespace windfall::http
