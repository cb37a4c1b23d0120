// The command line as data, read from the parser itself: whatever tells shells or people about it is never out of date.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace windfall::client {

/// What may follow an option, or stand alone as an argument.
struct ValueKind {
  enum class Of { nothing, anything, file, directory, words };
  Of of = Of::nothing;
  std::vector<std::string> words;  ///< the allowed ones, for words
};

struct CommandOption {
  std::vector<std::string> names;  ///< with their dashes, "-o" before "--output"
  ValueKind value;                 ///< nothing for a flag
  std::string help;
};

struct CommandNode {
  std::string path;  ///< "windfall promotion create"
  std::string name;  ///< "create"
  std::string help;
  std::vector<CommandOption> options;
  std::vector<ValueKind> arguments;
  std::vector<CommandNode> children;
};

/// Hidden commands and options (those in no group) are left out.
[[nodiscard]] CommandNode command_tree(const CLI::App& app);

}  // namespace windfall::client
