// The whole hot state of one partition, read field by field beside whoever decides in it. A reader that takes its time
// sees fields of different moments: what it makes of them is its own affair.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/redis/client/client.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/layout.hpp"
#include "application/port/task.hpp"

namespace windfall::redis {

/// What stands in a partition beside its users.
struct PartitionFields {
  std::string definition;                                     ///< empty: there is none
  std::map<std::string, std::int64_t, std::less<>> counters;  ///< those that the header does not hold
};

/// The header in force, as all replicas have it; nullopt: there is none. Failures: unavailable, damaged.
Task<Result<std::optional<Header>>> read_header_of(Client* client, std::string prefix);
/// Failures: unavailable, damaged.
Task<Result<PartitionFields>> read_partition_fields(Client* client, Place place);
/// Calls `visit` for each field of each user, bucket by bucket. Failures: unavailable; damaged, which names the field.
using FieldVisit = std::function<void(std::string_view tag, UserRef user, std::int64_t value)>;
Task<Result<bool>> each_user_field(Client* client, Place place, const FieldVisit* visit);
/// Calls `visit` for each command that is kept. Failures as above.
using CommandVisit = std::function<void(const CommandRecord& record)>;
Task<Result<bool>> each_command(Client* client, Place place, const CommandVisit* visit);
/// Promotions and the numbers of their partitions, as registered.
Task<Result<std::map<std::string, std::uint32_t, std::less<>>>> read_registry(Client* client);

}  // namespace windfall::redis
