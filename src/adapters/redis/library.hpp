// The script's text, compiled in, so that a binary can load it into every node.
#pragma once

#include <string_view>

namespace windfall::redis {

/// Name of the function library; a change of what its functions take or answer changes it.
inline constexpr std::string_view kLibraryName = "windfall_5";

/// The text for FUNCTION LOAD REPLACE: the files of src/adapters/redis/lua/, one after the other.
[[nodiscard]] std::string_view library_text();

}  // namespace windfall::redis
