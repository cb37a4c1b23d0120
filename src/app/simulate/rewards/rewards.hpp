// What winners get: points and notifications, through the real fulfilment to a simulated partner, and the checks of its
// book. Nothing here decides anything; time moves when the simulation moves it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "app/simulate/campaign.hpp"
#include "app/simulate/invariants.hpp"
#include "app/simulate/lottery_fold.hpp"
#include "app/simulate/rewards/effect_rows.hpp"
#include "app/simulate/rewards/simulated_partner.hpp"
#include "app/simulate/world.hpp"
#include "application/on_event/fulfil_reward.hpp"

namespace windfall::simulate {

/// What came of it, by the partner's own book.
struct RewardFigures {
  EffectRows::Counts accruals;
  EffectRows::Counts notifications;
  std::int64_t redriven = 0;  ///< dead letters that an operator had tried again in the end
  Amount spend = 0;
  SimulatedPartner::Figures partner;
  std::int64_t down_ms = 0;
};

class Rewards {
 public:
  /// May alter a call on its way to the partner: for tests of the checks.
  using Corrupt = std::function<void(DueEffect&)>;
  Rewards(World& world, const Campaign& campaign, DefinitionPtr definition, Corrupt corrupt);
  Rewards(const Rewards&) = delete;
  Rewards& operator=(const Rewards&) = delete;
  ~Rewards();

  void named(UserRef user, std::string_view id) { rows_->named(user, id); }
  /// The log has given a prize away.
  void won(const Recorded& recorded, const LotteryFold::Given& given);
  void apply(const Recorded& recorded);

  /// Looks for what the log owes since the last look.
  void poke();

  /// The partner is well again, an operator has dead letters tried again: until nothing is owed, or for a day.
  void finish();

  /// The book against the wins of the campaign: I4, I10 and I17.
  [[nodiscard]] std::vector<InvariantResult> check(LotteryFold& fold) const;
  [[nodiscard]] RewardFigures figures() const;

 private:
  class Meter;
  class Altered;
  void run_until_quiet();
  [[nodiscard]] bool quiet() const;
  Task<Result<bool>> settle(std::vector<EffectSettled> settled);

  World& world_;
  DefinitionPtr definition_;
  Timers& timers_;
  std::unique_ptr<EffectRows> rows_;
  std::unique_ptr<Altered> effects_;
  std::unique_ptr<Meter> meter_;
  SimulatedPartner partner_;
  std::uint64_t random_;
  bool fresh_ = false;
  std::int64_t redriven_ = 0;
  std::unique_ptr<FulfilReward> fulfil_;
};

}  // namespace windfall::simulate
