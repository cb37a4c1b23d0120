#include "app/client/operator_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string_view>

namespace windfall::client {

void add_operator_options(CLI::App& command, OperatorOptions& options) {
  command.add_option("--url", options.url, "Server, where it serves operators")
      ->type_name("URL")
      ->envname("WINDFALL_URL")
      ->capture_default_str();
  // No default is captured: help must not show the key of the environment.
  command.add_option("--key", options.key, "Admin key; better kept in the environment, where ps does not show it")
      ->type_name("KEY")
      ->envname("WINDFALL_ADMIN_KEY");
  command.add_option("-o,--output", options.output, "What is printed")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command.add_option("--lang", options.language, "Language of sentences; without it by LC_ALL, LC_MESSAGES, LANG")
      ->type_name("LANGUAGE")
      ->check(CLI::IsMember({"ko", "en"}));
}

std::string language_of(const OperatorOptions& options) {
  if (!options.language.empty()) return options.language;
  // The first that is set and not empty decides, as POSIX has it.
  for (const char* variable : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("ko") ? "ko" : "en";
  }
  return "en";
}

}  // namespace windfall::client
