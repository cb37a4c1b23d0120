#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "app/commands.hpp"
#include "app/fairness/verify_export.hpp"

namespace windfall::app {

namespace {

struct VerifyFlags {
  std::string path;
  std::string commitment;
  std::string output = "text";
};

int run_verify(const VerifyFlags& flags) {
  const Result<fairness::Verdict> verdict = fairness::verify_export(flags.path, flags.commitment);
  if (!verdict) {
    std::fprintf(stderr, "windfall: %s\n", verdict.error().message.c_str());
    return kExitUsage;
  }
  const std::string text = flags.output == "json" ? verdict->as_json() + "\n" : verdict->as_text();
  std::fwrite(text.data(), 1, text.size(), stdout);
  return verdict->ok() ? kExitOk : kExitFailed;
}

}  // namespace

void add_verify(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "verify",
      "Check a finished lottery's fairness export against its committed plan and seed; 0 only if all of it is right");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("export", flags->path, "What GET /v1/promotions/{id}/fairness/export answered")
      ->required()
      ->type_name("EXPORT");
  command
      ->add_option("--commitment", flags->commitment,
                   "The commitment as it was published before the first draw; has to be the export's")
      ->check([](const std::string& text) {
        const bool is_one = text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
        return is_one ? "" : "must be 64 lower-case hex digits";
      })
      ->type_name("HEX");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] { chosen = [flags] { return run_verify(*flags); }; });
}

}  // namespace windfall::app
