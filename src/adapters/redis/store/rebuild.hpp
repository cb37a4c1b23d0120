// Fills a partition's hot state anew from the log, beside what is there or is not there any more, and puts it into
// force: a later epoch, whose first event follows the last one that the ledger has. Other partitions decide meanwhile.
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
  /// When its last event was decided, as far as is known. Commands that were accepted a day before that are repeated
  /// no more, and left out.
  std::optional<Instant> last_at = {};
  /// The next events of the partition behind that one, in order, about so many; none: that was the last.
  std::function<Task<Result<std::vector<Recorded>>>(PartitionNo, Sequence after, std::size_t most)> events;
  /// Where the ledger stands, and from now on has the partition in that epoch: it drops what still comes of earlier
  /// ones. False if it has gone on since `last`: read what came in between, and ask again.
  std::function<Task<Result<bool>>(PartitionNo, Epoch next, Sequence last)> begin_epoch;
};

struct Rebuilt {
  Epoch epoch;
  Sequence last;             ///< the next event follows it
  Instant last_at;           ///< when that one was decided
  std::uint64_t events = 0;  ///< folded
};

/// The libraries that decide, and that keep order beside it (claims.hpp).
struct RebuildScripts {
  FunctionLibrary& decide;
  FunctionLibrary& beside;
};

/// Rebuilds one partition that has no header as `epoch`, which was never tried before. The order is what keeps it exact
/// whoever else does the same: the epoch is noted beside the header, so that no earlier one comes into force any more;
/// it is filled; the ledger begins it; it comes into force. Failures: unavailable; conflict (a later epoch is being
/// filled, or there is a header in force); damaged (the log has a gap).
Task<Result<Rebuilt>> rebuild(Client& client, RebuildScripts scripts, PartitionNo partition, std::string promotion_id,
                              Epoch epoch, LogSource log);

}  // namespace windfall::redis
