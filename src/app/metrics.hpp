// /metrics: what Prometheus reads. Names and units are documented in docs/operations.md; no user id is ever a label.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/http/api/api.hpp"

namespace windfall::app {

/// Calls to the partner since the start of the process.
struct PartnerCounters {
  std::uint64_t accruals = 0;
  std::uint64_t asks = 0;
  std::uint64_t not_done = 0;
  std::uint64_t done = 0;
  std::uint64_t dead = 0;
  bool breaker_open = false;
};

struct MetricsParts {
  const http::Api& api;
  PromotionStore& store;
  Refusals& refusals;
  const ProjectLedger& projection;
  const Jobs& jobs;
  const PartnerCounters& partner;
  int in_flight = 0;
  std::size_t connections = 0;
};

/// Prometheus text format 0.0.4.
[[nodiscard]] std::string metrics_text(const MetricsParts& parts);

}  // namespace windfall::app
