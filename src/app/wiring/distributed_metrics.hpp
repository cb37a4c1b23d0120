// What /metrics shows of the distributed mode besides: how full the outboxes are, and how Redis is spoken to; and what
// /readyz says of the ledger. Names are documented in docs/operations.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/client/client.hpp"
#include "adapters/redis/store/redis_store.hpp"
#include "app/wiring/backend.hpp"
#include "application/on_event/relay_outbox.hpp"

namespace windfall::app {

struct DistributedParts {
  const redis::RedisStore& store;
  const redis::Client& client;
  const RelayOutbox& relay;
  bool kafka = false;                          ///< it has acknowledged a message
  std::optional<std::uint64_t> ledger_behind;  ///< events, where somebody looks
};

[[nodiscard]] std::vector<Backend::Figures::Metric> distributed_metrics(const DistributedParts& parts);

/// How the ledger is, where it has not answered for `silent_ms`, and by how many events it is behind, where somebody
/// looks. Without it joins go on, so no process is taken out of service for it.
[[nodiscard]] std::string words_of_ledger(std::int64_t silent_ms, std::optional<std::uint64_t> behind);

}  // namespace windfall::app
