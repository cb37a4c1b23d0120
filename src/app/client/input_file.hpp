// The JSON file that a command is given, or its standard input.
#pragma once

#include <string>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::client {

struct InputFile {
  std::string name;  ///< as people call it: "standard input"
  std::string text;  ///< one JSON value
};

/// Reads the file ("-" is standard input). Failures, naming the file: unavailable (it cannot be read, or is longer than
/// the server takes), damaged (it is no JSON; with line and column). `language` is "ko" or "en".
Result<InputFile> read_json_file(const std::string& file, const std::string& language);

/// Where in the file the value stands that the server named by an RFC 6901 pointer: "p.json: line 3, column 14".
[[nodiscard]] std::string place_in(const InputFile& file, std::string_view pointer, const std::string& language);

}  // namespace windfall::client
