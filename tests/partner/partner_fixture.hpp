// What the tests of the gateway share: a clock, a loop that is the test's own thread, and an accrual.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "adapters/partner/curl_points_gateway.hpp"

namespace windfall::test {

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {1'750'000'000'999}; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return 0; }
};

/// The loop thread is the test's: functions wait until it takes them.
class TestLoop {
 public:
  void post(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(what));
    arrived_.notify_one();
  }
  /// Runs one posted function; false if none comes within ten seconds.
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(10), [this] { return !posted_.empty(); })) return false;
    auto what = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    what();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> posted_;
};

inline Accrual an_accrual() {
  return {.event_id = "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d",
          .user_id = "민지\"7",
          .promotion_id = "summer",
          .amount = 50,
          .occurred_at = {1'749'999'999'001}};
}

inline Notification a_notification() {
  return {.event_id = "0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d",
          .user_id = "민지\"7",
          .promotion_id = "summer",
          .kind = "WIN",
          .title = "행운 주사위 당첨: 아메리카노",
          .body = "축하합니다!\nYou won"};
}

/// The body of a partner's answer that names an_accrual().
inline std::string its_booking(std::string_view user = "민지\\\"7", std::int64_t amount = 50) {
  return R"({"eventId":"0197901e-91a0-8cc5-98c4-2e1f0a8b9c3d","userId":")" + std::string(user) +
         R"(","promotionId":"summer","amount":)" + std::to_string(amount) + "}";
}

/// A gateway to a URL, with calls that wait for their answers.
class TestGateway {
 public:
  explicit TestGateway(std::string url, std::optional<partner::WebhookSecret> secret = std::nullopt) {
    partner::ClientSettings settings;
    settings.url = std::move(url);
    settings.secret = std::move(secret);
    settings.allow_unsigned = !settings.secret;
    settings.timeout_ms = 400;
    settings.connect_timeout_ms = 300;
    auto client = partner::PartnerClient::open(std::move(settings), clock_);
    if (!client) throw std::runtime_error(client.error().message);
    gateway_.emplace(std::move(*client), [this](std::function<void()> what) { loop_.post(std::move(what)); });
  }

  PartnerAnswer accrue(Accrual accrual = an_accrual()) {
    return wait([&](auto done) { gateway_->accrue(std::move(accrual), std::move(done)); });
  }
  PartnerAnswer ask(Accrual accrual = an_accrual()) {
    return wait([&](auto done) { gateway_->ask(std::move(accrual), std::move(done)); });
  }
  PartnerAnswer notify(Notification notification = a_notification()) {
    return wait([&](auto done) { gateway_->notify(std::move(notification), std::move(done)); });
  }
  [[nodiscard]] PointsGateway& gateway() { return *gateway_; }
  [[nodiscard]] TestLoop& loop() { return loop_; }

 private:
  template <class Start>
  PartnerAnswer wait(Start start) {
    std::optional<PartnerAnswer> answer;
    start([&answer](PartnerAnswer with) { answer = std::move(with); });
    while (!answer && loop_.run_one()) continue;
    if (!answer) throw std::runtime_error("no answer within ten seconds");
    return std::move(*answer);
  }

  FixedClock clock_;
  TestLoop loop_;
  std::optional<partner::CurlPointsGateway> gateway_;
};

/// "Done", "NeverSeen", "Retry", "Unknown", "Refused", "Mismatch".
inline std::string name(const PartnerAnswer& answer) {
  constexpr const char* kNames[] = {"Done", "NeverSeen", "Retry", "Unknown", "Refused", "Mismatch"};
  return kNames[answer.index()];
}

/// The reason given, if any.
inline std::string reason(const PartnerAnswer& answer) {
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (requires { one.why; }) return one.why;
        return {};
      },
      answer);
}

}  // namespace windfall::test
