// A whole campaign in virtual time: the crowd, the jobs, the close, the second chance, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "app/simulate/crowd.hpp"
#include "app/simulate/invariants.hpp"
#include "app/simulate/lottery_fold.hpp"
#include "app/simulate/rewards/codes.hpp"
#include "app/simulate/rewards/rewards.hpp"

namespace windfall::simulate {

struct SimulatedDay {
  LocalDay date;
  std::int64_t plan = 0;
  std::int64_t won = 0;  ///< in draws
  std::int64_t draws = 0;
  Amount worth = 0;  ///< of what was won on it, in draws or in the second chance
};

struct SimulationResult {
  std::uint64_t seed = 0;
  std::int64_t planned = 0;
  std::int64_t winners = 0;        ///< in draws and in the second chance, voided ones not
  std::int64_t second_chance = 0;  ///< those of the second chance among them
  std::int64_t shortfall = 0;
  std::int64_t draws = 0;
  std::int64_t held = 0;
  std::int64_t revoked = 0;
  std::array<std::int64_t, kGrantCauses> granted{};
  std::vector<SimulatedDay> days;
  std::vector<LotteryFold::SegmentSum> segments;
  RefusalCounts refusals;
  Amount spend = 0;  ///< worth of the prizes that were given
  RewardFigures rewards;
  CodeFigures codes;
  std::vector<InvariantResult> invariants;
  std::int64_t events = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t digest = 0;

  [[nodiscard]] bool ok() const;
};

class Simulation {
 public:
  struct Hooks {
    /// Part of the campaign that is over, 0..1.
    std::function<void(double)> progress;
    /// May alter what was recorded before anyone checks it: for tests of the checks.
    std::function<void(Recorded&)> corrupt;
    /// May alter what is owed on its way to the partner, to the same end.
    Rewards::Corrupt corrupt_due;
    /// May alter a code that the vault gives out, to the same end.
    Codes::Corrupt corrupt_code;
  };
  explicit Simulation(Campaign campaign, Hooks hooks = {});

  /// Fails if a use case does.
  Result<SimulationResult> run();

  /// After run(): gives away what `windfall verify` reads, piece by piece.
  Result<bool> tell_draws(const std::function<void(std::string_view)>& sink);

 private:
  Result<bool> begin();
  /// Runs the jobs that fall due before the moment.
  Result<bool> jobs_until(Instant at);
  Result<bool> close();
  /// Moves time to that moment, and does what the partner does until then.
  void move_to(Instant at);
  void settle();
  SimulationResult result();

  Campaign campaign_;
  Hooks hooks_;
  World world_;
  Invariants invariants_;
  DefinitionPtr definition_;
  Seed seed_;
  std::unique_ptr<LotteryFold> fold_;
  std::unique_ptr<Crowd> crowd_;
  std::unique_ptr<Rewards> rewards_;
  std::unique_ptr<Codes> codes_;
  int in_turn_ = 0;
  Instant start_;
  Instant end_;
  Instant next_jobs_;
  std::int64_t events_ = 0;
};

}  // namespace windfall::simulate
