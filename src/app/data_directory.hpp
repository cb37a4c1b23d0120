// Where a server keeps its data, made if it is missing.
#pragma once

#include <string>

#include "domain/kernel/result.hpp"

namespace windfall::app {

/// Where the data are with neither --data nor --dev.
inline constexpr const char* kUsualData = "windfall-data";

/// Makes the directory `data`. Empty: a temporary one for a development server, else ./windfall-data; `data` then names
/// it. True if it is temporary, to be removed at the end. Failure: unavailable, naming the directory.
Result<bool> prepare_data_directory(std::string& data, bool dev);

}  // namespace windfall::app
