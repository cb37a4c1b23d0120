// The key of user references: made once, kept beside the data, readable by its owner only.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "domain/kernel/result.hpp"

namespace windfall::app {

/// Reads the 16-byte key at `path` (32 hex digits), or makes it if there is none. Failures: invalid (not such a file,
/// or others may read it), unavailable.
Result<std::array<std::uint8_t, 16>> load_or_make_key(const std::string& path);

}  // namespace windfall::app
