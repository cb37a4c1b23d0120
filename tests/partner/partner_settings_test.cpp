// What a partner's URL and secret may look like, and signatures by the standard's published example.
#include <gtest/gtest.h>

#include "adapters/partner/partner_url.hpp"
#include "partner/partner_fixture.hpp"

namespace windfall::test {
namespace {

using partner::checked_partner_url;
using partner::WebhookSecret;

TEST(APartnersUrl, is_https_or_stays_on_this_machine) {
  EXPECT_EQ(checked_partner_url("https://api.example.com/v2/").value(), "https://api.example.com/v2");
  EXPECT_EQ(checked_partner_url("http://127.0.0.1:9000").value(), "http://127.0.0.1:9000");
  EXPECT_EQ(checked_partner_url("http://localhost:9000/").value(), "http://localhost:9000");
  EXPECT_EQ(checked_partner_url("http://[::1]:9000").value(), "http://[::1]:9000");
  EXPECT_EQ(checked_partner_url("http://127.8.8.8").value(), "http://127.8.8.8");
}

TEST(APartnersUrl, is_refused_with_a_reason) {
  const auto refusal = [](std::string_view url) {
    const auto checked = checked_partner_url(url);
    return checked ? "accepted as " + *checked : checked.error().message;
  };
  EXPECT_EQ(refusal("http://api.example.com"), "http is allowed to loopback only; use https");
  EXPECT_EQ(refusal("http://127.0.0.1.example.com"), "http is allowed to loopback only; use https");
  EXPECT_EQ(refusal("http://10.0.0.1"), "http is allowed to loopback only; use https");
  EXPECT_EQ(refusal("http://0.0.0.0"), "http is allowed to loopback only; use https");
  EXPECT_EQ(refusal("http://[::ffff:10.0.0.1]"), "http is allowed to loopback only; use https");
  EXPECT_EQ(refusal("ftp://127.0.0.1"), "the scheme must be https");
  EXPECT_EQ(refusal("https://me:secret@api.example.com"), "a user or password in it would end up in logs");
  EXPECT_EQ(refusal("https://api.example.com/?key=1"), "paths are appended to it, so it has no query or fragment");
  for (const std::string_view bad :
       {"", "api.example.com", "https://", "https://a b", "file:///etc/passwd", "https://a\r\nb"}) {
    EXPECT_FALSE(checked_partner_url(bad).has_value()) << bad;
  }
}

TEST(APartnerClient, opens_without_a_secret_only_in_development) {
  FixedClock clock;
  partner::ClientSettings settings;
  settings.url = "https://api.example.com";
  const auto refused = partner::PartnerClient::open(settings, clock);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, FailureCode::invalid);
  settings.allow_unsigned = true;
  EXPECT_TRUE(partner::PartnerClient::open(settings, clock).has_value());
  settings.url = "http://api.example.com";
  EXPECT_FALSE(partner::PartnerClient::open(settings, clock).has_value());
}

// The example of the Standard Webhooks libraries' own tests.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTimestamp = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

TEST(ASignature, is_that_of_the_published_example) {
  EXPECT_EQ(WebhookSecret::parse(kSecret).value().sign(kId, kTimestamp, kBody), kSignature);
}

TEST(ASignature, is_accepted_within_five_minutes_and_among_others) {
  const WebhookSecret secret = WebhookSecret::parse(kSecret).value();
  const std::string others = "v1,bm9uc2Vuc2U= v2,x " + std::string(kSignature);
  partner::SignedCall call{.id = kId, .timestamp = "1614265330", .signature = kSignature, .body = kBody};
  EXPECT_TRUE(secret.accepts(call, kTimestamp));
  EXPECT_TRUE(secret.accepts(call, kTimestamp + 300));
  EXPECT_FALSE(secret.accepts(call, kTimestamp + 301));
  EXPECT_FALSE(secret.accepts(call, kTimestamp - 301));
  call.signature = others;
  EXPECT_TRUE(secret.accepts(call, kTimestamp));
  call.signature = "v1,bm9uc2Vuc2U=";
  EXPECT_FALSE(secret.accepts(call, kTimestamp));
  call.signature = "";
  EXPECT_FALSE(secret.accepts(call, kTimestamp));
  call = {.id = kId, .timestamp = "1614265330 ", .signature = kSignature, .body = kBody};
  EXPECT_FALSE(secret.accepts(call, kTimestamp));
  call = {.id = kId, .timestamp = "1614265330", .signature = kSignature, .body = "{}"};
  EXPECT_FALSE(secret.accepts(call, kTimestamp));
  call = {.id = "msg_other", .timestamp = "1614265330", .signature = kSignature, .body = kBody};
  EXPECT_FALSE(secret.accepts(call, kTimestamp));
}

TEST(ASecret, is_whsec_and_base64_of_any_length_and_never_shown) {
  EXPECT_TRUE(WebhookSecret::parse("whsec_AA==").has_value());
  EXPECT_TRUE(WebhookSecret::parse("whsec_" + std::string(400, 'A')).has_value());
  for (const std::string_view bad : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AA",
                                     "whsec_A===", "whsec_AAA=x", "whsec_ÄÄ==", "whsec_A-_="}) {
    const auto parsed = WebhookSecret::parse(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().message, "the partner's secret must be whsec_ followed by base64");
  }
}

}  // namespace
}  // namespace windfall::test
