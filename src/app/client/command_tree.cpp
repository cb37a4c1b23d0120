#include "app/client/command_tree.hpp"

#include <CLI/CLI.hpp>

namespace windfall::client {

namespace {

/// The parser keeps its check of allowed words only as text, at the end of the type: "FORMAT:{text,json}".
std::vector<std::string> allowed_words(const std::string& type) {
  std::vector<std::string> words;
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return words;
  std::string word;
  for (const char c : type.substr(open + 1, close - open - 1) + ",") {
    if (c != ',') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(word);
      word.clear();
    }
  }
  return words;
}

ValueKind value_of(const CLI::Option& option) {
  using Of = ValueKind::Of;
  if (option.get_items_expected_max() == 0) return {.of = Of::nothing, .words = {}};
  const std::string type = option.get_type_name();
  if (std::vector<std::string> words = allowed_words(type); !words.empty())
    return {.of = Of::words, .words = std::move(words)};
  if (type.starts_with("FILE") || option.get_name() == "FILE") return {.of = Of::file, .words = {}};
  return {.of = type.starts_with("DIR") ? Of::directory : Of::anything, .words = {}};
}

CommandNode node_of(const CLI::App& app, const std::string& parent) {
  CommandNode node{.path = parent.empty() ? app.get_name() : parent + " " + app.get_name(),
                   .name = app.get_name(),
                   .help = app.get_description(),
                   .options = {},
                   .arguments = {},
                   .children = {}};
  for (const CLI::Option* option : app.get_options({})) {
    if (option->get_group().empty()) continue;
    if (option->get_positional()) {
      node.arguments.push_back(value_of(*option));
      continue;
    }
    CommandOption& shown = node.options.emplace_back();
    for (const std::string& letter : option->get_snames()) shown.names.push_back("-" + letter);
    for (const std::string& word : option->get_lnames()) shown.names.push_back("--" + word);
    shown.value = value_of(*option);
    shown.help = option->get_description();
  }
  for (const CLI::App* child :
       app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); })) {
    node.children.push_back(node_of(*child, node.path));
  }
  return node;
}

}  // namespace

CommandNode command_tree(const CLI::App& app) { return node_of(app, ""); }

}  // namespace windfall::client
