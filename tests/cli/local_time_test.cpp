#include "app/client/local_time.hpp"

#include <gtest/gtest.h>

namespace windfall::client {
namespace {

TEST(LocalText, TellsTheTimeOfTheZone) {
  const Zone seoul = zone_named("Asia/Seoul");
  EXPECT_EQ(local_text("2025-06-21T14:59:59.900Z", seoul), "2025-06-21 23:59:59 +09:00");
  EXPECT_EQ(local_text("2025-06-21T15:00:00.000Z", seoul), "2025-06-22 00:00:00 +09:00");
}

TEST(LocalText, FollowsSummerTimeAndOffsetsWestOfGreenwich) {
  const Zone new_york = zone_named("America/New_York");
  EXPECT_EQ(local_text("2025-03-09T06:59:59.000Z", new_york), "2025-03-09 01:59:59 -05:00");
  EXPECT_EQ(local_text("2025-03-09T07:00:00.000Z", new_york), "2025-03-09 03:00:00 -04:00");
  EXPECT_EQ(local_text("2025-06-21T00:00:00.000Z", zone_named("America/St_Johns")), "2025-06-20 21:30:00 -02:30");
}

TEST(LocalText, LeavesWhatIsNoTimeAsItIs) { EXPECT_EQ(local_text("soon", zone_named("UTC")), "soon"); }

TEST(ZoneNamed, FallsBackToSeoul) { EXPECT_EQ(zone_named("Mars/Olympus").name, "Asia/Seoul"); }

}  // namespace
}  // namespace windfall::client
