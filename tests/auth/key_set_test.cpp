// Which keys are taken, which are passed over, and which stop the server before it starts.
#include "adapters/http/auth/key_set.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "auth/forging.hpp"

namespace windfall::http {
namespace {

std::string oct(std::string_view secret, std::string_view more = {}) {
  return SigningKey::secret(std::string(secret)).jwk(more);
}

const std::string kSecret(32, 's');

TEST(KeySet, PinsTheAlgorithmOfEachKeyByItsKind) {
  const TestKeys& k = test_keys();
  const Result<KeySet> set =
      KeySet::parse(key_set_of({k.rsa.jwk(), k.ec.jwk(R"("kid":"e")"), k.mac.jwk(R"("alg":"HS256")")}));
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(3U, set->keys().size());
  EXPECT_EQ(Algorithm::rs256, set->keys()[0].algorithm);
  EXPECT_EQ(std::nullopt, set->keys()[0].kid);
  EXPECT_EQ(Algorithm::es256, set->keys()[1].algorithm);
  EXPECT_EQ("e", set->keys()[1].kid);
  EXPECT_EQ(Algorithm::hs256, set->keys()[2].algorithm);
  EXPECT_TRUE(set->has_kid("e"));
  EXPECT_FALSE(set->has_kid("E"));
  EXPECT_TRUE(set->has_secret());
}

TEST(KeySet, PassesOverKeysThatAreNotForSignatures) {
  const TestKeys& k = test_keys();
  const Result<KeySet> set = KeySet::parse(key_set_of(
      {k.stranger_rsa.jwk(R"("use":"enc","alg":"RSA-OAEP")"), k.stranger_ec.jwk(R"("key_ops":["deriveKey"])"),
       R"({"kty":"OKP","use":"enc"})", k.rsa.jwk(R"("use":"sig","key_ops":["verify"],"x5t":"abc","x5c":["AAAA"])")}));
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(1U, set->keys().size());
  EXPECT_FALSE(set->has_secret());
}

TEST(KeySet, KeepsOnlyThePublicPartOfAKeyPair) {
  const TestKeys& k = test_keys();
  const std::string rsa = k.rsa.jwk(R"("d":")" + base64url(k.rsa.number("d")) + '"');
  const std::string ec = k.ec.jwk(R"("d":")" + base64url(k.ec.number("priv")) + '"');
  const Result<KeySet> set = KeySet::parse(key_set_of({rsa, ec}));
  ASSERT_TRUE(set) << set.error().message;
  for (const VerificationKey& key : set->keys()) {
    cjose_err error{};
    char* json = cjose_jwk_to_json(key.jwk.get(), true, &error);
    ASSERT_NE(nullptr, json);
    EXPECT_EQ(std::string::npos, std::string(json).find("\"d\"")) << json;
    cjose_get_dealloc()(json);
  }
}

TEST(KeySet, TakesAModulusThatIsWrittenWithAZeroBefore) {
  const SigningKey& rsa = test_keys().rsa;
  const std::string jwk =
      R"({"kty":"RSA","n":")" + base64url(std::string(1, '\0') + rsa.number("n")) + R"(","e":"AQAB"})";
  EXPECT_TRUE(KeySet::parse(key_set_of({jwk})));
}

TEST(KeySet, TakesAsManyKeysAsItMayAndNotOneMore) {
  std::string text = R"({"keys":[)" + oct(kSecret);
  for (std::size_t i = 1; i < KeySet::kMaxKeys; ++i) text += "," + oct(kSecret);
  EXPECT_TRUE(KeySet::parse(text + "]}"));
  EXPECT_FALSE(KeySet::parse(text + "," + oct(kSecret) + "]}"));
}

TEST(KeySet, NamesIndexAndKidOfAKeyThatItRefuses) {
  const TestKeys& k = test_keys();
  const std::string n = base64url(k.rsa.number("n"));
  const std::string x = base64url(k.ec.number("qx"));
  const std::string other_y = base64url(k.stranger_ec.number("qy"));
  std::string even = k.rsa.number("n");
  even.back() = static_cast<char>(even.back() & ~1);
  struct Row {
    std::string jwk;  ///< stands second, has kid "bad"
    std::string why;
  };
  const std::vector<Row> rows{
      {R"({"kid":"bad"})", "kty"},
      {R"({"kid":"bad","kty":"OKP","crv":"Ed25519","x":"AAAA"})", "kty"},
      {R"({"kid":"bad","kty":"rsa"})", "kty"},
      {R"({"kid":"bad","kty":1})", "kty"},
      {k.rsa.jwk(R"("kid":"bad","alg":"RS512")"), "alg must be RS256"},
      {k.rsa.jwk(R"("kid":"bad","alg":"PS256")"), "alg must be RS256"},
      {k.rsa.jwk(R"("kid":"bad","alg":"HS256")"), "alg must be RS256"},
      {k.rsa.jwk(R"("kid":"bad","alg":"none")"), "alg must be RS256"},
      {k.rsa.jwk(R"("kid":"bad","alg":null)"), "alg must be RS256"},
      {k.ec.jwk(R"("kid":"bad","alg":"RS256")"), "alg must be ES256"},
      {k.mac.jwk(R"("kid":"bad","alg":"HS512")"), "alg must be HS256"},
      {k.mac.jwk(R"("kid":"bad","alg":"RS256")"), "alg must be HS256"},
      {k.mac.jwk(R"("kid":"bad","alg":"none")"), "alg must be HS256"},
      {SigningKey::rsa(1024).jwk(R"("kid":"bad")"), "1024 bits are too few"},
      {SigningKey::rsa(2040).jwk(R"("kid":"bad")"), "2040 bits are too few"},
      {R"({"kid":"bad","kty":"RSA","e":"AQAB","n":")" + base64url(std::string(1025, '\x7f')) + "\"}",
       "bits are too many"},
      {R"({"kid":"bad","kty":"RSA","e":"AQAB","n":")" + base64url(std::string(512, '\0')) + "\"}",
       "0 bits are too few"},
      {R"({"kid":"bad","kty":"RSA","e":"AQAB","n":")" + base64url(even) + "\"}", "n is even"},
      {R"({"kid":"bad","kty":"RSA","e":"AQAB"})", "n and e"},
      {R"({"kid":"bad","kty":"RSA","n":")" + n + "\"}", "n and e"},
      {R"({"kid":"bad","kty":"RSA","e":"AQAB","n":")" + n + "=\"}", "n and e"},
      {R"({"kid":"bad","kty":"RSA","e":"AQ","n":")" + n + "\"}", "e must be odd"},
      {R"({"kid":"bad","kty":"RSA","e":"AAAA","n":")" + n + "\"}", "e must be odd"},
      {R"({"kid":"bad","kty":"RSA","e":"BA","n":")" + n + "\"}", "e must be odd"},
      {R"({"kid":"bad","kty":"RSA","e":65537,"n":")" + n + "\"}", "n and e"},
      {SigningKey::ec("P-384").jwk(R"("kid":"bad")"), "crv must be P-256"},
      {R"({"kid":"bad","kty":"EC","crv":"secp256k1","x":")" + x + R"(","y":")" + x + "\"}", "crv must be P-256"},
      {R"({"kid":"bad","kty":"EC","crv":"P-256","x":")" + x + "\"}", "x and y must be"},
      {R"({"kid":"bad","kty":"EC","crv":"P-256","x":"AQ","y":"AQ"})", "x and y must be"},
      {R"({"kid":"bad","kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + other_y + "\"}", "no point of P-256"},
      {R"({"kid":"bad","kty":"oct"})", "k must be"},
      {R"({"kid":"bad","kty":"oct","k":""})", "k must be"},
      {R"({"kid":"bad","kty":"oct","k":"not base64url!"})", "k must be"},
      {oct(std::string(31, 's'), R"("kid":"bad")"), "31 bytes are too few"},
      {oct(k.rsa.public_pem(), R"("kid":"bad")"), "k is a public key"},
      {oct(k.rsa.pkcs1_pem(), R"("kid":"bad")"), "k is a public key"},
      {oct(k.rsa.public_der(), R"("kid":"bad")"), "k is a public key"},
      {oct(k.ec.public_der(), R"("kid":"bad")"), "k is a public key"},
  };
  for (const Row& row : rows) {
    const Result<KeySet> set = KeySet::parse(key_set_of({oct(kSecret, R"("kid":"good")"), row.jwk}));
    ASSERT_FALSE(set) << row.jwk;
    EXPECT_EQ(FailureCode::invalid, set.error().code);
    EXPECT_NE(std::string::npos, set.error().message.find("keys[1] (kid \"bad\")")) << set.error().message;
    EXPECT_NE(std::string::npos, set.error().message.find(row.why)) << set.error().message;
  }
}

TEST(KeySet, NamesAKeyWithoutKidByItsIndex) {
  const Result<KeySet> set = KeySet::parse(key_set_of({oct("short")}));
  ASSERT_FALSE(set);
  EXPECT_NE(std::string::npos, set.error().message.find("keys[0] (no kid)"));
}

TEST(KeySet, ShowsNoKidThatCouldForgeALogLine) {
  const Result<KeySet> set = KeySet::parse(key_set_of({oct("short", R"("kid":"a\nb\u001b[31m\"")")}));
  ASSERT_FALSE(set);
  EXPECT_NE(std::string::npos, set.error().message.find("(kid \"a?b?[31m?\")")) << set.error().message;
}

TEST(KeySet, ShowsNoSecretInAMessage) {
  const Result<KeySet> set = KeySet::parse(key_set_of({oct("short-secret", R"("kid":"a")")}));
  ASSERT_FALSE(set);
  EXPECT_EQ(std::string::npos, set.error().message.find("short-secret"));
  EXPECT_EQ(std::string::npos, set.error().message.find(base64url("short-secret")));
}

TEST(KeySet, RefusesWhatIsNoKeySet) {
  const std::string good = oct(kSecret);
  for (const std::string& text : std::vector<std::string>{
           "", "null", "[]", "{}", R"({"keys":null})", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1]})", good,
           R"({"keys":[)" + good + R"(],"keys":[)" + good + "]}", R"({"keys":[)" + good + "]}x",
           R"({"keys":[)" + good + "]", R"({"keys":[{"kty":"RSA","use":"enc"}]})",
           R"({"keys":[{"kty":"oct","kty":"oct","k":"AAAA"}]})", R"({"keys":[)" + oct(kSecret, R"("kid":7)") + "]}",
           std::string(KeySet::kMaxBytes + 1, ' ')}) {
    const Result<KeySet> set = KeySet::parse(text);
    ASSERT_FALSE(set) << text.substr(0, 100);
    EXPECT_EQ(FailureCode::invalid, set.error().code);
  }
}

}  // namespace
}  // namespace windfall::http
