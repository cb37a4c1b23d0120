// Drives the same random proposals through State and, in batches, through the script in a real Redis, by way of the
// codecs that the product uses; names the first difference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/redis_server.hpp"

namespace windfall::model {

/// Empties the server and loads the library; the text says what went wrong, empty = loaded.
[[nodiscard]] std::string load(RedisServer& server, const std::string& library);

/// How often each verdict was met: a model run that only ever sees one kind proves little.
struct Met {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t stale = 0;
  std::uint64_t repeated = 0;
  std::uint64_t repeated_in_call = 0;  ///< of a command that the same call accepted
};

/// Runs `calls` batches made from `seed` on a freshly loaded server; the first difference as text, or nothing.
[[nodiscard]] std::optional<std::string> run_against_state(RedisServer& server, std::uint64_t seed, int calls,
                                                           Met& met);

}  // namespace windfall::model
