#include "app/client/completion_scripts.hpp"

#include <functional>

namespace windfall::client {

namespace {

using Of = ValueKind::Of;

void for_each(const CommandNode& node, const std::function<void(const CommandNode&)>& visit) {
  visit(node);
  for (const CommandNode& child : node.children) for_each(child, visit);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string replaced(const std::string& text, const std::string& what, const std::string& by) {
  std::string result;
  for (std::size_t from = 0;;) {
    const std::size_t at = text.find(what, from);
    result += text.substr(from, at - from);
    if (at == std::string::npos) return result;
    result += by;
    from = at + what.size();
  }
}

/// Between single quotes, for bash and zsh.
std::string quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

/// How the scripts' variable `value` says what an option waits for.
std::string word_for(const ValueKind& value) {
  switch (value.of) {
    case Of::file:
      return "file";
    case Of::directory:
      return "directory";
    case Of::words:
      return "words:" + joined(value.words);
    default:
      return "anything";
  }
}

/// The branches, same in bash and zsh, of `case "$at $word"`: a step down the tree, or an option whose value comes
/// next.
std::string walk_branches(const CommandNode& root) {
  std::string out;
  for_each(root, [&out](const CommandNode& node) {
    for (const CommandNode& child : node.children)
      out += "      " + quoted(child.path) + ") at=" + quoted(child.path) + " ;;\n";
    for (const CommandOption& option : node.options) {
      if (option.value.of == Of::nothing) continue;
      std::string patterns;
      for (const std::string& name : option.names)
        patterns += (patterns.empty() ? "" : "|") + quoted(node.path + " " + name);
      out += "      " + patterns + ") value=" + quoted(word_for(option.value)) + " ;;\n";
    }
  });
  return out;
}

bool takes_file(const CommandNode& node) {
  for (const ValueKind& argument : node.arguments) {
    if (argument.of == Of::file) return true;
  }
  return false;
}

constexpr const char* kFishHead = R"(# fish completion of windfall, made by `windfall completion fish`.
function __windfall_at
  set -l at windfall
  set -l value no
  for word in (commandline -opc)[2..-1]
    if test $value = yes
      set value no
      continue
    end
    switch "$at $word"
)";

constexpr const char* kFishTail = R"(    end
  end
  test "$at" = "$argv[1]"
end
complete -c windfall -f
)";

}  // namespace

std::string bash_completion(const CommandNode& root) {
  std::string out = R"(# bash completion of windfall, made by `windfall completion bash`.
_windfall() {
  local cur=${COMP_WORDS[COMP_CWORD]} at=windfall value= words= files= i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == = ]] && continue  # bash takes --option=value apart
    if [[ -n $value ]]; then
      value=
      continue
    fi
    case "$at $word" in
)";
  out += walk_branches(root);
  out += R"(    esac
  done
  [[ $cur == = ]] && cur=
  case $value in
    anything) return ;;
    words:*) COMPREPLY=($(compgen -W "${value#words:}" -- "$cur")); return ;;
    file|directory) files=$value ;;
    *)
      case $at in
)";
  for_each(root, [&out](const CommandNode& node) {
    std::vector<std::string> words;
    words.reserve(node.children.size());
    for (const CommandNode& child : node.children) words.push_back(child.name);
    for (const ValueKind& argument : node.arguments)
      words.insert(words.end(), argument.words.begin(), argument.words.end());
    for (const CommandOption& option : node.options)
      words.insert(words.end(), option.names.begin(), option.names.end());
    out += "        " + quoted(node.path) + ") words=" + quoted(joined(words)) +
           (takes_file(node) ? " files=file" : "") + " ;;\n";
  });
  out += R"(      esac
      COMPREPLY=($(compgen -W "$words" -- "$cur"))
      ;;
  esac
  if [[ -n $files && $cur != -* ]]; then
    local IFS=$'\n'
    compopt -o filenames 2>/dev/null
    if [[ $files == directory ]]; then
      COMPREPLY+=($(compgen -d -- "$cur"))
    else
      COMPREPLY+=($(compgen -f -- "$cur"))
    fi
  fi
}
complete -F _windfall windfall
)";
  return out;
}

std::string zsh_completion(const CommandNode& root) {
  std::string out = R"(#compdef windfall
# zsh completion of windfall, made by `windfall completion zsh`.
_windfall() {
  local at=windfall value= word
  local -i i
  local -a commands options arguments
  for (( i = 2; i < CURRENT; i++ )); do
    word=${words[i]}
    if [[ -n $value ]]; then
      value=
      continue
    fi
    case "$at $word" in
)";
  out += walk_branches(root);
  out += R"(    esac
  done
  case $value in
    anything) _message value; return ;;
    words:*) compadd -- ${=value#words:}; return ;;
    file) _files; return ;;
    directory) _files -/; return ;;
  esac
  case $at in
)";
  for_each(root, [&out](const CommandNode& node) {
    out += "    " + quoted(node.path) + ")\n";
    for (const CommandNode& child : node.children) {
      out += "      commands+=(" + quoted(child.name + ":" + child.help) + ")\n";
    }
    for (const CommandOption& option : node.options) {
      for (const std::string& name : option.names) out += "      options+=(" + quoted(name + ":" + option.help) + ")\n";
    }
    for (const ValueKind& argument : node.arguments) {
      for (const std::string& word : argument.words) out += "      arguments+=(" + quoted(word) + ")\n";
    }
    if (takes_file(node)) out += "      [[ ${words[CURRENT]} == -* ]] || _files\n";
    out += "      ;;\n";
  });
  out += R"(  esac
  (( $#commands )) && _describe -t commands command commands
  (( $#arguments )) && compadd -- $arguments
  _describe -o -t options option options
}
if [[ ${funcstack[1]} == _windfall ]]; then
  _windfall "$@"
else
  compdef _windfall windfall
fi
)";
  return out;
}

std::string fish_completion(const CommandNode& root) {
  std::string out = kFishHead;
  for_each(root, [&out](const CommandNode& node) {
    for (const CommandNode& child : node.children) {
      out += "      case " + fish_quoted(child.path) + "\n        set at " + fish_quoted(child.path) + "\n";
    }
    std::string with_value;
    for (const CommandOption& option : node.options) {
      if (option.value.of == Of::nothing) continue;
      for (const std::string& name : option.names) with_value += " " + fish_quoted(node.path + " " + name);
    }
    if (!with_value.empty()) out += "      case" + with_value + "\n        set value yes\n";
  });
  out += kFishTail;
  for_each(root, [&out](const CommandNode& node) {
    const std::string begin = "complete -c windfall -n " + fish_quoted("__windfall_at " + quoted(node.path));
    for (const CommandNode& child : node.children) {
      out += begin + " -a " + fish_quoted(child.name) + " -d " + fish_quoted(child.help) + "\n";
    }
    for (const ValueKind& argument : node.arguments) {
      if (argument.of == Of::words) out += begin + " -a " + fish_quoted(joined(argument.words)) + "\n";
      if (argument.of == Of::file) out += begin + " -F\n";
    }
    for (const CommandOption& option : node.options) {
      out += begin;
      for (const std::string& name : option.names) {
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.value.of == Of::file) out += " -r -F";
      if (option.value.of == Of::directory) out += " -x -a '(__fish_complete_directories)'";
      if (option.value.of == Of::anything) out += " -x";
      if (option.value.of == Of::words) out += " -x -a " + fish_quoted(joined(option.value.words));
      out += " -d " + fish_quoted(option.help) + "\n";
    }
  });
  return out;
}

}  // namespace windfall::client
