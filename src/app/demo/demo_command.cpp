// `windfall demo`: a server, a partner and a crowd on this machine, and an audit of what they did.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "app/commands.hpp"
#include "app/demo/child.hpp"
#include "app/demo/play.hpp"

namespace windfall::app {

namespace {

/// A crowd that leaves something to see, and no more than this machine's memory and patience bear.
constexpr std::uint32_t kFewestUsers = 100;
constexpr std::uint32_t kMostUsers = 200'000;
/// The real campaign had some hundreds of thousands.
constexpr std::uint32_t kMostDicePeople = 1'000'000;
constexpr double kShortest = 2;
constexpr double kLongest = 600;

}  // namespace

void add_demo(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "demo", "Start a server, a partner that fails for a while, and a crowd; audit the books; leave the server up");
  auto script = std::make_shared<demo::Script>();
  auto language = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("text");
  auto mode = std::make_shared<std::string>("embedded");
  auto cluster = std::make_shared<std::string>("build/cluster");
  command
      ->add_option("--mode", *mode,
                   "embedded: on a server of its own; distributed: on the cluster that scripts/cluster up has started, "
                   "with a Redis master killed in the middle")
      ->check(CLI::IsMember({"embedded", "distributed"}))
      ->capture_default_str();
  command->add_option("--cluster", *cluster, "Folder of that cluster")->type_name("DIR")->capture_default_str();
  command->add_option("--port", script->port, "Of the server; 0 = any")->capture_default_str();
  command->add_option("--seconds", script->seconds, "In which the crowd comes")
      ->check(CLI::Range(kShortest, kLongest))
      ->capture_default_str();
  command->add_option("--users", script->users, "Size of the crowd")
      ->check(CLI::Range(kFewestUsers, kMostUsers))
      ->capture_default_str();
  command
      ->add_option("--dice-seconds", script->dice.seconds,
                   "In which the 24 days of the lucky dice pass; 0 leaves it out")
      ->check(CLI::Range(0.0, kLongest))
      ->capture_default_str();
  command->add_option("--dice-people", script->dice.people, "Who visit and draw")
      ->check(CLI::Range(kFewestUsers, kMostDicePeople))
      ->capture_default_str();
  command->add_flag("--exit", script->leave, "End after the audit: exit code 1 if any book differs");
  command->add_option("--lang", *language, "ko or en; without it as LANG says")->check(CLI::IsMember({"ko", "en"}));
  command->add_option("-o,--output", *output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([script, language, output, mode, cluster, &chosen] {
    if (*mode == "distributed") script->cluster = *cluster;
    script->program = demo::own_program();
    script->json = *output == "json";
    script->language = demo::parse_language(*language).value_or(demo::language_of_environment());
    chosen = [script] { return demo::play(*script) ? kExitOk : kExitFailed; };
  });
}

}  // namespace windfall::app
