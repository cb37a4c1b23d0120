#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "app/commands.hpp"

namespace windfall::app {

void add_version(CLI::App& app, Chosen& chosen) {
  CLI::App* version = app.add_subcommand("version", "Print the version");
  version->callback([&chosen] {
    chosen = [] {
      std::printf("windfall %s\n", WINDFALL_VERSION);
      return kExitOk;
    };
  });
}

int run_command_line(int argc, char** argv) {
  CLI::App app{"Windfall: promotions that anyone may join while stock lasts, exact to the unit", "windfall"};
  app.require_subcommand(1);
  app.fallthrough(false);
  Chosen chosen;
  add_serve(app, chosen);
  add_sandbox(app, chosen);
  add_config(app, chosen);
  add_promotion(app, chosen);
  add_user(app, chosen);
  add_completion(app, chosen);
  add_bench(app, chosen);
  add_demo(app, chosen);
  add_fsck(app, chosen);
  add_backup(app, chosen);
  add_restore(app, chosen);
  add_rebuild(app, chosen);
  add_recover(app, chosen);
  add_keys(app, chosen);
  add_verify(app, chosen);
  add_simulate(app, chosen);
  add_topics(app, chosen);
  add_version(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining(true);
    if (error.get_name() == "RequiredError" && !unknown.empty()) {
      std::fprintf(stderr, "windfall: there is no command '%s'\nRun with --help for more information.\n",
                   unknown.front().c_str());
      return kExitUsage;
    }
    // Help is asked for and goes to stdout; everything else is a wrong call.
    const int shown = app.exit(error);
    return shown == 0 ? kExitOk : kExitUsage;
  }
  return chosen ? chosen() : kExitUsage;
}

}  // namespace windfall::app
