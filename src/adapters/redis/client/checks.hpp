// What the servers have to be set to before Windfall keeps its promises on them, read from every node at the start.
#pragma once

#include <string>
#include <vector>

#include "adapters/redis/client/client.hpp"
#include "application/port/task.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// One thing an operator should know about one node.
struct Finding {
  enum class Weight : unsigned char {
    violation,   ///< a promise would not hold: do not start
    unverified,  ///< it could not be looked at
    note,        ///< worth a line in the log
  };
  Weight weight = Weight::note;
  Endpoint node;
  std::string what;  ///< "maxmemory-policy is allkeys-lru, not noeviction"
  std::string how;   ///< how to set it, or what it means
};

/// Asks every master and replica; a replica may be a master in a moment. Looked at: version (7 or later: functions),
/// appendonly, appendfsync always, maxmemory-policy noeviction, min-replicas-to-write = the client's `replicas`,
/// repl-timeout, and whether each master has its replicas. In the order of nodes. unavailable: no node answered.
Task<Result<std::vector<Finding>>> check_servers(Client& client);

/// As a log line shows it.
[[nodiscard]] std::string text_of(const Finding& finding);

}  // namespace windfall::redis
