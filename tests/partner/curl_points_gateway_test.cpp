#include "adapters/partner/curl_points_gateway.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <set>

#include "partner/partner_fixture.hpp"
#include "partner/scripted_server.hpp"

namespace windfall::test {
namespace {

using partner::WebhookSecret;

/// Answers every request alike.
ScriptedServer::Play always(Script script) {
  return [script = std::move(script)](const SeenRequest&) { return script; };
}

/// One answer for POST and one for GET.
ScriptedServer::Play post_and_get(Script post, Script get) {
  return [post = std::move(post), get = std::move(get)](const SeenRequest& request) {
    return request.line().starts_with("POST") ? post : get;
  };
}

TEST(TheGateway, sends_what_the_contract_says) {
  ScriptedServer server(always(answer(201)));
  TestGateway gateway(server.url() + "/partner/");
  EXPECT_EQ(name(gateway.accrue()), "Done");
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].line(), "POST /partner/points/accruals HTTP/1.1");
  EXPECT_EQ(seen[0].header("Idempotency-Key"), "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d");
  EXPECT_EQ(seen[0].header("Content-Type"), "application/json");
  EXPECT_EQ(seen[0].header("webhook-signature"), "");
  EXPECT_EQ(
      seen[0].body,
      R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d","userId":"민지\"7","promotionId":"summer","amount":50,)"
      R"("occurredAt":"2025-06-15T15:06:39.001Z"})");
}

TEST(TheGateway, sends_notifications_as_the_contract_says) {
  ScriptedServer server(always(answer(201)));
  const auto secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").value();
  TestGateway gateway(server.url(), secret);
  EXPECT_EQ(name(gateway.notify()), "Done");
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].line(), "POST /notifications HTTP/1.1");
  EXPECT_EQ(seen[0].header("Idempotency-Key"), "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d");
  EXPECT_EQ(seen[0].header("webhook-id"), "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d");
  EXPECT_EQ(seen[0].header("webhook-signature").substr(0, 3), "v1,");
  EXPECT_EQ(
      seen[0].body,
      R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d","userId":"민지\"7","promotionId":"summer","kind":"WIN",)"
      R"("title":"행운 주사위 당첨: 아메리카노","body":"축하합니다!\nYou won"})");
}

TEST(TheGateway, reads_what_became_of_a_notification_from_one_answer) {
  const std::vector<std::pair<int, std::string>> table{{200, "Done"},    {202, "Done"},    {409, "Done"},
                                                       {401, "Retry"},   {429, "Retry"},   {503, "Retry"},
                                                       {301, "Refused"}, {404, "Refused"}, {422, "Refused"}};
  for (const auto& [status, meaning] : table) {
    ScriptedServer server(always(answer(status)));
    TestGateway gateway(server.url());
    EXPECT_EQ(name(gateway.notify()), meaning) << status;
    EXPECT_EQ(server.seen().size(), 1U) << "there is nothing to ask";
  }
  Notification odd = a_notification();
  odd.event_id = "no header\r\n";
  ScriptedServer server(always(answer(200)));
  TestGateway gateway(server.url());
  EXPECT_EQ(name(gateway.notify(odd)), "Refused");
  EXPECT_TRUE(server.seen().empty());
}

TEST(TheGateway, asks_under_the_key) {
  ScriptedServer server(always(answer(200, its_booking())));
  TestGateway gateway(server.url());
  EXPECT_EQ(name(gateway.ask()), "Done");
  ASSERT_EQ(server.seen().size(), 1U);
  EXPECT_EQ(server.seen()[0].line(), "GET /points/accruals/0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d HTTP/1.1");
  EXPECT_EQ(server.seen()[0].header("Idempotency-Key"), "");
}

TEST(TheGateway, signs_as_standard_webhooks_does) {
  ScriptedServer server(always(answer(200)));
  const std::string key = "\x01\x02 a key of any length, with \xff bytes";
  std::array<char, 128> base64{};
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), reinterpret_cast<const unsigned char*>(key.data()),
                  static_cast<int>(key.size()));
  TestGateway gateway(server.url(), WebhookSecret::parse(std::string("whsec_") + base64.data()).value());
  ASSERT_EQ(name(gateway.accrue()), "Done");
  const SeenRequest seen = server.seen().at(0);
  EXPECT_EQ(seen.header("webhook-id"), an_accrual().event_id);
  EXPECT_EQ(seen.header("webhook-timestamp"), "1750000000");

  // Computed by another library than the gateway's.
  const std::string text = an_accrual().event_id + ".1750000000." + seen.body;
  std::array<unsigned char, 32> mac{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac.data(), &length);
  base64 = {};
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), mac.data(), static_cast<int>(mac.size()));
  EXPECT_EQ(seen.header("webhook-signature"), std::string("v1,") + base64.data());
}

struct StatusRow {
  int status;
  std::string expected;
};
class TheGatewayReads : public ::testing::TestWithParam<StatusRow> {};

TEST_P(TheGatewayReads, the_status_of_an_accrual) {
  ScriptedServer server(always(answer(GetParam().status)));
  TestGateway gateway(server.url());
  EXPECT_EQ(name(gateway.accrue()), GetParam().expected);
  EXPECT_EQ(server.seen().size(), 1U) << "one request per call";
}

INSTANTIATE_TEST_SUITE_P(AllOfTheTable, TheGatewayReads,
                         ::testing::Values(StatusRow{200, "Done"}, StatusRow{201, "Done"}, StatusRow{202, "Done"},
                                           StatusRow{204, "Done"}, StatusRow{301, "Refused"}, StatusRow{302, "Refused"},
                                           StatusRow{308, "Refused"}, StatusRow{400, "Refused"},
                                           StatusRow{401, "Retry"}, StatusRow{403, "Retry"}, StatusRow{404, "Refused"},
                                           StatusRow{408, "Retry"}, StatusRow{410, "Refused"},
                                           StatusRow{422, "Refused"}, StatusRow{425, "Retry"}, StatusRow{429, "Retry"},
                                           StatusRow{500, "Retry"}, StatusRow{502, "Retry"}, StatusRow{503, "Retry"},
                                           StatusRow{504, "Retry"}, StatusRow{599, "Retry"}, StatusRow{999, "Unknown"}),
                         [](const auto& row) { return std::to_string(row.param.status); });

TEST(TheGateway, does_not_follow_redirects) {
  ScriptedServer elsewhere(always(answer(200)));
  ScriptedServer server(always(answer(307, {}, "Location: " + elsewhere.url() + "/points/accruals\r\n")));
  TestGateway gateway(server.url());
  const PartnerAnswer answered = gateway.accrue();
  EXPECT_EQ(name(answered), "Refused");
  EXPECT_EQ(reason(answered), "HTTP 307: redirects are not followed; correct the partner's URL");
  EXPECT_TRUE(elsewhere.seen().empty());
}

TEST(TheGateway, keeps_the_partners_words_and_wishes) {
  ScriptedServer server(always(answer(429, "{\"error\":\n\"천천히\"}", "Retry-After: 7\r\n")));
  TestGateway gateway(server.url());
  EXPECT_EQ(reason(gateway.accrue()), "HTTP 429, asks to wait 7 s: {\"error\": \"천천히\"}");
}

// Words stay in the log and the journal, and an erasure does not reach them there.
TEST(TheGateway, keeps_no_name_of_a_person_among_the_partners_words) {
  ScriptedServer in_json(always(answer(422, "{\"error\":\"member 민지\\\"7 is unknown\"}")));
  EXPECT_EQ(reason(TestGateway(in_json.url()).accrue()), "HTTP 422: {\"error\":\"member (userId) is unknown\"}");
  ScriptedServer in_text(always(answer(404, "no member 민지\"7")));
  EXPECT_EQ(reason(TestGateway(in_text.url()).notify()), "HTTP 404: no member (userId)");
}

TEST(TheGateway, keeps_nobody_elses_name_either) {
  ScriptedServer server(always(answer(200, its_booking("kim"))));
  const std::string why = reason(TestGateway(server.url()).ask());
  EXPECT_EQ(why.find("kim"), std::string::npos) << why;
  EXPECT_NE(why.find("\"userId\":\"(userId)\""), std::string::npos) << why;
}

TEST(TheGateway, takes_no_part_of_a_word_for_a_name) {
  ScriptedServer server(always(answer(422, "because a1 had a bad day: _a, -a, a")));
  Accrual accrual = an_accrual();
  accrual.user_id = "a";
  EXPECT_EQ(reason(TestGateway(server.url()).accrue(accrual)),
            "HTTP 422: because a1 had (userId) bad day: _a, -(userId), (userId)");
}

TEST(TheGateway, takes_a_refused_connection_for_not_sent) {
  std::string url;
  {
    ScriptedServer gone(always(answer(200)));
    url = gone.url();
  }
  EXPECT_EQ(name(TestGateway(url).accrue()), "Retry");
  EXPECT_EQ(name(TestGateway(url).ask()), "Unknown") << "asking in vain tells nothing";
}

TEST(TheGateway, takes_an_unknown_host_for_not_sent) {
  EXPECT_EQ(name(TestGateway("https://partner.invalid").accrue()), "Retry");
}

TEST(TheGateway, takes_a_failed_tls_handshake_for_not_sent) {
  ScriptedServer server(always(answer(200)));
  TestGateway gateway(server.url("https"));
  EXPECT_EQ(name(gateway.accrue()), "Retry");
  EXPECT_TRUE(server.seen().empty());
}

TEST(TheGateway, does_not_know_what_became_of_a_call_without_an_answer) {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"eventId\":";
  const std::vector<std::pair<std::string, Script>> scripts = {
      {"silence", {.sends = {}, .then = Then::hang}},
      {"closed at once", {.sends = {}, .then = Then::close}},
      {"reset", {.sends = {}, .then = Then::reset}},
      {"cut in the head", {.sends = {{.bytes = "HTTP/1.1 200 OK\r\nContent-"}}, .then = Then::close}},
      {"cut after the head", {.sends = {{.bytes = half}}, .then = Then::close}},
      {"cut after the head by a reset", {.sends = {{.bytes = half}}, .then = Then::reset}},
      {"silence after the head", {.sends = {{.bytes = half}}, .then = Then::hang}},
      {"dripping", {.sends = {{.bytes = half}, {.bytes = " ", .times = 80, .pause_ms = 10}}, .then = Then::close}},
      {"garbage", {.sends = {{.bytes = "\x15\x03\x01 hello, is it me?\r\n\r\n"}}, .then = Then::close}},
      {"a bad chunk",
       {.sends = {{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}}, .then = Then::close}},
      {"an endless head",
       {.sends = {{.bytes = "HTTP/1.1 200 OK\r\n"}, {.bytes = "X-A: " + std::string(1000, 'a') + "\r\n", .times = 100}},
        .then = Then::close}},
      {"only 100 Continue", {.sends = {{.bytes = "HTTP/1.1 100 Continue\r\n\r\n"}}, .then = Then::close}},
  };
  for (const auto& [what, script] : scripts) {
    ScriptedServer server(always(script));
    TestGateway gateway(server.url());
    const PartnerAnswer answered = gateway.accrue();
    EXPECT_EQ(name(answered), "Unknown") << what;
    EXPECT_NE(reason(answered), "") << what;
    EXPECT_EQ(server.seen().size(), 1U) << what;
    EXPECT_EQ(name(gateway.ask()), "Unknown") << what;
  }
}

TEST(TheGateway, does_not_repeat_a_post_on_a_new_connection_when_a_kept_one_closes) {
  int requests = 0;
  ScriptedServer server([&requests](const SeenRequest&) {
    return ++requests == 1 ? answer(200) : Script{.sends = {}, .then = Then::close};
  });
  TestGateway gateway(server.url());
  ASSERT_EQ(name(gateway.accrue()), "Done");
  EXPECT_EQ(name(gateway.accrue()), "Unknown");
  EXPECT_EQ(server.seen().size(), 2U);
}

TEST(TheGateway, keeps_its_connection) {
  ScriptedServer server(post_and_get(answer(200), answer(404)));
  TestGateway gateway(server.url());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(name(gateway.accrue()), "Done");
    EXPECT_EQ(name(gateway.ask()), "NeverSeen");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(TheGateway, confirms_a_409_by_asking) {
  const auto accrue_with = [](const Script& get) {
    ScriptedServer server(post_and_get(answer(409, R"({"error":"booked before"})"), get));
    TestGateway gateway(server.url());
    const std::string result = name(gateway.accrue());
    EXPECT_EQ(server.seen().size(), 2U);
    return result;
  };
  EXPECT_EQ(accrue_with(answer(200, its_booking())), "Done");
  EXPECT_EQ(accrue_with(answer(200, its_booking("someone else"))), "Mismatch");
  EXPECT_EQ(accrue_with(answer(200, its_booking("민지\\\"7", 51))), "Mismatch");
  EXPECT_EQ(accrue_with(answer(404)), "Unknown");
  EXPECT_EQ(accrue_with(answer(500)), "Unknown");
  EXPECT_EQ(accrue_with({.sends = {}, .then = Then::hang}), "Unknown");
}

TEST(TheGateway, raises_a_mismatch_when_the_answer_names_something_else) {
  const auto accrue_with = [](std::string_view body) {
    ScriptedServer server(always(answer(200, body)));
    return name(TestGateway(server.url()).accrue());
  };
  EXPECT_EQ(accrue_with(its_booking()), "Done");
  EXPECT_EQ(accrue_with(its_booking("someone else")), "Mismatch");
  EXPECT_EQ(accrue_with(its_booking("민지\\\"7", 500)), "Mismatch");
  EXPECT_EQ(accrue_with(R"({"amount":49})"), "Mismatch");
  EXPECT_EQ(accrue_with(R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3e"})"), "Mismatch");
  EXPECT_EQ(accrue_with(R"({"eventId":"0197901E-91A0-8CC5-98C4-2E1F0A8B9C3D"})"), "Done") << "the same UUID";
  EXPECT_EQ(accrue_with(R"({"ok":true})"), "Done");
  EXPECT_EQ(accrue_with("<p>thanks</p>"), "Done");
  EXPECT_EQ(accrue_with("[1,2]"), "Done");
}

TEST(TheGateway, reads_the_answer_to_a_question) {
  const auto ask_with = [](Script script) {
    ScriptedServer server(always(std::move(script)));
    return name(TestGateway(server.url()).ask());
  };
  EXPECT_EQ(ask_with(answer(200, its_booking())), "Done");
  EXPECT_EQ(ask_with(answer(200, its_booking("someone else"))), "Mismatch");
  EXPECT_EQ(ask_with(answer(200, its_booking("민지\\\"7", 51))), "Mismatch");
  EXPECT_EQ(ask_with(answer(404)), "NeverSeen");
  for (const int status : {201, 204, 302, 401, 403, 409, 410, 429, 500, 503}) {
    EXPECT_EQ(ask_with(answer(status)), "Unknown") << status;
  }
  EXPECT_EQ(ask_with(answer(200, "<p>yes</p>")), "Unknown");
  EXPECT_EQ(ask_with(answer(200, R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d"})")), "Unknown");
}

TEST(TheGateway, reads_no_answer_beyond_its_limit) {
  const std::string spaces(partner::PartnerClient::kAnswerLimit, ' ');
  ScriptedServer server(always(answer(200, spaces + its_booking("someone else"))));
  TestGateway gateway(server.url());
  EXPECT_EQ(name(gateway.accrue()), "Done") << "2xx is done";
  EXPECT_EQ(name(gateway.ask()), "Unknown");
}

TEST(TheGateway, refuses_an_event_id_that_could_forge_a_header_or_path) {
  ScriptedServer server(always(answer(200)));
  TestGateway gateway(server.url());
  for (const std::string& id : {std::string("a\r\nX-Admin: 1"), std::string("../book"), std::string()}) {
    Accrual accrual = an_accrual();
    accrual.event_id = id;
    EXPECT_EQ(name(gateway.accrue(accrual)), "Refused");
    EXPECT_EQ(name(gateway.ask(accrual)), "Unknown");
  }
  EXPECT_TRUE(server.seen().empty());
}

TEST(TheGateway, makes_many_calls_at_once) {
  constexpr int kCalls = 64;
  ScriptedServer server(always({.sends = {{.bytes = "", .pause_ms = 100}, answer(200).sends[0]}}));
  TestGateway gateway(server.url());
  int answered = 0;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) {
    gateway.gateway().accrue(an_accrual(),
                             [&](const PartnerAnswer& with) { answered += name(with) == "Done" ? 1 : 0; });
  }
  for (int i = 0; i < kCalls; ++i) ASSERT_TRUE(gateway.loop().run_one());
  EXPECT_EQ(answered, kCalls);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(100 * kCalls / 4));
}

TEST(TheGateway, is_gone_at_once_with_calls_under_way) {
  ScriptedServer server(always({.sends = {}, .then = Then::hang}));
  const auto began = std::chrono::steady_clock::now();
  {
    FixedClock clock;
    partner::ClientSettings settings;
    settings.url = server.url();
    settings.allow_unsigned = true;
    partner::CurlPointsGateway gateway(
        partner::PartnerClient::open(settings, clock).value(),
        [](const std::function<void()>&) { ADD_FAILURE() << "nobody is there any more"; });
    for (int i = 0; i < 10; ++i) gateway.accrue(an_accrual(), [](const PartnerAnswer&) { ADD_FAILURE(); });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

}  // namespace
}  // namespace windfall::test
