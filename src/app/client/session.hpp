// One run of a command against a server, and how it ends: data on stdout, talk on stderr, an exit code.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/client/connection.hpp"
#include "app/client/input_file.hpp"
#include "app/client/operator_options.hpp"
#include "app/commands.hpp"

namespace windfall::client {

struct Session {
  Connection connection;
  bool json = false;     ///< print the server's JSON instead of text
  bool has_key = false;  ///< one is sent
  std::string language;  ///< "ko" or "en"
};

/// What a command does once its options are known; returns the exit code.
using Act = std::function<int(Session&)>;

/// Makes `command` open a session with the options and act.
void act_when_chosen(CLI::App& command, app::Chosen& chosen, std::shared_ptr<OperatorOptions> options, Act act);

/// Writes data. kExitFailed if nobody can read it: a full disk, a closed pipe.
int print(const std::string& data);

/// Says why there was no answer: kExitUsage for what was asked wrongly, else kExitFailed.
int no_answer(const Failure& failure);

/// Says what the server refused, as "CODE: detail" and every error's pointer on a line of its own, which begins with
/// the place in `input` where the refused body came from a file; kExitFailed.
int refused(const Session& session, const Reply& reply, const InputFile* input = nullptr);

/// Says that an argument is wrong; kExitUsage.
int wrong_usage(const std::string& what);

}  // namespace windfall::client
