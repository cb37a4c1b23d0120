// What every command that talks to a running server can be told: where it is, who asks, and how to print.
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace windfall::client {

struct OperatorOptions {
  std::string url = "http://127.0.0.1:8080";  ///< of the listener that serves operators
  std::string key;                            ///< admin key; empty: none is sent
  std::string output = "text";                ///< "text" or "json"
  std::string language;                       ///< "ko" or "en"; empty: by LC_ALL, LC_MESSAGES, LANG
};

/// Adds --url, --key, -o and --lang; `options` must outlive the parsing.
void add_operator_options(CLI::App& command, OperatorOptions& options);

/// "ko" where the option or else the environment's locale says Korean, "en" otherwise.
[[nodiscard]] std::string language_of(const OperatorOptions& options);

}  // namespace windfall::client
