// What the kinds of keys mean for daily promotions.
#pragma once

#include "domain/kernel/key.hpp"

namespace windfall::keys {

/// Participations accepted so far.
inline CounterKey taken(PartitionNo p) { return {.partition = p, .kind = 0, .index = 0, .user = {}}; }
/// Participations accepted on the day with this index.
inline CounterKey taken_on(PartitionNo p, std::uint32_t day_index) {
  return {.partition = p, .kind = 1, .index = static_cast<std::int32_t>(day_index), .user = {}};
}
/// Points promised so far.
inline CounterKey spent(PartitionNo p) { return {.partition = p, .kind = 2, .index = 0, .user = {}}; }
/// Day indexes on which the user has joined.
inline SetKey joined_days(PartitionNo p, UserRef user) { return {.partition = p, .kind = kDenseSet, .user = user}; }

/// 1 while everything is paused.
inline CounterKey paused_all() { return {.partition = kSystemPartition, .kind = 3, .index = 0, .user = {}}; }
/// 1 while the user is on the block list.
inline CounterKey blocked(UserRef user) { return {.partition = kSystemPartition, .kind = 4, .index = 0, .user = user}; }

}  // namespace windfall::keys
