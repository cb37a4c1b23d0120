// A node that has come back, or taken over, with less than was confirmed: processes that have not noticed must not
// decide by its headers, or one place in the log would have two events. So such a header is taken out of force for
// everybody, and the partition is rebuilt like any other that has none.
#pragma once

#include <functional>
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

}  // namespace windfall::redis
