#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "app/commands.hpp"
#include "app/simulate/figures.hpp"

namespace windfall::app {

namespace {

using simulate::Campaign;
using simulate::Simulation;
using simulate::SimulationResult;

struct SimulateFlags {
  Campaign campaign;
  std::string curve;
  std::string export_to;
  std::string report_to;
  std::string output = "text";
};

int wrong(const std::string& why) {
  std::fprintf(stderr, "windfall: %s\n", why.c_str());
  return kExitUsage;
}

/// A bar on stderr, if somebody looks at it.
void show_progress(double part) {
  constexpr int kPlaces = 40;
  const int done = static_cast<int>(part * kPlaces);
  std::fprintf(stderr, "\r[%s%s] %3d %%%s", std::string(static_cast<std::size_t>(done), '#').c_str(),
               std::string(static_cast<std::size_t>(kPlaces - done), '.').c_str(), static_cast<int>(part * 100),
               part >= 1 ? "\n" : "");
}

Result<bool> write_export(Simulation& simulation, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  Result<bool> told = simulation.tell_draws(
      [&file](std::string_view text) { file.write(text.data(), static_cast<std::streamsize>(text.size())); });
  if (!told) return told;
  file.flush();
  if (!file) return fail(FailureCode::unavailable, path + ": cannot be written");
  return true;
}

int run_simulate(SimulateFlags flags) {
  if (!flags.curve.empty()) {
    std::ifstream file(flags.curve, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) return wrong(flags.curve + ": cannot be read");
    const auto curve = simulate::read_curve(text.str(), flags.campaign.days);
    if (!curve) return wrong(flags.curve + ", " + curve.error().message);
    flags.campaign.curve = *curve;
  } else {
    flags.campaign.curve = simulate::usual_curve(flags.campaign.days);
  }
  Simulation::Hooks hooks;
  if (isatty(STDERR_FILENO) != 0) hooks.progress = show_progress;
  Simulation simulation(flags.campaign, std::move(hooks));
  const Result<SimulationResult> result = simulation.run();
  if (!result) {
    std::fprintf(stderr, "windfall: %s\n", result.error().message.c_str());
    return kExitFailed;
  }
  const std::string text = flags.output == "json" ? as_json(flags.campaign, *result) : as_text(*result);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!flags.export_to.empty()) {
    const Result<bool> written = write_export(simulation, flags.export_to);
    if (!written) return wrong(written.error().message);
  }
  if (!flags.report_to.empty()) {
    const std::string page = as_html(flags.campaign, *result);
    std::ofstream file(flags.report_to, std::ios::binary | std::ios::trunc);
    file.write(page.data(), static_cast<std::streamsize>(page.size()));
    file.flush();
    if (!file) return wrong(flags.report_to + ": cannot be written");
  }
  return result->ok() ? kExitOk : kExitFailed;
}

}  // namespace

void add_simulate(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("simulate",
                                         "Play a whole lottery campaign in virtual time with the real rules, and check "
                                         "every invariant; 0 only if all hold");
  auto flags = std::make_shared<SimulateFlags>();
  Campaign& campaign = flags->campaign;
  command->add_option("--users", campaign.users, "People; some more accounts cheat")
      ->check(CLI::Range(std::int64_t{1}, simulate::kMaxUsers))
      ->capture_default_str();
  command->add_option("--days", campaign.days, "Days, from 2024-07-08 on")
      ->check(CLI::Range(std::int32_t{1}, static_cast<std::int32_t>(kMaxLotteryDays)))
      ->capture_default_str();
  command->add_option("--prizes", campaign.prizes, "Prizes, ten of them grand")
      ->check(CLI::Range(std::uint32_t{1}, kMaxItems))
      ->capture_default_str();
  command->add_option("--demand", campaign.demand, "Draws that people want, relative to usual ones")
      ->check(CLI::Range(simulate::kMinDemand, simulate::kMaxDemand))
      ->capture_default_str();
  command
      ->add_option("--curve", flags->curve,
                   "When people come: lines \"days W W ...\" and \"hours W ... W\" of relative weights")
      ->type_name("FILE");
  command
      ->add_option("--partner-faults", campaign.partner_faults,
                   "Calls to the partner that go wrong, beside two outages")
      ->check(CLI::Range(0.0, simulate::kMostPartnerFaults))
      ->capture_default_str();
  command
      ->add_option("--codes", campaign.codes,
                   "Codes bought for the gifticons, in six files of which one comes late [one for each]")
      ->check(CLI::Range(std::int64_t{0}, simulate::kMaxCodes));
  command->add_option("--seed", campaign.seed, "Of the people and of the draws")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{INT64_MAX}))
      ->capture_default_str();
  command->add_option("--export", flags->export_to, "Write what `windfall verify` reads")->type_name("FILE");
  command->add_option("--report", flags->report_to, "Write a page with plots")->type_name("FILE");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] { chosen = [flags] { return run_simulate(*flags); }; });
}

}  // namespace windfall::app
