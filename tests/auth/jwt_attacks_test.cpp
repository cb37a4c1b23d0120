// Tokens that somebody made in order to get in. Each row is one way to try; none may work. Next to every family stands
// the honest token that differs from it in nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "auth/forging.hpp"

namespace windfall::http {
namespace {

using Hash = SigningKey::Hash;

struct Attack {
  std::string name;
  std::string token;
};
using Attacks = std::vector<Attack>;

const std::string kRs = R"({"alg":"RS256","typ":"JWT","kid":"rsa"})";
const std::string kEs = R"({"alg":"ES256","typ":"JWT","kid":"ec"})";
const std::string kHs = R"({"alg":"HS256","typ":"JWT","kid":"mac"})";

std::string date(std::int64_t seconds_from_now) { return std::to_string(kTestNowSeconds + seconds_from_now); }

std::string part(const std::string& token, int index) {
  std::size_t begin = 0;
  for (; index > 0; --index) begin = token.find('.', begin) + 1;
  return token.substr(begin, token.find('.', begin) - begin);
}

/// What is wrong is the form: a lenient reader would find a good signature in most of these.
Attacks malformed() {
  const std::string good = token(kHs, claims(), test_keys().mac);
  const std::string head = part(good, 0);
  const std::string body = part(good, 1);
  const std::string mac = part(good, 2);
  std::string loose = good;  // 32 bytes leave two unused bits in the last character
  loose.back() = static_cast<char>(loose.back() + 1);
  const std::string ff = token(kHs, claims("", R"("x":"???>>>")"), test_keys().mac);
  std::string standard = ff;
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  EXPECT_NE(ff, standard);
  return {
      {"empty", ""},
      {"one part", head},
      {"header and payload without a signature", head + "." + body},
      {"four parts", good + "." + mac},
      {"five parts, as of a JWE", good + "." + mac + "." + mac},
      {"a dot at the end", good + "."},
      {"a dot at the beginning", "." + good},
      {"dots only", ".."},
      {"empty header", "." + body + "." + mac},
      {"empty payload", head + ".." + mac},
      {"empty signature", head + "." + body + "."},
      {"padding", good + "="},
      {"padded header", head + "=." + body + "." + mac},
      {"unused bits set in the signature", loose},
      {"the alphabet of plain base64", standard},
      {"a space before", " " + good},
      {"a line end after", good + "\n"},
      {"a line end inside", head + "." + body.substr(0, 8) + "\n" + body.substr(8) + "." + mac},
      {"a NUL after", good + std::string(1, '\0')},
      {"a NUL and more after", good + std::string(1, '\0') + "x"},
      {"a byte above ASCII", good + "\xc3\xa9"},
      {"percent-encoded dots", head + "%2E" + body + "%2E" + mac},
      {"the scheme once more", "Bearer " + good},
      {"JSON serialization",
       R"({"protected":")" + head + R"(","payload":")" + body + R"(","signature":")" + mac + "\"}"},
      {"over 8 KiB, signed well", token(kHs, claims("", R"("x":")" + std::string(6200, 'x') + '"'), test_keys().mac)},
      {"a megabyte of dots", std::string(1 << 20, '.')},
  };
}

Attacks unsigned_or_renamed() {
  const TestKeys& k = test_keys();
  const auto named = [&](const std::string& alg) { return R"({"alg":)" + alg + "}"; };
  return {
      {"alg none without a signature", token_with(named(R"("none")"), claims(), "")},
      {"alg none with a kid", token_with(R"({"alg":"none","kid":"rsa"})", claims(), "")},
      {"alg None", token_with(named(R"("None")"), claims(), "")},
      {"alg NONE", token_with(named(R"("NONE")"), claims(), "")},
      {"alg nOnE", token_with(named(R"("nOnE")"), claims(), "")},
      {"alg none with a good HMAC", token(named(R"("none")"), claims(), k.mac)},
      {"alg none with a good RSA signature", token(named(R"("none")"), claims(), k.rsa)},
      {"no alg", token("{}", claims(), k.mac)},
      {"empty alg", token(named(R"("")"), claims(), k.mac)},
      {"alg null", token(named("null"), claims(), k.mac)},
      {"alg a number", token(named("256"), claims(), k.mac)},
      {"alg true", token(named("true"), claims(), k.mac)},
      {"alg a list", token(named(R"(["HS256"])"), claims(), k.mac)},
      {"alg in lower case", token(named(R"("hs256")"), claims(), k.mac)},
      {"alg with a space", token(named(R"("HS256 ")"), claims(), k.mac)},
      {"alg with a NUL", token(named("\"HS256\\u0000\""), claims(), k.mac)},
      {"alg twice, the good one last", token(R"({"alg":"none","alg":"HS256"})", claims(), k.mac)},
      {"alg twice, the good one first", token(R"({"alg":"HS256","alg":"none"})", claims(), k.mac)},
      {"alg twice, once escaped", token(R"({"alg":"HS256","\u0061lg":"none"})", claims(), k.mac)},
      {"Alg beside no alg", token(R"({"Alg":"HS256"})", claims(), k.mac)},
      {"HS384 by the right secret", token(named(R"("HS384")"), claims(), k.mac, Hash::sha384)},
      {"HS512 by the right secret", token(named(R"("HS512")"), claims(), k.mac, Hash::sha512)},
      {"RS384 by the right key", token(named(R"("RS384")"), claims(), k.rsa, Hash::sha384)},
      {"RS512 by the right key", token(named(R"("RS512")"), claims(), k.rsa, Hash::sha512)},
      {"ES384 by the right key", token(named(R"("ES384")"), claims(), k.ec, Hash::sha384)},
      {"ES512 by the right key", token(named(R"("ES512")"), claims(), k.ec, Hash::sha512)},
      {"EdDSA", token(named(R"("EdDSA")"), claims(), k.ec)},
      {"an algorithm for encryption", token(named(R"("RSA-OAEP")"), claims(), k.rsa)},
  };
}

Attacks pss() {
  const std::string header = R"({"alg":"PS256","kid":"rsa"})";
  const std::string input = base64url(header) + "." + base64url(claims());
  const std::string as_rs256 = base64url(kRs) + "." + base64url(claims());
  return {
      {"PS256 by the right key", input + "." + base64url(test_keys().rsa.sign_pss(input))},
      {"PSS under the name of RS256", as_rs256 + "." + base64url(test_keys().rsa.sign_pss(as_rs256))},
  };
}

/// Public keys are public: whoever verifies an HMAC with one has given the key away.
Attacks confused() {
  const TestKeys& k = test_keys();
  const std::string rsa_jwk = k.rsa.jwk(R"("kid":"rsa","alg":"RS256","use":"sig")");
  const auto secrets = std::vector<std::pair<std::string, std::string>>{
      {"the RSA key's PEM", k.rsa.public_pem()},
      {"the RSA key's PEM without its last line end", k.rsa.public_pem().substr(0, k.rsa.public_pem().size() - 1)},
      {"the RSA key's PKCS #1 PEM", k.rsa.pkcs1_pem()},
      {"the RSA key's DER", k.rsa.public_der()},
      {"the RSA modulus", k.rsa.number("n")},
      {"the RSA modulus in base64url", base64url(k.rsa.number("n"))},
      {"the RSA exponent", k.rsa.number("e")},
      {"the RSA key's JWK", rsa_jwk},
      {"the whole key set", k.key_set()},
      {"the EC key's PEM", k.ec.public_pem()},
      {"the EC key's DER", k.ec.public_der()},
      {"the EC key's x", k.ec.number("qx")},
      {"the EC key's point", "\x04" + k.ec.number("qx") + k.ec.number("qy")},
      {"nothing", ""},
      {"zeros", std::string(32, '\0')},
      {"the kid", "rsa"},
      {"the issuer", std::string(kIssuer)},
  };
  Attacks attacks;
  for (const auto& [name, bytes] : secrets) {
    const SigningKey forged = SigningKey::secret(bytes);
    attacks.push_back(
        {"HS256 with " + name + ", naming the RSA key", token(R"({"alg":"HS256","kid":"rsa"})", claims(), forged)});
    attacks.push_back(
        {"HS256 with " + name + ", naming the EC key", token(R"({"alg":"HS256","kid":"ec"})", claims(), forged)});
    attacks.push_back({"HS256 with " + name + ", naming no key", token(R"({"alg":"HS256"})", claims(), forged)});
  }
  attacks.push_back(
      {"RS256 in name, the PEM's HMAC in fact", token(kRs, claims(), SigningKey::secret(k.rsa.public_pem()))});
  attacks.push_back({"the right secret, naming the RSA key", token(R"({"alg":"HS256","kid":"rsa"})", claims(), k.mac)});
  attacks.push_back({"the right RSA key, naming the EC key", token(R"({"alg":"RS256","kid":"ec"})", claims(), k.rsa)});
  attacks.push_back({"the right RSA key, naming the secret", token(R"({"alg":"RS256","kid":"mac"})", claims(), k.rsa)});
  attacks.push_back({"the right EC key under the name of RS256", token(kRs, claims(), k.ec)});
  attacks.push_back({"the right RSA key under the name of ES256", token(kEs, claims(), k.rsa)});
  attacks.push_back({"the right EC key, naming the RSA key", token(R"({"alg":"ES256","kid":"rsa"})", claims(), k.ec)});
  return attacks;
}

/// The attacker's own key, brought along in every way that the header knows.
Attacks embedded() {
  const SigningKey& evil = test_keys().stranger_rsa;
  const std::string jwk = evil.jwk(R"("kid":"evil")");
  const std::string certificate = R"(["MIIBszCCARygAwIBAgIUe"])";
  const auto rs = [&](const std::string& more) { return token(R"({"alg":"RS256",)" + more + "}", claims(), evil); };
  return {
      {"jwk in the header", rs(R"("jwk":)" + jwk)},
      {"jwk in the header, with its kid", rs(R"("kid":"evil","jwk":)" + jwk)},
      {"jwk in the header, with a known kid", rs(R"("kid":"rsa","jwk":)" + evil.jwk(R"("kid":"rsa")"))},
      {"oct jwk in the header",
       token(R"({"alg":"HS256","jwk":)" + test_keys().stranger_mac.jwk() + "}", claims(), test_keys().stranger_mac)},
      {"EC jwk in the header",
       token(R"({"alg":"ES256","jwk":)" + test_keys().stranger_ec.jwk() + "}", claims(), test_keys().stranger_ec)},
      {"jku of the attacker", rs(R"("jku":"https://evil.example/jwks.json")")},
      {"jku of the attacker, with a known kid", rs(R"("kid":"rsa","jku":"https://evil.example/jwks.json")")},
      {"jku of a file", rs(R"("jku":"file:///tmp/jwks.json")")},
      {"x5u of the attacker", rs(R"("x5u":"https://evil.example/chain.pem")")},
      {"x5c of the attacker", rs(R"("x5c":)" + certificate)},
      {"x5c and a known kid", rs(R"("kid":"rsa","x5c":)" + certificate)},
      {"x5t of the attacker", rs(R"("x5t":"dGh1bWJwcmludA")")},
      {"unknown kid", rs(R"("kid":"evil")")},
      {"kid of /dev/null and the empty secret",
       token(R"({"alg":"HS256","kid":"../../../../dev/null"})", claims(), SigningKey::secret(""))},
      {"kid with SQL",
       token(R"({"alg":"HS256","kid":"x' UNION SELECT 'secret"})", claims(), SigningKey::secret("secret"))},
      {"kid in capitals", token(R"({"alg":"HS256","kid":"MAC"})", claims(), test_keys().mac)},
      {"kid with a space", token(R"({"alg":"HS256","kid":"mac "})", claims(), test_keys().mac)},
      {"empty kid", token(R"({"alg":"HS256","kid":""})", claims(), test_keys().mac)},
      {"kid null", token(R"({"alg":"HS256","kid":null})", claims(), test_keys().mac)},
      {"kid a number", token(R"({"alg":"HS256","kid":0})", claims(), test_keys().mac)},
      {"kid a list", token(R"({"alg":"HS256","kid":["mac"]})", claims(), test_keys().mac)},
      {"kid twice", token(R"({"alg":"HS256","kid":"evil","kid":"mac"})", claims(), test_keys().mac)},
  };
}

Attacks strange_headers() {
  const auto with = [](const std::string& more) {
    return token(R"({"alg":"HS256","kid":"mac")" + more + "}", claims(), test_keys().mac);
  };
  const auto whole = [](const std::string& header) { return token(header, claims(), test_keys().mac); };
  return {
      {"crit that names exp", with(R"(,"crit":["exp"],"exp":1)")},
      {"crit that names what is unknown", with(R"(,"crit":["windfall"],"windfall":true)")},
      {"empty crit", with(R"(,"crit":[])")},
      {"crit null", with(R"(,"crit":null)")},
      {"crit and b64", with(R"(,"crit":["b64"],"b64":false)")},
      {"b64 without crit", with(R"(,"b64":false)")},
      {"typ of a JWE", with(R"(,"typ":"JWE")")},
      {"typ of a logout token", with(R"(,"typ":"logout+jwt")")},
      {"typ of a DPoP proof", with(R"(,"typ":"dpop+jwt")")},
      {"typ a number", with(R"(,"typ":1)")},
      {"typ null", with(R"(,"typ":null)")},
      {"header is a list", whole(R"(["HS256"])")},
      {"header is a string", whole(R"("HS256")")},
      {"header is no JSON", whole("alg=HS256")},
      {"header with text after it", whole(R"({"alg":"HS256"}x)")},
      {"two headers in one", whole(R"({"alg":"HS256"}{"alg":"HS256"})")},
      {"header cut short", whole(R"({"alg":"HS256")")},
      {"header with a trailing comma", whole(R"({"alg":"HS256",})")},
      {"header with a comment", whole(R"({"alg":"HS256"/**/})")},
      {"header with a byte order mark", whole("\xef\xbb\xbf{\"alg\":\"HS256\"}")},
      {"header with bad UTF-8", whole("{\"alg\":\"HS256\",\"x\":\"\xff\"}")},
      {"header with a lone surrogate", whole(R"({"alg":"HS256","x":"\ud800"})")},
      {"header nested to the limit of its size", whole(R"({"alg":"HS256","x":)" + std::string(5000, '[') + "}")},
      {"header with duplicates deep inside", whole(R"({"alg":"HS256","x":{"a":1,"a":2}})")},
  };
}

Attacks bad_signatures() {
  const TestKeys& k = test_keys();
  const std::string input = base64url(kEs) + "." + base64url(claims());
  const std::string ec = k.ec.sign(input);
  // The order of P-256.
  const std::string order = *codec::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const std::string zero(32, '\0');
  const std::string one = std::string(31, '\0') + "\x01";
  const std::string rsa = k.rsa.sign(base64url(kRs) + "." + base64url(claims()));
  const std::string mac = k.mac.sign(base64url(kHs) + "." + base64url(claims()));
  const auto es = [&](const std::string& signature) { return token_with(kEs, claims(), signature); };
  const auto rs = [&](const std::string& signature) { return token_with(kRs, claims(), signature); };
  const auto hs = [&](const std::string& signature) { return token_with(kHs, claims(), signature); };
  EXPECT_EQ(token(kRs, claims(), k.rsa), rs(rsa)) << "the rows below differ from a good token by one step";
  return {
      {"RS256 by a stranger", token(kRs, claims(), k.stranger_rsa)},
      {"ES256 by a stranger", token(kEs, claims(), k.stranger_ec)},
      {"HS256 by a stranger", token(kHs, claims(), k.stranger_mac)},
      {"RS256 by a stranger, no kid", token(R"({"alg":"RS256"})", claims(), k.stranger_rsa)},
      {"ES256 by a stranger, no kid", token(R"({"alg":"ES256"})", claims(), k.stranger_ec)},
      {"HS256 by a stranger, no kid", token(R"({"alg":"HS256"})", claims(), k.stranger_mac)},
      {"RS256 of another payload", token_with(kRs, claims("sub", R"("sub":"user-2")"), rsa)},
      {"ES256 of another payload", token_with(kEs, claims("sub", R"("sub":"user-2")"), ec)},
      {"HS256 of another payload", token_with(kHs, claims("sub", R"("sub":"user-2")"), mac)},
      {"RS256 of another header", token_with(R"({"alg":"RS256","kid":"rsa"})", claims(), rsa)},
      {"HS256 of another header", token_with(R"({"alg":"HS256","kid":"mac"})", claims(), mac)},
      {"RS256 over SHA-512",
       token_with(kRs, claims(), k.rsa.sign(base64url(kRs) + "." + base64url(claims()), Hash::sha512))},
      {"ES256 over SHA-384", es(k.ec.sign(input, Hash::sha384))},
      {"RS256 of zeros", rs(std::string(256, '\0'))},
      {"RS256 of ones", rs(std::string(256, '\xff'))},
      {"RS256 whose signature is 1", rs(std::string(255, '\0') + "\x01")},
      {"RS256 whose signature is the modulus", rs(k.rsa.number("n"))},
      {"RS256 with a zero before", rs(std::string(1, '\0') + rsa)},
      {"RS256 with a byte after", rs(rsa + "x")},
      {"RS256 cut short", rs(rsa.substr(0, 255))},
      {"ES256 with r and s zero", es(zero + zero)},
      {"ES256 with r and s the order", es(order + order)},
      {"ES256 with r zero", es(zero + ec.substr(32))},
      {"ES256 with s zero", es(ec.substr(0, 32) + zero)},
      {"ES256 with r and s one", es(one + one)},
      {"ES256 with r and s exchanged", es(ec.substr(32) + ec.substr(0, 32))},
      {"ES256 in DER", es(k.ec.sign_der(input))},
      {"ES256 with longer numbers", es(std::string(1, '\0') + ec.substr(0, 32) + std::string(1, '\0') + ec.substr(32))},
      {"ES256 with a byte after", es(ec + "x")},
      {"ES256 cut short", es(ec.substr(0, 63))},
      {"HS256 of zeros", hs(std::string(32, '\0'))},
      {"HS256 cut to 128 bits", hs(mac.substr(0, 16))},
      {"HS256 cut by a byte", hs(mac.substr(0, 31))},
      {"HS256 with a byte after", hs(mac + "x")},
      {"HS256 in hex", hs(codec::to_hex(codec::bytes_of(mac)))},
  };
}

/// Signed well, by the right key, and still not for us, not now, or not understood.
Attacks wrong_claims() {
  struct Row {
    std::string name;
    std::string left_out;
    std::string more;
  };
  std::string many = R"("segments":["s")";
  for (int i = 0; i < 64; ++i) many += R"(,"s")";
  const std::vector<Row> rows{
      {"no exp", "exp", ""},
      {"exp null", "exp", R"("exp":null)"},
      {"exp a string", "exp", R"("exp":")" + date(600) + '"'},
      {"exp true", "exp", R"("exp":true)"},
      {"exp a list", "exp", R"("exp":[)" + date(600) + "]"},
      {"exp beyond the year 9999", "exp", R"("exp":253402300800)"},
      {"exp in milliseconds", "exp", R"("exp":)" + date(600) + "000"},
      {"exp beyond any double", "exp", R"("exp":1e999)"},
      {"exp beyond 64 bits", "exp", R"("exp":9223372036854775808)"},
      {"exp negative", "exp", R"("exp":-1)"},
      {"exp far below zero", "exp", R"("exp":-9223372036854775808)"},
      {"exp zero", "exp", R"("exp":0)"},
      {"expired an hour ago", "exp", R"("exp":)" + date(-3600)},
      {"expired just beyond the skew", "exp", R"("exp":)" + date(-kSkewSeconds)},
      {"expired a fraction beyond the skew", "exp", R"("exp":)" + date(-kSkewSeconds - 1) + ".999"},
      {"exp twice, the good one last", "exp", R"("exp":1,"exp":)" + date(600)},
      {"exp twice, the good one first", "", R"("exp":1)"},
      {"nbf in an hour", "", R"("nbf":)" + date(3600)},
      {"nbf just beyond the skew", "", R"("nbf":)" + date(kSkewSeconds + 1)},
      {"nbf a string", "", R"("nbf":"0")"},
      {"nbf null", "", R"("nbf":null)"},
      {"iat just beyond the skew", "iat", R"("iat":)" + date(kSkewSeconds + 1)},
      {"iat a string", "iat", R"("iat":"now")"},
      {"iat an object", "iat", R"("iat":{})"},
      {"no iss", "iss", ""},
      {"another iss", "iss", R"("iss":"https://evil.example")"},
      {"iss with a slash", "iss", R"("iss":"https://issuer.example/")"},
      {"iss in capitals", "iss", R"("iss":"HTTPS://ISSUER.EXAMPLE")"},
      {"iss that begins well", "iss", R"("iss":"https://issuer.example.evil.example")"},
      {"iss with a NUL", "iss", "\"iss\":\"https://issuer.example\\u0000\""},
      {"iss a list", "iss", R"("iss":["https://issuer.example"])"},
      {"iss null", "iss", R"("iss":null)"},
      {"no aud", "aud", ""},
      {"another aud", "aud", R"("aud":"elsewhere")"},
      {"aud that begins well", "aud", R"("aud":"windfall-test")"},
      {"aud with several in one", "aud", R"("aud":"windfall elsewhere")"},
      {"empty aud", "aud", R"("aud":"")"},
      {"empty list of aud", "aud", R"("aud":[])"},
      {"aud of others", "aud", R"("aud":["a","b"])"},
      {"aud with a number", "aud", R"("aud":["windfall",1])"},
      {"aud in a list of lists", "aud", R"("aud":[["windfall"]])"},
      {"aud an object", "aud", R"("aud":{"windfall":true})"},
      {"no sub", "sub", ""},
      {"sub a number", "sub", R"("sub":1)"},
      {"sub null", "sub", R"("sub":null)"},
      {"sub a list", "sub", R"("sub":["user-1"])"},
      {"empty sub", "sub", R"("sub":"")"},
      {"sub twice", "", R"("sub":"user-2")"},
      {"segments a string", "", R"("segments":"vip")"},
      {"segments null", "", R"("segments":null)"},
      {"segments an object", "", R"("segments":{"vip":true})"},
      {"segments with a number", "", R"("segments":["vip",1])"},
      {"segments with a list", "", R"("segments":[["vip"]])"},
      {"segments with an empty one", "", R"("segments":[""])"},
      {"segments with a space", "", R"("segments":["v ip"])"},
      {"segments with a comma", "", R"("segments":["a,b"])"},
      {"segments of 65 characters", "", R"("segments":[")" + std::string(65, 's') + R"("])"},
      {"65 segments", "", many + "]"},
  };
  Attacks attacks;
  for (const Row& row : rows)
    attacks.push_back({row.name, token(kHs, claims(row.left_out, row.more), test_keys().mac)});
  return attacks;
}

Attacks strange_payloads() {
  const auto whole = [](const std::string& payload) { return token(kHs, payload, test_keys().mac); };
  const std::string inner = token(kHs, claims(), test_keys().mac);
  return {
      {"payload is a list", whole("[" + claims() + "]")},
      {"payload is a string", whole(R"("sub")")},
      {"payload is null", whole("null")},
      {"payload is no JSON", whole("sub=user-1")},
      {"payload is another token", token(R"({"alg":"HS256","kid":"mac","cty":"JWT"})", inner, test_keys().mac)},
      {"payload with text after it", whole(claims() + "x")},
      {"two payloads in one", whole(claims() + claims())},
      {"payload with a NUL after it", whole(claims() + std::string(1, '\0'))},
      {"payload with a byte order mark", whole("\xef\xbb\xbf" + claims())},
      {"payload with bad UTF-8", whole(claims("sub", "\"sub\":\"\xc3\x28\""))},
      {"payload with overlong UTF-8", whole(claims("sub", "\"sub\":\"\xc0\xaf\""))},
      {"payload with NaN", whole(claims("exp", R"("exp":NaN)"))},
      {"payload with Infinity", whole(claims("exp", R"("exp":Infinity)"))},
      {"payload with duplicates deep inside", whole(claims("", R"("x":{"a":1,"a":2})"))},
      {"payload nested to the limit of its size", whole(claims("", R"("x":)" + std::string(5000, '[')))},
  };
}

Attacks all_attacks() {
  Attacks all;
  for (auto* family : {&malformed, &unsigned_or_renamed, &pss, &confused, &embedded, &strange_headers, &bad_signatures,
                       &wrong_claims, &strange_payloads}) {
    Attacks attacks = family();
    std::move(attacks.begin(), attacks.end(), std::back_inserter(all));
  }
  return all;
}

TEST(JwtAttacks, LetNobodyIn) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  for (const Attack& attack : all_attacks()) {
    EXPECT_FALSE(verifier->verify(attack.token, kTestNow)) << attack.name;
  }
}

TEST(JwtAttacks, LetNobodyInWhenRepeated) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  for (int round = 0; round < 2; ++round) {
    for (const Attack& attack : all_attacks()) {
      EXPECT_FALSE(verifier->verify(attack.token, kTestNow)) << attack.name;
    }
    EXPECT_TRUE(verifier->verify(token(kHs, claims(), test_keys().mac), kTestNow)) << "and nobody is locked out";
  }
}

TEST(JwtAttacks, DifferFromTokensThatAreAccepted) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(k.key_set());
  for (const auto& [header, key] : {std::pair{kRs, &k.rsa}, {kEs, &k.ec}, {kHs, &k.mac}}) {
    EXPECT_TRUE(verifier->verify(token(header, claims(), *key), kTestNow)) << header;
  }
  EXPECT_TRUE(verifier->verify(token(R"({"alg":"HS256"})", claims(), k.mac), kTestNow));
  EXPECT_TRUE(verifier->verify(token(kHs, claims("exp", R"("exp":)" + date(1 - kSkewSeconds)), k.mac), kTestNow));
  EXPECT_TRUE(verifier->verify(token(kHs, claims("", R"("nbf":)" + date(kSkewSeconds)), k.mac), kTestNow));
  EXPECT_TRUE(verifier->verify(token(kHs, claims("sub", R"("sub":")" + std::string(128, 'u') + '"'), k.mac), kTestNow));
  EXPECT_TRUE(verifier->verify(token(kHs, claims("", R"("x":")" + std::string(5500, 'x') + '"'), k.mac), kTestNow));
}

TEST(JwtAttacks, AreManyAndHaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Attack& attack : all_attacks()) EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
  EXPECT_GE(names.size(), 60U);
}

TEST(JwtAttacks, DoNotSucceedByChangingAnyOneCharacter) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(k.key_set());
  for (const std::string& good : {token(kHs, claims(), k.mac), token(kEs, claims(), k.ec)}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char c : {'A', 'B', '_', '.', '='}) {
        std::string changed = good;
        if (std::exchange(changed[at], c) == c) continue;
        EXPECT_FALSE(verifier->verify(changed, kTestNow)) << "character " << at << " became " << c;
      }
      EXPECT_FALSE(verifier->verify(good.substr(0, at), kTestNow)) << "cut after " << at;
    }
    EXPECT_TRUE(verifier->verify(good, kTestNow));
  }
}

}  // namespace
}  // namespace windfall::http
