#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "app/commands.hpp"
#include "app/proof/fsck.hpp"

namespace windfall::app {

namespace {

struct FsckFlags {
  proof::FsckOptions options;
  std::string output = "text";
};

int run_fsck(const FsckFlags& flags) {
  const Result<proof::Report> report = proof::fsck(flags.options);
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
      app.add_subcommand("fsck", "Check every invariant of a stopped data directory; 0 only if all of them hold");
  auto flags = std::make_shared<FsckFlags>();
  command->add_option("--data", flags->options.directory, "Data directory; nothing is written to it")
      ->required()
      ->type_name("DIR");
  command->add_option("--book", flags->options.book, "The partner's GET /book, to be joined with the accruals")
      ->type_name("FILE");
  command
      ->add_option("--master-keys", flags->options.master_keys,
                   "Opens the seeds of lotteries; the data directory's name with .keys at its end unless given")
      ->type_name("FILE");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] { chosen = [flags] { return run_fsck(*flags); }; });
}

}  // namespace windfall::app
