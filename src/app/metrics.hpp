// /metrics: what Prometheus reads. Names and units are documented in docs/operations.md; no user id is ever a label.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/api/api.hpp"
#include "app/wiring/backend.hpp"

namespace windfall::app {

/// Calls to the partner since the start of the process.
struct PartnerCounters {
  std::uint64_t accruals = 0;
  std::uint64_t notifications = 0;
  std::uint64_t asks = 0;
  std::uint64_t not_done = 0;
  std::uint64_t done = 0;
  std::uint64_t dead = 0;
  bool accruals_stopped = false;  ///< by its breaker
  bool notifications_stopped = false;
};

struct MetricsParts {
  const http::Api& api;
  PromotionStore& store;
  Refusals& refusals;
  Backend::Figures log;
  const Inbox& inbox;
  const JudgeInbound& judge;
  const Jobs& jobs;
  const PartnerCounters& partner;
  const Effects::Gauges& effects;
  const std::vector<CodeLevel>& codes;
  /// Ages, as of now. Those of work that other processes of the data directory do are not known here.
  struct Ages {
    std::optional<std::int64_t> projection_ms;   ///< of the oldest event that the ledger has not seen
    std::optional<std::int64_t> fulfilment_ms;   ///< of the oldest accrual that is not settled
    std::optional<std::int64_t> unknown_ms;      ///< of the oldest accrual whose outcome nobody knows
    std::optional<std::int64_t> ledger_sync_ms;  ///< since the last sync of the ledger's documents
    std::optional<std::int64_t> segment_ms;      ///< since a running lottery's segment began that is not open yet
  } ages;
  int in_flight = 0;
  std::size_t connections = 0;
};

/// Prometheus text format 0.0.4.
[[nodiscard]] std::string metrics_text(const MetricsParts& parts);

}  // namespace windfall::app
