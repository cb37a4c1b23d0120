#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "adapters/system/log.hpp"
#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/proof/fsck.hpp"
#include "app/upkeep/fsck_installation.hpp"

namespace windfall::app {

namespace {

struct FsckFlags {
  proof::FsckOptions options;
  std::string config;  ///< of an installation of several machines; empty: a data directory is judged
  std::string output = "text";
};

Result<proof::Report> judge(const FsckFlags& flags) {
  if (flags.config.empty()) return proof::fsck(flags.options);
  std::map<std::string, std::string> given;
  if (!flags.options.master_keys.empty()) given["server.master_keys"] = flags.options.master_keys;
  const Result<Config> config = load_config(flags.config, given);
  if (!config) return tl::unexpected(config.error());
  system::set_log_level(system::LogLevel::error);
  return fsck_installation(*config, {.book = flags.options.book});
}

int run_fsck(const FsckFlags& flags) {
  const Result<proof::Report> report = judge(flags);
  if (!report) {
    std::fprintf(stderr, "windfall: %s\n", report.error().message.c_str());
    const FailureCode code = report.error().code;
    const bool wrong_call =
        code == FailureCode::conflict || code == FailureCode::not_found || code == FailureCode::invalid;
    return wrong_call ? kExitUsage : kExitFailed;
  }
  const std::string text = flags.output == "json" ? report->as_json() + "\n" : report->as_text();
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report->ok() ? kExitOk : kExitFailed;
}

}  // namespace

void add_fsck(CLI::App& app, Chosen& chosen) {
  CLI::App* command =
      app.add_subcommand("fsck",
                         "Check every invariant of a stopped data directory, or of a running installation of "
                         "several machines; 0 only if all of them hold");
  auto flags = std::make_shared<FsckFlags>();
  CLI::Option* data =
      command->add_option("--data", flags->options.directory, "Data directory; nothing is written to it");
  data->type_name("DIR");
  CLI::Option* config =
      command->add_option("--config", flags->config,
                          "Configuration of several machines: compares Redis, the log, the ledger and the codes");
  config->type_name("FILE")->excludes(data);
  command->add_option("--book", flags->options.book, "The partner's GET /book, to be joined with the accruals")
      ->type_name("FILE");
  command
      ->add_option("--master-keys", flags->options.master_keys,
                   "Opens the seeds of lotteries; the data directory's name with .keys at its end unless given")
      ->type_name("FILE");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] {
    if (flags->options.directory.empty() && flags->config.empty()) {
      throw CLI::RequiredError("--data DIR or --config FILE");
    }
    chosen = [flags] { return run_fsck(*flags); };
  });
}

}  // namespace windfall::app
