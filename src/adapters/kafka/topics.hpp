// The topics that Windfall uses: their names, what they must be like, and making them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/kafka/client.hpp"

namespace windfall::kafka {

/// Names under a prefix, which lets installations share brokers.
struct TopicNames {
  std::string events;       ///< what was decided; key: promotion id
  std::string inbound;      ///< what pages and collectors saw; key: user id
  std::string events_dlt;   ///< messages that could not be read, with the reason
  std::string inbound_dlt;  ///< the same for inbound
  std::string warm_up;      ///< nobody reads it: the first message of a producer goes there
  [[nodiscard]] std::vector<std::string> all() const { return {events, inbound, events_dlt, inbound_dlt, warm_up}; }
};
[[nodiscard]] TopicNames topic_names(std::string_view prefix = {});

/// [A-Za-z0-9._-], and short enough that every topic's name is one (Kafka ends at 249).
[[nodiscard]] bool valid_topic_prefix(std::string_view prefix);

/// Events are kept for good in the ledger; in Kafka they stay as long as an outage of a consumer may last, and no
/// longer, since they name people.
inline constexpr std::int64_t kRetentionMs = std::int64_t{7} * 86'400'000;
/// Of the topic that nobody reads.
inline constexpr std::int64_t kWarmUpRetentionMs = 60'000;

struct TopicPlan {
  std::string prefix;
  /// The most consumers that share the work; fixed once there are events, since keys move when it grows.
  int partitions = 12;
  int replication_factor = 3;
  /// With three replicas, one may be lost and nothing that was acknowledged is.
  int min_insync_replicas = 2;
};

struct TopicReport {
  enum class State : unsigned char { as_planned, made, would_be_made, differs };
  std::string topic;
  State state = State::as_planned;
  std::vector<std::string> differences;  ///< "partitions: 6, planned 12"
};

/// Makes the topics that are missing, unless it is a dry run, and says where those that are there differ from the plan;
/// they are never changed. Blocking. Failures: unavailable; invalid (the brokers refuse the plan); conflict (not
/// allowed).
Result<std::vector<TopicReport>> apply_topics(const std::string& brokers, const Settings& settings,
                                              const TopicPlan& plan, bool dry_run);

}  // namespace windfall::kafka
