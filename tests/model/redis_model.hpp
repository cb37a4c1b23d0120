// Drives the same random proposals through State and through commit.lua in a real Redis, and names the first
// difference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/redis_server.hpp"

namespace windfall::model {

/// The library's text, as the product ships it.
[[nodiscard]] std::string commit_lua();

/// Empties the server and loads the library; the text says what went wrong, empty = loaded.
[[nodiscard]] std::string load(RedisServer& server, const std::string& library);

/// How often each verdict was met: a model run that only ever sees one kind proves little.
struct Met {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t stale = 0;
  std::uint64_t repeated = 0;
};

/// Runs `steps` proposals made from `seed` on a freshly loaded server; the first difference as text, or nothing.
[[nodiscard]] std::optional<std::string> run_against_state(RedisServer& server, std::uint64_t seed, int steps,
                                                           Met& met);

}  // namespace windfall::model
