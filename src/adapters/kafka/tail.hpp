// What a topic holds behind what a group has committed: for a rebuild, which must not wait until the group's members
// have found each other again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "adapters/kafka/client.hpp"
#include "adapters/kafka/consumer.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::kafka {

struct Tail {
  std::string brokers;
  std::string group;  ///< from what it has committed, or from the beginning; nothing is committed
  std::string topic;
  int deadline_ms = 20'000;  ///< of the whole
  Settings settings;
};

/// Hands out every message up to where the topic ended when this was called, in order per partition; how many. Ends
/// with the first failure of `take`. Blocking. unavailable: the brokers do not give it within the deadline.
Result<std::uint64_t> read_tail(const Tail& tail, const std::function<Result<bool>(const Message&)>& take);

}  // namespace windfall::kafka
