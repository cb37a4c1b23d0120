// What takes headers out of force and puts others into force, so that one place in the log never has two events.
//
// A node that has come back, or taken over, with less than was confirmed: processes that have not noticed must not
// decide by its headers. So such a header is taken out of force for everybody, and the partition is rebuilt like any
// other that has none.
//
// Two leaders that both rebuild a partition: each fills an epoch of its own. The later epoch is noted beside the header
// before the ledger begins it, and from then on no earlier one can come into force, however long its leader was
// stopped.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "adapters/redis/client/functions.hpp"
#include "adapters/redis/store/mirror.hpp"

namespace windfall::redis {

/// Takes a header out of force that is of this epoch and older than what was confirmed in it. True if there is none in
/// force now; false if it is not older after all, as when a master of before had answered. `library` is that of claims.
Task<Result<bool>> fence(FunctionLibrary& library, std::string header_key, Epoch epoch, Sequence confirmed);

/// All that the mirror has found to be behind; what cannot be fenced now is tried again the next time.
Task<void> fence_those_behind(Mirror& mirror, FunctionLibrary& library,
                              std::function<void(const std::string& why)> trouble);

/// Notes that the place's epoch is being filled: no earlier one can come into force any more. The epoch that was noted
/// before, if any. Failure conflict: a later one is noted, or there is a header in force. One that is in force has to
/// be fenced first: what it decides after the ledger has begun the next epoch is in no log.
Task<Result<std::optional<Epoch>>> enter(FunctionLibrary& library, Place place);

/// Puts the place's filled header into force, if it still is the newest one, none is in force, and it is filled up to
/// `last`. Failure conflict.
Task<Result<bool>> force(FunctionLibrary& library, Place place, Sequence last);

}  // namespace windfall::redis
