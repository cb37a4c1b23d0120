#include "app/wiring/distributed_metrics.hpp"

#include "adapters/redis/commit_call.hpp"

namespace windfall::app {

namespace {

/// It is looked at four times a second; what has been silent for so long is away.
constexpr std::int64_t kSilentMs = 3000;
constexpr std::int64_t kSecondMs = 1000;

}  // namespace

std::vector<Backend::Figures::Metric> distributed_metrics(const DistributedParts& parts) {
  const RelayOutbox::Lag lag = parts.relay.lag();
  const redis::RedisStore::Counts& store = parts.store.counts();
  const redis::Cluster::Figures& client = parts.client.figures();
  std::vector<Backend::Figures::Metric> metrics{
      {"outbox_entries", "gauge", "Entries in all outboxes that Kafka has not acknowledged, at the last look.",
       lag.entries},
      {"outbox_fullest_entries", "gauge", "Of these, the most of one promotion.", lag.fullest},
      {"outbox_limit_entries", "gauge", "Entries of one promotion past which its joins are answered 503.",
       redis::kMaxOutboxEntries},
      {"relay_lag_seconds", "gauge", "Age of the oldest event that is known not to be in Kafka; 0 if none is.",
       static_cast<std::uint64_t>(lag.oldest_ms / kSecondMs)},
      {"relay_published_total", "counter", "Events that Kafka has acknowledged to this process.",
       parts.relay.published()},
      {"relay_waiting", "gauge", "1 while nothing is relayed because Kafka or Redis does not take part.",
       parts.relay.pausing() || !parts.kafka ? 1U : 0U},
      {"redis_decisions_total", "counter", "Calls of the script that decides.", store.calls},
      {"redis_proposals_total", "counter", "Proposals in these calls.", store.proposals},
      {"redis_fenced_total", "counter", "Of these calls, those that met a fenced partition.", store.fenced},
      {"redis_overloaded_total", "counter", "Of these calls, those that met a full outbox.", store.overloaded},
      {"redis_commands_total", "counter", "Commands sent to Redis, WAIT left out.", client.commands},
      {"redis_writes_total", "counter", "Writes to connections to Redis.", client.writes},
      {"redis_waits_total", "counter", "WAITs for replicas.", client.waits},
      {"redis_moved_total", "counter", "Commands that were sent on because their slot had moved.", client.moved},
      {"redis_asked_total", "counter", "Commands that were sent on because their slot was moving.", client.asked},
      {"redis_backed_off_total", "counter", "Times that a command was put off: no connection, cluster down.",
       client.backed_off},
      {"redis_connections_lost_total", "counter", "Connections that broke or could not be opened.", client.lost},
      {"redis_unknown_total", "counter", "Commands whose outcome nobody knows.", client.unknown},
      {"redis_unconfirmed_total", "counter",
       "WAITs that too few replicas confirmed; what they covered was answered 503.", client.unconfirmed},
      {"redis_maps_total", "counter", "Maps of the cluster that were read.", client.maps},
  };
  if (parts.ledger_behind) {
    metrics.push_back(
        {"ledger_behind_events", "gauge", "Events that were decided and are not in the ledger.", *parts.ledger_behind});
  }
  return metrics;
}

std::string words_of_ledger(std::int64_t silent_ms, std::optional<std::uint64_t> behind) {
  std::string words = silent_ms < kSilentMs
                          ? "answers"
                          : "away for " + std::to_string(silent_ms / kSecondMs) + " s, histories are answered 503";
  if (behind) words += "; " + std::to_string(*behind) + " events behind";
  return words;
}

}  // namespace windfall::app
