// Where a server keeps its data, made if it is missing.
#pragma once

#include <string>

#include "domain/kernel/result.hpp"

namespace windfall::app {

/// Makes the directory `data`. Empty: a temporary one for a development server, else ./windfall-data; `data` then names
/// it. True if it is temporary, to be removed at the end. Failure: unavailable, naming the directory.
Result<bool> prepare_data_directory(std::string& data, bool dev);

}  // namespace windfall::app
