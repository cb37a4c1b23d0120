// Headers made and given back, and the registry of partitions. A rebuild opens the filled header of the next epoch and
// fills it from the log (partition_fill.hpp); who puts it into force is store/fence.hpp's matter; then what the old
// epoch kept is unlinked:
//
//   open_call(place.filled_header(), …) · PartitionFill::next()… · force() · unlink_calls() of the old place
// The outbox stays: its ids grow with the epoch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/layout.hpp"
#include "adapters/redis/reply.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::redis {

/// FCALL open_5: makes a header (place.header() or place.filled_header()) of the place's epoch and buckets where there
/// is none. `time` is the partition's last time, if it has one.
[[nodiscard]] Arguments open_call(const Place& place, std::string header_key, std::optional<Instant> time = {});
/// The header that is there now, made or found. Failure unavailable for an error reply.
[[nodiscard]] Result<Header> read_open_reply(const Reply& reply);

/// FCALL unlink_5, several: give back every key of an epoch that is not in force, and of its filled header. Replies are
/// lists whose first item is 'unlinked', or 'fenced' if the epoch is in force.
[[nodiscard]] std::vector<Arguments> unlink_calls(const Place& place);

/// FCALL register_5: the promotion's partition number, from 1 in order of first registration; the same whenever asked.
[[nodiscard]] Arguments register_call(std::string_view promotion_id);
[[nodiscard]] Result<PartitionNo> read_register_reply(const Reply& reply);

}  // namespace windfall::redis
