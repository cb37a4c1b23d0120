// Small adapters between what one part offers and another asks for; only the composition uses them.
#pragma once

#include <sys/resource.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/api/api.hpp"
#include "adapters/http/transport/server.hpp"
#include "app/metrics.hpp"
#include "application/on_event/fulfil_reward.hpp"
#include "application/port/high_water.hpp"

namespace windfall::app {

/// Requests with a larger body are refused before it is read.
inline constexpr std::size_t kBodyLimit = 64 * 1024;

/// True if the list "api,listener,batch" holds the role.
inline bool has_role(const std::string& roles, std::string_view role) {
  std::string_view rest = roles;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == role) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

/// Every connection is a descriptor: takes as many as the system gives without asking. How many there are now.
inline std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

/// Of so many descriptors; the rest is for what must not fail for a crowd of idle connections: segments, databases,
/// calls to the partner, and those connections that are refused or reserved.
inline std::size_t connections_that_fit(std::size_t descriptors) {
  constexpr std::size_t kForItself = 256;
  const std::size_t kept = kForItself + http::Limits{}.refusals * 2 + http::Limits{}.reserved;
  return descriptors > 2 * kept ? descriptors - kept : descriptors / 2;
}

/// One listener of the API with what may be served there.
class SurfaceHandler final : public http::Handler {
 public:
  SurfaceHandler(http::Api& api, http::Surface surface) : api_(api), surface_(surface) {}
  void handle(const http::Request& request, http::Responder responder) override {
    api_.handle(request, std::move(responder), surface_);
  }
  [[nodiscard]] std::size_t body_limit(http::Method method, std::string_view path) const override {
    return http::Api::takes_pieces(method, path) ? http::Api::kImportLimit : kBodyLimit;
  }
  [[nodiscard]] bool takes_pieces(http::Method method, std::string_view path) const override {
    return http::Api::takes_pieces(method, path);
  }
  http::Response transport_error(http::Violation violation, std::string_view path,
                                 std::string_view accept_language) override {
    return api_.transport_error(violation, path, accept_language);
  }

 private:
  http::Api& api_;
  http::Surface surface_;
};

/// Where no backup can know less than what was given out: everything may be.
class NoMarks final : public HighWater {
 public:
  [[nodiscard]] bool covers(const PrizeOfCodes& /*prize*/, std::uint64_t /*ordinal*/) override { return true; }
  Result<bool> raise(const PrizeOfCodes& /*prize*/, std::uint64_t /*ordinal*/) override { return true; }
  [[nodiscard]] std::vector<Mark> marks() override { return {}; }
};

/// Counts calls to the partner for /metrics.
class PartnerMeter final : public FulfilReward::Meter {
 public:
  explicit PartnerMeter(PartnerCounters& counters) : counters_(counters) {}
  void called(FulfilReward::Call call, const PartnerAnswer& answer, std::int64_t) override {
    switch (call) {
      case FulfilReward::Call::accrue:
        ++counters_.accruals;
        break;
      case FulfilReward::Call::ask:
        ++counters_.asks;
        break;
      case FulfilReward::Call::notify:
        ++counters_.notifications;
        break;
    }
    if (!std::holds_alternative<PartnerDone>(answer)) ++counters_.not_done;
  }
  void settled(EffectSettled::Outcome outcome, std::size_t count) override {
    (outcome == EffectSettled::Outcome::done ? counters_.done : counters_.dead) += count;
  }
  void breaker(PartnerEndpoint endpoint, CircuitBreaker::State state) override {
    (endpoint == PartnerEndpoint::accruals ? counters_.accruals_stopped : counters_.notifications_stopped) =
        state == CircuitBreaker::State::open;
  }

 private:
  PartnerCounters& counters_;
};

}  // namespace windfall::app
