// How many hashes a promotion's fields are spread over: few enough that a crowd of the expected size shares keys, so
// many that each stays small.
#include "adapters/redis/store/bucket_plan.hpp"

#include <gtest/gtest.h>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/redis/layout.hpp"
#include "domain/builders.hpp"
#include "ledger/lottery_log.hpp"

namespace windfall::redis {
namespace {

/// Fields in each hash, if the lottery is drawn as often as was expected: one for each draw, and for each five draws
/// ten of a player.
double mean_fields(std::int64_t draws_per_day, std::int32_t days) {
  Promotion promotion = contract::small_lottery("dice");
  promotion.end.days = promotion.start.days + days - 1;
  promotion.lottery->expected_draws_per_day = draws_per_day;
  const std::uint32_t buckets = buckets_of_promotion(codec::encode_definition(promotion));
  return static_cast<double>(draws_per_day) * days * 3 / buckets;
}

TEST(BucketPlan, HashesOfALotteryStaySmallOverAllItsDays) {
  for (const std::int32_t days : {1, 24, 366}) {
    EXPECT_LT(mean_fields(2'500, days), 64) << days;
    EXPECT_GT(mean_fields(2'500, days), 16) << days;
  }
  EXPECT_LT(mean_fields(60'000, 24), 64);
}

TEST(BucketPlan, HashesOfDailyPromotionsHoldWhomTheirStockAdmits) {
  Promotion promotion = test::promotion();
  promotion.limit_join_count = 1'000'000;
  const std::uint32_t buckets = buckets_of_promotion(codec::encode_definition(promotion));
  EXPECT_LE(1'000'000 / buckets, 64);
  EXPECT_GE(1'000'000 / buckets, 32);
}

}  // namespace
}  // namespace windfall::redis
