// The JSON file that a command is given, or its standard input.
#pragma once

#include <string>

#include "domain/kernel/result.hpp"

namespace windfall::client {

/// The text of the file ("-" is standard input), known to be one JSON value. Failures, naming the file: unavailable (it
/// cannot be read, or is longer than the server takes), damaged (it is no JSON; with line and column). `language` is
/// "ko" or "en".
Result<std::string> read_json_file(const std::string& file, const std::string& language);

}  // namespace windfall::client
