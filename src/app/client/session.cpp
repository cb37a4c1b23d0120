#include "app/client/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "app/client/answer_json.hpp"
#include "app/client/table.hpp"
#include "app/secrets.hpp"

namespace windfall::client {

namespace {

void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

/// What an operator most likely forgot, for the refusals that rather mean the command line than the promotion.
void hint(const Session& session, const Reply& reply, const std::string& code) {
  if (reply.status == 401 && !session.has_key) {
    say("hint: give the admin key with --key or env WINDFALL_ADMIN_KEY");
  } else if (code == "NOT_FOUND") {
    say("hint: --url must name the listener that serves operators (the server's --admin-listen, if it has one)");
  }
}

}  // namespace

void act_when_chosen(CLI::App& command, app::Chosen& chosen, std::shared_ptr<OperatorOptions> options, Act act) {
  command.callback([&chosen, options = std::move(options), act = std::move(act)] {
    chosen = [options, act] {
      // The environment's own value came with the options; a file is looked for only where it is named.
      if (options->key.empty() && std::getenv("WINDFALL_ADMIN_KEY_FILE") != nullptr) {
        Result<std::optional<app::FoundSecret>> found = app::find_secret("WINDFALL_ADMIN_KEY");
        if (!found) {
          say("windfall: " + found.error().message);
          return app::kExitUsage;
        }
        if (*found) options->key = std::move((*found)->value);
      }
      Result<Connection> connection = Connection::open(*options);
      if (!connection) return no_answer(connection.error());
      Session session{.connection = std::move(*connection),
                      .json = options->output == "json",
                      .has_key = !options->key.empty(),
                      .language = language_of(*options)};
      return act(session);
    };
  });
}

int print(const std::string& data) {
  const bool written = std::fwrite(data.data(), 1, data.size(), stdout) == data.size() && std::fflush(stdout) == 0;
  if (written) return app::kExitOk;
  say(std::string("windfall: cannot write the output: ") + std::strerror(errno));
  return app::kExitFailed;
}

int no_answer(const Failure& failure) {
  say("windfall: " + printable(failure.message));
  return failure.code == FailureCode::invalid ? app::kExitUsage : app::kExitFailed;
}

int refused(const Session& session, const Reply& reply, const InputFile* input) {
  const boost::json::value& code = member(reply.json, "code");
  if (!code.is_string()) {
    say("windfall: status " + std::to_string(reply.status) + " and no answer of Windfall; does --url name its server?");
    return app::kExitFailed;
  }
  say(printable(shown(code)) + ": " + printable(shown(member(reply.json, "detail"))));
  for (const boost::json::value& error : elements(member(reply.json, "errors"))) {
    const std::string pointer = shown(member(error, "pointer"));
    const std::string place = input == nullptr ? "" : printable(place_in(*input, pointer, session.language)) + ": ";
    say(place + (pointer.empty() ? "(body)" : printable(pointer)) + ": " + printable(shown(member(error, "detail"))));
  }
  hint(session, reply, shown(code));
  return app::kExitFailed;
}

int wrong_usage(const std::string& what) {
  say("windfall: " + printable(what));
  return app::kExitUsage;
}

}  // namespace windfall::client
