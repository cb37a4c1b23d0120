// Retries while somebody sets the wall clock.
#include <gtest/gtest.h>

#include "partner/reward_world.hpp"

namespace windfall::test {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

TEST(SettingTheClock, MovesNoRetry) {
  RewardWorld world;
  ScriptedGateway gateway;
  const EffectId id = world.effects.add(1, {VirtualTime::kStart});
  world.start(gateway, FulfilReward::dev());
  gateway.answer(PartnerRetry{"HTTP 503"});
  world.time.set_wall_by(-kHourMs);
  world.time.run_for(200);
  EXPECT_EQ(gateway.accrued, 2) << "back";
  gateway.answer(PartnerRetry{"HTTP 503"});
  world.time.set_wall_by(3 * kHourMs);
  world.reward->poke();
  EXPECT_EQ(gateway.accrued, 2) << "forward: it is not due before its time";
  world.time.run_for(400);
  EXPECT_EQ(gateway.accrued, 3);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(world.effects.row(id).state, RowState::done);
  world.reward.reset();
  world.time.run_for(10 * 60'000);  // what still waits frees itself
}

}  // namespace
}  // namespace windfall::test
