#include "adapters/system/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/codec/utf8.hpp"

namespace windfall::system {
namespace {

TEST(RandomBytes, FillTheWholeSpanAndDiffer) {
  std::vector<std::uint8_t> a(1000);
  std::vector<std::uint8_t> b(1000);
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
  EXPECT_LT(std::ranges::count(a, 0), 50);  // four are expected; fifty would be a chance of 10^-35
  random_bytes({});
}

TEST(Uuid7, HoldsTheTimeAndItsVersion) {
  const auto uuid = make_uuid7(Instant{0x0123456789ab});
  const std::array<std::uint8_t, 6> time{0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
  EXPECT_TRUE(std::equal(time.begin(), time.end(), uuid.begin()));
  EXPECT_EQ(uuid[6] >> 4U, 7);
  EXPECT_EQ(uuid[8] >> 6U, 2);
}

TEST(PromotionId, IsAnIdentifierThatSortsByTimeAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_promotion_id(Instant{1'750'000'000'000});
    EXPECT_EQ(id.size(), 26U);
    EXPECT_TRUE(codec::is_identifier(id)) << id;
    EXPECT_TRUE(seen.insert(id).second) << id;
  }
  EXPECT_LT(*seen.rbegin(), make_promotion_id(Instant{1'750'000'000'001}));
  EXPECT_EQ(make_promotion_id(Instant{0}).substr(0, 9), "000000000");
}

}  // namespace
}  // namespace windfall::system
