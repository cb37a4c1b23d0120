// Completion scripts for shells, written from the command tree. Each walks the words before the cursor to the command
// they name, jumping over the values of options, and offers what may come next.
#pragma once

#include <string>

#include "app/client/command_tree.hpp"

namespace windfall::client {

/// Needs no completion package; bash 3.2 and later. To be sourced.
[[nodiscard]] std::string bash_completion(const CommandNode& root);
/// For a file `_windfall` in $fpath, or to be sourced after compinit.
[[nodiscard]] std::string zsh_completion(const CommandNode& root);
/// For ~/.config/fish/completions/windfall.fish, or to be sourced.
[[nodiscard]] std::string fish_completion(const CommandNode& root);

}  // namespace windfall::client
