// Fills a partition's hot state anew from the log, beside what is there or is not there any more, and puts it into
// force: epoch e + 1, whose first event follows the last one that the ledger has. Other partitions decide meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/client/client.hpp"
#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "domain/kernel/event.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// The log as a rebuild reads it.
struct LogSource {
  /// The next events of the partition behind that one, in order, about so many; none: that was the last.
  std::function<Task<Result<std::vector<Recorded>>>(PartitionNo, Sequence after, std::size_t most)> events;
  /// Where the ledger stands, and from now on has the partition in that epoch: it drops what still comes of earlier
  /// ones. False if it has gone on since `last`: read what came in between, and ask again.
  std::function<Task<Result<bool>>(PartitionNo, Epoch next, Sequence last)> begin_epoch;
};

struct Rebuilt {
  Epoch epoch;
  Sequence last;             ///< the next event follows it
  std::uint64_t events = 0;  ///< folded
  std::uint64_t lost = 0;    ///< decided in the epoch before, confirmed or not, and in no log
};

/// Rebuilds one partition. `known` is what this process knows of its last header, `last_epoch` the ledger's. Failures:
/// unavailable; conflict (somebody else put another header into force meanwhile); damaged (the log has a gap).
Task<Result<Rebuilt>> rebuild(Client& client, FunctionLibrary& script, PartitionNo partition, std::string promotion_id,
                              std::optional<Header> known, Epoch last_epoch, LogSource log);

}  // namespace windfall::redis
