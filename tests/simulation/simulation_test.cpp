// Hundreds of short histories of the whole application, each from one seed, and the proof that the judge can tell a
// wrong one.
//
//   simulation_test                                        what CI runs
//   simulation_test --seed N --steps M [--mutant NAME] [--crash-at K --lotteries 1]
//                                                          replays one history exactly and says what happened
//   WINDFALL_SIMULATION_SEEDS=20000 WINDFALL_SIMULATION_STEPS=2000 simulation_test   deep
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "simulation/world.hpp"

// A crash drops the process where it stands, coroutine frames included, as a kill does; those are no leaks of the
// application.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace windfall::simulation {
namespace {

constexpr std::uint64_t kFirstSeed = 1;
constexpr std::uint64_t kSeeds = 300;
constexpr int kSteps = 250;
/// A short history of lotteries only, in which nothing goes wrong but one crash: it is told once for each place that
/// the crash may have, and this far apart (1 with WINDFALL_SIMULATION_EVERY=1).
constexpr int kShortSteps = 80;
constexpr std::uint64_t kCrashEvery = 41;
/// A planted bug needs some luck to show; it has this many histories to do so.
constexpr std::uint64_t kMutantSeeds = 100;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

struct Outcome {
  std::string wrong;
  int step = 0;
  Tally tally;
};

Outcome run(const Settings& settings) {
  World world(settings);
  Outcome outcome;
  bool right = world.wrong().empty();
  while (right && outcome.step < settings.steps) {
    ++outcome.step;
    right = world.step();
  }
  if (right) world.finish();
  outcome.wrong = world.wrong();
  outcome.tally = world.tally();
  return outcome;
}

std::string command_line(const Settings& settings) {
  const std::string_view mutant = kMutantNames.at(static_cast<std::size_t>(settings.mutant));
  std::string line = fmt::format("simulation_test --seed {} --steps {}", settings.seed, settings.steps);
  if (settings.mutant != Mutant::none) line += fmt::format(" --mutant {}", mutant);
  if (settings.only_lotteries) line += fmt::format(" --crash-at {} --lotteries 1", settings.crash_at);
  return line;
}

std::string words(const Tally& t) {
  return fmt::format(
      "{} accepted, {} refused, {} repeated, {} keys reused, {} calls failed, {} promotions, {} changes, {} views, {} "
      "histories read, {} crashes, {} ledgers rebuilt, {} clock jumps, {} calls at the partner, {} redriven; in "
      "lotteries {} visits, {} opens, {} draws, {} wins, {} refused, {} repeated, {} imports, {} codes read, {} "
      "voided, "
      "{} reissued, {} used, {} adjusted, {} events taken in, {} closed, {} won in the second chance, {} shortfalls, "
      "{} "
      "notices",
      t.accepted, t.refused, t.replayed, t.reused, t.failed, t.created, t.changed, t.views, t.ledger_reads, t.crashes,
      t.rebuilds, t.clock_jumps, t.partner_calls, t.redriven, t.visits, t.opens, t.draws, t.wins, t.play_refusals,
      t.play_repeats, t.imports, t.codes_read, t.voided, t.reissued, t.used, t.adjusted, t.taken_in, t.closed,
      t.second_wins, t.shortfalls, t.notices);
}

TEST(Simulation, EveryHistoryKeepsTheInvariants) {
  const std::uint64_t seeds = from_environment("WINDFALL_SIMULATION_SEEDS", kSeeds);
  const std::uint64_t first = from_environment("WINDFALL_SIMULATION_FIRST", kFirstSeed);
  Tally all;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Settings settings{.seed = seed,
                            .steps = static_cast<int>(from_environment("WINDFALL_SIMULATION_STEPS", kSteps))};
    const Outcome outcome = run(settings);
    all += outcome.tally;
    ASSERT_EQ(outcome.wrong, "") << "step " << outcome.step << " of: " << command_line(settings);
  }
  fmt::print("{} histories: {}\n", seeds, words(all));
  // A simulation in which something never happens says nothing about it.
  for (const int count :
       {all.accepted,      all.refused,      all.replayed,     all.reused,     all.failed,      all.created,
        all.changed,       all.views,        all.ledger_reads, all.crashes,    all.rebuilds,    all.clock_jumps,
        all.partner_calls, all.redriven,     all.visits,       all.opens,      all.draws,       all.wins,
        all.play_refusals, all.play_repeats, all.imports,      all.codes_read, all.voided,      all.reissued,
        all.used,          all.adjusted,     all.taken_in,     all.closed,     all.second_wins, all.shortfalls,
        all.notices}) {
    EXPECT_GT(count, 0) << words(all);
  }
}

TEST(Simulation, TheSameSeedGivesTheSameHistory) {
  const Outcome one = run({.seed = 7, .steps = 150});
  const Outcome two = run({.seed = 7, .steps = 150});
  EXPECT_EQ(words(one.tally), words(two.tally));
  EXPECT_EQ(one.wrong, two.wrong);
}

TEST(Simulation, LotteriesSurviveACrashBetweenAnyTwoSteps) {
  const std::uint64_t every = from_environment("WINDFALL_SIMULATION_EVERY", kCrashEvery);
  Tally all;
  int histories = 0;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    for (std::uint64_t at = 1; true; at += every) {
      const Settings settings{.seed = seed, .steps = kShortSteps, .crash_at = at, .only_lotteries = true};
      const Outcome outcome = run(settings);
      all += outcome.tally;
      ++histories;
      ASSERT_EQ(outcome.wrong, "") << "step " << outcome.step << " of: " << command_line(settings);
      if (outcome.tally.crashes == 0) break;  // the history is over before
    }
  }
  fmt::print("{} crashes: {}\n", histories, words(all));
  EXPECT_GT(all.second_wins, 0);
  EXPECT_GT(all.imports, 0);
  EXPECT_GT(all.codes_read, 0);
  EXPECT_GT(all.voided, 0);
  EXPECT_GT(all.reissued, 0);
}

/// A planted bug and the invariant that has to name it.
struct Planted {
  Mutant mutant;
  std::string_view invariant;
};

class PlantedBug : public testing::TestWithParam<Planted> {};

TEST_P(PlantedBug, IsCaught) {
  std::string otherwise;
  for (std::uint64_t seed = 1; seed <= kMutantSeeds; ++seed) {
    const Settings settings{.seed = seed, .steps = kSteps, .mutant = GetParam().mutant};
    const Outcome outcome = run(settings);
    if (!outcome.wrong.starts_with(GetParam().invariant)) {
      if (!outcome.wrong.empty()) otherwise = outcome.wrong;
      continue;
    }
    fmt::print("caught at step {} of: {}\n  {}\n", outcome.step, command_line(settings), outcome.wrong);
    const Outcome again = run(settings);
    EXPECT_EQ(again.wrong, outcome.wrong) << "a seed must replay exactly";
    EXPECT_EQ(again.step, outcome.step);
    return;
  }
  FAIL() << "not one of " << kMutantSeeds << " histories breaks " << GetParam().invariant
         << "; last seen: " << otherwise;
}

INSTANTIATE_TEST_SUITE_P(Simulation, PlantedBug,
                         testing::Values(Planted{Mutant::answers_before_sync, "I11"},      //
                                         Planted{Mutant::reads_undurable, "I11"},          //
                                         Planted{Mutant::disk_lies, "I11"},                //
                                         Planted{Mutant::failed_batch_not_undone, "I11"},  //
                                         Planted{Mutant::failed_batch_not_undone, "I14"},  //
                                         Planted{Mutant::never_resumes, "I17"},            //
                                         Planted{Mutant::command_not_replayed, "I12"},     //
                                         Planted{Mutant::time_goes_back, "I15"},           //
                                         Planted{Mutant::resends_unknown, "I4"},           //
                                         Planted{Mutant::timeout_counts_as_done, "I4"},    //
                                         Planted{Mutant::batch_projected_twice, "I16"},    //
                                         Planted{Mutant::rebuilt_counts_as_unsent, "I4"},  //
                                         Planted{Mutant::stock_not_guarded, "I1"},         //
                                         Planted{Mutant::audit_dropped, "I16"},            //
                                         Planted{Mutant::ticket_not_guarded, "I7"},        //
                                         Planted{Mutant::visit_not_guarded, "I6"},         //
                                         Planted{Mutant::codes_counted_wrongly, "I9"},     //
                                         Planted{Mutant::closes_by_an_old_ledger, "I8"},   //
                                         Planted{Mutant::void_holds_nothing_back, "I4"},   //
                                         Planted{Mutant::inbound_forgotten, "I11"}),
                         [](const auto& info) {
                           return fmt::format("{}_{}", kMutantNames.at(static_cast<std::size_t>(info.param.mutant)),
                                              info.param.invariant);
                         });

/// One history, told.
int replay(const Settings& settings) {
  const Outcome outcome = run(settings);
  fmt::print("{}\n{}\n", command_line(settings), words(outcome.tally));
  if (outcome.wrong.empty()) {
    fmt::print("nothing is wrong\n");
    return EXIT_SUCCESS;
  }
  fmt::print("step {}: {}\n", outcome.step, outcome.wrong);
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace windfall::simulation

int main(int argc, char** argv) {
  using namespace windfall::simulation;
  testing::InitGoogleTest(&argc, argv);
  Settings settings{.seed = 0, .steps = kSteps};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--seed") settings.seed = std::strtoull(value, nullptr, 10);
    if (name == "--crash-at") settings.crash_at = std::strtoull(value, nullptr, 10);
    if (name == "--lotteries") settings.only_lotteries = std::strtol(value, nullptr, 10) != 0;
    if (name == "--steps") settings.steps = static_cast<int>(std::strtol(value, nullptr, 10));
    if (name == "--mutant") {
      const auto found = std::ranges::find(kMutantNames, std::string_view(value));
      if (found == kMutantNames.end()) {
        fmt::print("no such mutant: {}\n", value);
        return EXIT_FAILURE;
      }
      settings.mutant = static_cast<Mutant>(found - kMutantNames.begin());
    }
  }
  return settings.seed != 0 ? replay(settings) : RUN_ALL_TESTS();
}
