#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/json_out.hpp"
#include "adapters/system/log.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/upkeep/rebuild.hpp"

namespace windfall::app {

namespace {

struct RebuildFlags {
  std::string file;
  RebuildOptions options;
  std::string output = "text";
};

void say(const std::string& line) { std::fprintf(stderr, "windfall: %s\n", line.c_str()); }

void print(const std::vector<RebuildOutcome>& outcomes, const RebuildFlags& flags) {
  std::size_t rebuilt = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::int64_t last_ms = 0;
  for (const RebuildOutcome& outcome : outcomes) {
    rebuilt += outcome.rebuilt ? 1 : 0;
    events += outcome.events;
    lost += outcome.lost;
    last_ms = std::max(last_ms, outcome.after_ms);
  }
  if (flags.output == "json") {
    std::string out = "{\"partitions\":";
    codec::append_json_array(out, outcomes, [&out](const RebuildOutcome& one) {
      codec::ObjectWriter writer(out);
      writer.text("name", one.name).text("found", one.state).integer("log", static_cast<std::int64_t>(one.log));
      if (one.rebuilt) {
        writer.integer("epoch", one.epoch)
            .integer("events", static_cast<std::int64_t>(one.events))
            .integer("lost", static_cast<std::int64_t>(one.lost))
            .integer("servesAfterMs", one.after_ms);
      }
      writer.close();
    });
    std::printf("%s,\"rebuilt\":%zu}\n", out.c_str(), rebuilt);
    return;
  }
  if (flags.options.dry_run) {
    std::printf("%zu found; nothing was changed\n", outcomes.size());
    return;
  }
  std::printf("%zu found, %zu rebuilt in %.1f s from %llu events; lost: %s\n", outcomes.size(), rebuilt,
              static_cast<double>(last_ms) / 1000.0, static_cast<unsigned long long>(events),
              lost == 0 ? "none that is known of" : fmt::format("{} events, at least", lost).c_str());
}

int run_rebuild(const RebuildFlags& flags) {
  const RebuildOptions& options = flags.options;
  const bool named = options.system || !options.promotions.empty();
  if (named == options.all && !options.dry_run) {
    say("which ones? --promotion ID (several times), --system, or --all that are fenced");
    return kExitUsage;
  }
  if (options.force && !named) {
    say("--force needs --promotion or --system: nobody wants to fence everything");
    return kExitUsage;
  }
  const Result<Config> config = load_config(flags.file, {});
  if (!config) {
    say(config.error().message);
    return kExitUsage;
  }
  // Only what goes wrong: stdout is for the result.
  system::set_log_level(system::LogLevel::error);
  const Result<std::vector<RebuildOutcome>> outcomes = rebuild_by_hand(*config, options, say);
  if (!outcomes) {
    say(outcomes.error().message);
    const FailureCode code = outcomes.error().code;
    return code == FailureCode::invalid || code == FailureCode::not_found ? kExitUsage : kExitFailed;
  }
  print(*outcomes, flags);
  return kExitOk;
}

}  // namespace

void add_rebuild(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "rebuild", "Fold the hot state of fenced promotions anew from the log, in an installation of several machines");
  command->footer(
      "The leader of the batch role does this by itself; the command is for when none runs, or with --force for hot\n"
      "state that is known to be wrong. A listener has to run: it carries into the ledger what Kafka still has.\n\n"
      "Examples:\n  windfall rebuild --config /etc/windfall/windfall.toml --dry-run\n"
      "  windfall rebuild --config /etc/windfall/windfall.toml --all");
  auto flags = std::make_shared<RebuildFlags>();
  command->add_option("--config", flags->file, "The installation's configuration, as its servers have it")
      ->required()
      ->type_name("FILE");
  command->add_option("--promotion", flags->options.promotions, "A promotion; may be given several times")
      ->type_name("ID")
      ->expected(1)
      ->take_all();
  command->add_flag("--system", flags->options.system, "The system partition: pause-all, block list, keys");
  command->add_flag("--all", flags->options.all, "Whatever is fenced");
  command->add_flag("--dry-run", flags->options.dry_run, "Only say what is fenced, and how large its log is");
  command->add_flag("--force", flags->options.force,
                    "Fence first what is not fenced: it answers 503 until it is rebuilt");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] { chosen = [flags] { return run_rebuild(*flags); }; });
}

}  // namespace windfall::app
