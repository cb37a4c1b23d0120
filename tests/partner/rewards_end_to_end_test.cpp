// Use case, gateway and sandbox partner over real HTTP on loopback, with faults and a signature: every effect ends up
// in the book, once.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "adapters/http/sandbox/sandbox_handler.hpp"
#include "adapters/http/transport/server.hpp"
#include "partner/partner_fixture.hpp"
#include "partner/reward_world.hpp"

namespace windfall::test {
namespace {

using partner::WebhookSecret;

class RealClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
  }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  }
};

class InlineBlocking final : public Blocking {
 public:
  void submit(std::function<void()> work, std::function<void()> done) override {
    work();
    done();
  }
};

constexpr std::chrono::seconds kGuard{60};  // a machine that is busy with other things

TEST(RewardsEndToEnd, are_in_the_book_once_each_in_spite_of_faults) {
  constexpr int kRewards = 300;
  RealClock clock;
  const WebhookSecret secret = WebhookSecret::parse("whsec_c2VjcmV0IG9mIHRoZSBlbmQtdG8tZW5kIHRlc3Q=").value();
  http::EventLoop loop;
  http::SandboxPartner sandbox(http::SandboxBook(),
                               {.faults = {.fail = 0.1, .timeout = 0.05, .duplicate = 0.05, .latency_ms = 1},
                                .seed = 42,
                                .hold_ms = 1000,
                                .signature_holds = [&](const http::PartnerRequest& request) {
                                  return secret.accepts({.id = request.webhook_id,
                                                         .timestamp = request.webhook_timestamp,
                                                         .signature = request.webhook_signature,
                                                         .body = request.body},
                                                        clock.now().ms / 1000);
                                }});
  http::SandboxHandler handler(loop, sandbox);
  http::Server server(loop, handler);
  const std::uint16_t port = server.listen("127.0.0.1", 0).value();

  partner::ClientSettings client;
  client.url = "http://127.0.0.1:" + std::to_string(port);
  client.secret = secret;
  client.timeout_ms = 500;
  partner::CurlPointsGateway gateway(partner::PartnerClient::open(client, clock).value(),
                                     [&loop](std::function<void()> what) { loop.post(std::move(what)); });

  MemoryEffects effects;
  for (int i = 0; i < kRewards; ++i) effects.add(100 + i, clock.now());
  InlineBlocking blocking;
  CountingMeter meter;
  std::mt19937_64 dice(42);
  std::vector<http::Timer> timers;
  FulfilReward::Settings settings = FulfilReward::dev();
  settings.first_retry_ms = 20;
  settings.max_retry_ms = 200;
  settings.call_timeout_ms = client.timeout_ms;
  settings.parallel = 32;
  std::optional<FulfilReward> reward;
  reward.emplace(
      FulfilReward::Ports{.effects = effects,
                          .blocking = blocking,
                          .gateway = gateway,
                          .notifier = gateway,
                          .clock = clock,
                          .meter = meter,
                          .settle = [&](std::vector<EffectSettled> settled) -> Task<Result<bool>> {
                            for (const EffectSettled& one : settled) effects.apply(one);
                            if (effects.count(RowState::done) + effects.count(RowState::dead) == kRewards)
                              loop.post([&] { loop.stop(); });
                            co_return true;
                          },
                          .after =
                              [&](std::int64_t delay, std::function<void()> what) {
                                timers.push_back(loop.call_after(std::chrono::milliseconds(delay), std::move(what)));
                              },
                          .random = [&] { return dice(); },
                          .log = [](const FulfilReward::LogLine&) {}},
      settings);
  http::Timer guard = loop.call_after(kGuard, [&loop] { loop.stop(); });
  detach([](FulfilReward& started) -> Task<void> {
    auto starting = started.start();
    static_cast<void>(co_await starting);
  }(*reward));
  loop.run();

  EXPECT_EQ(effects.count(RowState::done), kRewards);
  EXPECT_EQ(effects.count(RowState::dead), 0);
  EXPECT_GT(meter.calls, kRewards) << "there were faults";
  EXPECT_EQ(sandbox.book().size(), static_cast<std::size_t>(kRewards));
  std::string book;
  sandbox.book().append_json(book);
  for (int i = 0; i < kRewards; ++i) {
    const std::string user = "\"user" + std::to_string(i + 1) + "\"";
    EXPECT_NE(book.find("\"userId\":" + user + ",\"promotionId\":\"p\",\"amount\":" + std::to_string(100 + i) +
                        ",\"times\":1"),
              std::string::npos)
        << user;
  }
  handler.release();
}

}  // namespace
}  // namespace windfall::test
