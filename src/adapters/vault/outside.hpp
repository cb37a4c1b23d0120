// Files that must not lie in the data directory: they are what a copy of it must lack, or what must survive its loss.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::vault {

/// Why the master keys and the high-water marks lie outside.
inline constexpr std::string_view kWhyMasterKeysOutside = "a copy of the data would give away what they protect";
inline constexpr std::string_view kWhyMarksOutside = "a restore would set the marks back";

/// invalid: the file at `path`, there or not, lies inside `data_directory`, links followed; the message ends with
/// `why`. Anything is outside of an empty name.
Result<bool> require_outside(const std::string& path, const std::string& data_directory, std::string_view why);

/// Makes creations and renames in the folder of `path` durable. unavailable.
Result<bool> sync_folder_of(const std::string& path);

}  // namespace windfall::vault
