// `windfall completion SHELL`.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/client/completion_scripts.hpp"
#include "app/client/session.hpp"

namespace windfall::app {

void add_completion(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("completion", "Print a script that completes commands and options in a shell");
  command->footer(
      "Examples:\n"
      "  source <(windfall completion bash)\n"
      "  windfall completion zsh > \"${fpath[1]}/_windfall\"\n"
      "  windfall completion fish > ~/.config/fish/completions/windfall.fish");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "Whose language it is in")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &chosen, shell] {
    chosen = [&app, shell] {
      const client::CommandNode root = client::command_tree(app);
      if (*shell == "bash") return client::print(client::bash_completion(root));
      return client::print(*shell == "zsh" ? client::zsh_completion(root) : client::fish_completion(root));
    };
  });
}

}  // namespace windfall::app
