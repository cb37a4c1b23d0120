// How much of a topic a group has not read yet, as the brokers know it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/kafka/client.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::kafka {

/// Where a partition of the topic ends, and up to where the group has committed it.
struct Progress {
  std::int64_t read = 0;
  std::int64_t end = 0;
};
/// Of each partition; commits follow reading by up to Consumer::kCommitMs. Blocking, at most some seconds. unavailable:
/// the brokers do not say.
Result<std::vector<Progress>> progress(const std::string& brokers, const Settings& settings, const std::string& group,
                                       const std::string& topic);

/// Messages between what the group has committed and the end, over all partitions. As progress().
Result<std::int64_t> unread(const std::string& brokers, const Settings& settings, const std::string& group,
                            const std::string& topic);

}  // namespace windfall::kafka
