// How much of a topic a group has not read yet, as the brokers know it.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/kafka/client.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::kafka {

/// Messages between what the group has committed and the end, over all partitions; commits follow reading by up to
/// Consumer::kCommitMs. Blocking, at most some seconds. unavailable: the brokers do not say.
Result<std::int64_t> unread(const std::string& brokers, const Settings& settings, const std::string& group,
                            const std::string& topic);

}  // namespace windfall::kafka
