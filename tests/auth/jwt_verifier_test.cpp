// What a good token grants, for how long it is remembered, and what an opened verifier needs.
#include "adapters/http/auth/jwt_verifier.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "adapters/http/auth/verifier.hpp"
#include "adapters/system/clock.hpp"
#include "auth/forging.hpp"

namespace windfall::http {
namespace {

const std::string kHs = R"({"alg":"HS256","kid":"mac"})";

Instant after_seconds(std::int64_t seconds) { return {kTestNow.ms + (seconds * 1000)}; }

/// Keys that a test exchanges under the verifier.
class TurnedKeys final : public KeySource {
 public:
  explicit TurnedKeys(std::string_view text) { turn(text); }
  void turn(std::string_view text) { keys_ = std::make_shared<const KeySet>(KeySet::parse(text).value()); }
  std::shared_ptr<const KeySet> current() override { return keys_; }
  void missed() override { ++misses; }

  int misses = 0;

 private:
  std::shared_ptr<const KeySet> keys_;
};

struct Turnable {
  explicit Turnable(std::string_view text) : Turnable(std::make_unique<TurnedKeys>(text)) {}
  TurnedKeys& keys;
  JwtVerifier verifier;

 private:
  explicit Turnable(std::unique_ptr<TurnedKeys> source)
      : keys(*source),
        verifier(std::move(source), {.issuer = std::string(kIssuer), .audience = std::string(kAudience)}) {}
};

TEST(JwtVerifier, AcceptsEachAlgorithmWithAndWithoutKid) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(k.key_set());
  const std::vector<std::pair<std::string, const SigningKey*>> good{
      {R"({"alg":"RS256","kid":"rsa"})", &k.rsa}, {R"({"alg":"RS256"})", &k.rsa},
      {R"({"alg":"ES256","kid":"ec"})", &k.ec},   {R"({"alg":"ES256"})", &k.ec},
      {R"({"alg":"HS256","kid":"mac"})", &k.mac}, {R"({"alg":"HS256"})", &k.mac},
  };
  for (const auto& [header, key] : good) {
    const auto claimed = verifier->verify(token(header, claims(), *key), kTestNow);
    ASSERT_TRUE(claimed) << header;
    EXPECT_EQ("user-1", claimed->subject);
    EXPECT_TRUE(claimed->segments.empty());
  }
}

TEST(JwtVerifier, TakesTheTypesOfAccessTokensInAnyCase) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  for (const std::string type : {"JWT", "jwt", "at+jwt", "AT+JWT"}) {
    EXPECT_TRUE(
        verifier->verify(token(R"({"alg":"HS256","typ":")" + type + "\"}", claims(), test_keys().mac), kTestNow))
        << type;
  }
}

TEST(JwtVerifier, IgnoresKeysInTheHeaderOfATokenThatIsGoodWithoutThem) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(k.key_set());
  const std::string header = R"({"alg":"RS256","kid":"rsa","jku":"https://elsewhere.example","jwk":)" +
                             k.stranger_rsa.jwk() + R"(,"x5u":"https://elsewhere.example","x5c":["AAAA"]})";
  EXPECT_TRUE(verifier->verify(token(header, claims(), k.rsa), kTestNow));
}

TEST(JwtVerifier, GivesTheSegmentsOfTheTokenInItsOrder) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  const std::string longest(64, 's');
  const auto read = verifier->verify(
      token(kHs, claims("", R"("segments":["vip","new_2-B",")" + longest + R"("])"), test_keys().mac), kTestNow);
  ASSERT_TRUE(read);
  EXPECT_EQ((std::vector<std::string>{"vip", "new_2-B", longest}), read->segments);
  EXPECT_TRUE(verifier->verify(token(kHs, claims("", R"("segments":[])"), test_keys().mac), kTestNow));
}

TEST(JwtVerifier, TakesUserIdsOfAnyScript) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  const auto read = verifier->verify(token(kHs, claims("sub", R"("sub":"사용자-\uc77c")"), test_keys().mac), kTestNow);
  ASSERT_TRUE(read);
  EXPECT_EQ("사용자-일", read->subject);
}

TEST(JwtVerifier, FindsItsAudienceAmongOthers) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  EXPECT_TRUE(verifier->verify(token(kHs, claims("aud", R"("aud":["other","windfall"])"), test_keys().mac), kTestNow));
}

TEST(JwtVerifier, ReadsDatesWithFractions) {
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(test_keys().key_set());
  const std::string fraction = R"("exp":)" + std::to_string(kTestNowSeconds) + ".25";
  const std::string made = token(kHs, claims("exp", fraction), test_keys().mac);
  const Instant end{kTestNow.ms + 250 + kClockSkewMs};
  EXPECT_TRUE(verifier->verify(made, {end.ms - 1}));
  EXPECT_FALSE(verifier->verify(made, end));
  EXPECT_TRUE(verifier->verify(token(kHs, claims("exp", R"("exp":1.75000001e9)"), test_keys().mac), kTestNow));
}

TEST(JwtVerifier, NamesTheFirstFault) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(k.key_set());
  const std::string good = token(kHs, claims(), k.mac);
  const auto with = [&](std::string_view left_out, const std::string& more) {
    return token(kHs, claims(left_out, more), k.mac);
  };
  struct Row {
    std::string token;
    std::string_view fault;
  };
  const std::vector<Row> rows{
      {"nonsense", "unknown"},
      {"a.b", "unknown"},
      {"!.!.!", "malformed"},
      {token("[]", claims(), k.mac), "malformed"},
      {std::string(kMaxTokenBytes + 1, 'a'), "malformed"},
      {token_with(R"({"alg":"none"})", claims(), ""), "alg"},
      {token(R"({"alg":"ES256","kid":"mac"})", claims(), k.ec), "alg"},
      {token(R"({"alg":"HS256","kid":"new"})", claims(), k.mac), "kid"},
      {token(kHs, claims(), k.stranger_mac), "signature"},
      {token(kHs, claims("aud", R"("aud":"elsewhere")"), k.stranger_mac), "signature"},
      {good.substr(0, good.rfind('.') + 1), "signature"},
      {with("iss", ""), "iss"},
      {with("aud", R"("aud":"elsewhere")"), "aud"},
      {with("exp", ""), "exp"},
      {with("exp", R"("exp":1)"), "exp"},
      {with("", R"("nbf":)" + std::to_string(kTestNowSeconds + 3600)), "nbf"},
      {with("sub", R"("sub":"")"), "sub"},
      {with("", R"("segments":"vip")"), "segments"},
  };
  for (const Row& row : rows) {
    const auto verified = verifier->verify(row.token, kTestNow);
    ASSERT_FALSE(verified) << row.fault;
    EXPECT_EQ(row.fault, text_of(verified.error()).name);
  }
}

TEST(JwtVerifier, TriesEveryKeyOfTheAlgorithmIfNoneIsNamed) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier = verifier_of(
      key_set_of({k.stranger_mac.jwk(R"("kid":"a")"), k.rsa.jwk(R"("kid":"b")"), k.mac.jwk(R"("kid":"c")")}));
  EXPECT_TRUE(verifier->verify(token(R"({"alg":"HS256"})", claims(), k.mac), kTestNow));
  EXPECT_TRUE(verifier->verify(token(R"({"alg":"HS256","kid":"c"})", claims(), k.mac), kTestNow));
  EXPECT_FALSE(verifier->verify(token(R"({"alg":"HS256","kid":"a"})", claims(), k.mac), kTestNow))
      << "a named key is the only one";
}

TEST(JwtVerifier, TellsKeysOfOneKidApartByTheirAlgorithm) {
  const TestKeys& k = test_keys();
  const std::unique_ptr<TokenVerifier> verifier =
      verifier_of(key_set_of({k.rsa.jwk(R"("kid":"a")"), k.ec.jwk(R"("kid":"a")")}));
  EXPECT_TRUE(verifier->verify(token(R"({"alg":"ES256","kid":"a"})", claims(), k.ec), kTestNow));
  EXPECT_TRUE(verifier->verify(token(R"({"alg":"RS256","kid":"a"})", claims(), k.rsa), kTestNow));
  EXPECT_FALSE(verifier->verify(token(R"({"alg":"RS256","kid":"a"})", claims(), k.ec), kTestNow));
}

TEST(JwtVerifier, RemembersATokenUntilItExpiresAndNotAMillisecondLonger) {
  Turnable world(test_keys().key_set());
  const std::string made = token(kHs, claims(), test_keys().mac);  // exp is in 600 s
  const Instant end = after_seconds(600 + kSkewSeconds);
  EXPECT_TRUE(world.verifier.verify(made, kTestNow));
  EXPECT_EQ(1U, world.verifier.verified().size());
  EXPECT_TRUE(world.verifier.verify(made, {end.ms - 1}));
  EXPECT_EQ(1U, world.verifier.verified().size());
  EXPECT_FALSE(world.verifier.verify(made, end));
  EXPECT_EQ(0U, world.verifier.verified().size()) << "what has expired is forgotten";
  EXPECT_FALSE(world.verifier.verify(made, after_seconds(100'000)));
}

TEST(JwtVerifier, DoesNotLetARememberedTokenInBeforeItsTime) {
  Turnable world(test_keys().key_set());
  const std::string made = token(kHs, claims("", R"("nbf":)" + std::to_string(kTestNowSeconds)), test_keys().mac);
  EXPECT_TRUE(world.verifier.verify(made, kTestNow));
  EXPECT_TRUE(world.verifier.verify(made, after_seconds(-kSkewSeconds)));
  EXPECT_FALSE(world.verifier.verify(made, {kTestNow.ms - kClockSkewMs - 1})) << "a clock may be set back";
  EXPECT_TRUE(world.verifier.verify(made, kTestNow));
}

TEST(JwtVerifier, RemembersNoTokenThatIsNotGoodNow) {
  Turnable world(test_keys().key_set());
  EXPECT_FALSE(world.verifier.verify(token(kHs, claims(), test_keys().stranger_mac), kTestNow));
  EXPECT_FALSE(world.verifier.verify(token(kHs, claims(), test_keys().mac), after_seconds(100'000)));
  EXPECT_EQ(0U, world.verifier.verified().size());
}

TEST(JwtVerifier, ForgetsEveryTokenWhenTheKeysChange) {
  const TestKeys& k = test_keys();
  Turnable world(k.key_set());
  const std::string made = token(kHs, claims(), k.mac);
  EXPECT_TRUE(world.verifier.verify(made, kTestNow));
  world.keys.turn(key_set_of({k.stranger_mac.jwk(R"("kid":"mac")")}));
  EXPECT_FALSE(world.verifier.verify(made, kTestNow)) << "its key was withdrawn";
  EXPECT_TRUE(world.verifier.verify(token(kHs, claims(), k.stranger_mac), kTestNow));
}

TEST(JwtVerifier, AsksForNewKeysOnlyWhenAKidIsUnknown) {
  Turnable world(test_keys().key_set());
  EXPECT_TRUE(world.verifier.verify(token(kHs, claims(), test_keys().mac), kTestNow));
  EXPECT_FALSE(world.verifier.verify(token(kHs, claims(), test_keys().stranger_mac), kTestNow));
  EXPECT_FALSE(world.verifier.verify("nonsense", kTestNow));
  EXPECT_EQ(0, world.keys.misses);
  EXPECT_FALSE(world.verifier.verify(token(R"({"alg":"HS256","kid":"new"})", claims(), test_keys().mac), kTestNow));
  EXPECT_EQ(1, world.keys.misses);
}

TEST(VerifiedTokens, AreBoundedAndTheOldestMakesRoom) {
  VerifiedTokens tokens;
  const auto digest = [](std::size_t i) { return VerifiedTokens::digest_of(std::to_string(i)); };
  for (std::size_t i = 0; i < VerifiedTokens::kMaxTokens + 10; ++i) {
    tokens.keep(digest(i), {.claims = {.subject = std::to_string(i), .segments = {}}, .from = {0}, .until = {100}});
  }
  EXPECT_EQ(VerifiedTokens::kMaxTokens, tokens.size());
  EXPECT_EQ(nullptr, tokens.find(digest(9), {50}));
  const TokenVerifier::Claims* tenth = tokens.find(digest(10), {50});
  ASSERT_NE(nullptr, tenth);
  EXPECT_EQ("10", tenth->subject);
}

TEST(VerifiedTokens, StayBoundedWhenClocksGoBackAndForth) {
  VerifiedTokens tokens;
  const VerifiedTokens::Digest digest = VerifiedTokens::digest_of("a");
  for (std::size_t i = 0; i < 3 * VerifiedTokens::kMaxTokens; ++i) {
    tokens.keep(digest, {.claims = {.subject = "a", .segments = {}}, .from = {0}, .until = {100}});
    EXPECT_NE(nullptr, tokens.find(digest, {50}));
    EXPECT_EQ(nullptr, tokens.find(digest, {100}));
  }
  EXPECT_EQ(0U, tokens.size());
}

class OpenedJwtVerifier : public testing::Test {
 protected:
  OpenedJwtVerifier() {
    std::filesystem::create_directory(folder_);
    std::ofstream(path_) << test_keys().key_set();
    // It holds a secret beside the public keys.
    std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  ~OpenedJwtVerifier() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] JwtSettings settings() const {
    return {.jwks = path_.string(), .issuer = std::string(kIssuer), .audience = std::string(kAudience)};
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("windfall-jwt-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  const std::filesystem::path path_ = folder_ / "jwks.json";
};

TEST_F(OpenedJwtVerifier, ReadsItsKeysFromAFile) {
  auto verifier = open_jwt_verifier(settings());
  ASSERT_TRUE(verifier) << verifier.error().message;
  EXPECT_TRUE((*verifier)->verify(token(kHs, claims(), test_keys().mac), kTestNow));
  EXPECT_FALSE((*verifier)->verify(token(kHs, claims(), test_keys().stranger_mac), kTestNow));
}

TEST_F(OpenedJwtVerifier, WantsAllOfItsSettings) {
  for (std::string JwtSettings::* member : {&JwtSettings::jwks, &JwtSettings::issuer, &JwtSettings::audience}) {
    JwtSettings incomplete = settings();
    incomplete.*member = "";
    const auto verifier = open_jwt_verifier(incomplete);
    ASSERT_FALSE(verifier);
    EXPECT_EQ(FailureCode::invalid, verifier.error().code);
  }
}

TEST_F(OpenedJwtVerifier, TellsWhichFileCannotBeReadOrIsWrong) {
  JwtSettings missing = settings();
  missing.jwks = (folder_ / "missing.json").string();
  auto verifier = open_jwt_verifier(missing);
  ASSERT_FALSE(verifier);
  EXPECT_EQ(FailureCode::unavailable, verifier.error().code);
  EXPECT_NE(std::string::npos, verifier.error().message.find("missing.json"));

  JwtSettings folder = settings();
  folder.jwks = folder_.string();
  verifier = open_jwt_verifier(folder);
  ASSERT_FALSE(verifier);
  EXPECT_EQ(FailureCode::unavailable, verifier.error().code);

  std::ofstream(path_) << R"({"keys":[{"kty":"oct","kid":"short","k":"c2hvcnQ"}]})";
  verifier = open_jwt_verifier(settings());
  ASSERT_FALSE(verifier);
  EXPECT_EQ(FailureCode::invalid, verifier.error().code);
  EXPECT_NE(std::string::npos, verifier.error().message.find("jwks.json"));
  EXPECT_NE(std::string::npos, verifier.error().message.find("keys[0] (kid \"short\")"));
}

TEST_F(OpenedJwtVerifier, RefusesAFileBeyondAnyKeySet) {
  std::ofstream(path_) << test_keys().key_set() << std::string(KeySet::kMaxBytes, ' ');
  const auto verifier = open_jwt_verifier(settings());
  ASSERT_FALSE(verifier);
  EXPECT_EQ(FailureCode::unavailable, verifier.error().code);
}

}  // namespace
}  // namespace windfall::http
