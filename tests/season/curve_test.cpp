#include <gtest/gtest.h>

#include "app/simulate/campaign.hpp"

namespace windfall::simulate {
namespace {

std::string why(std::string_view text) {
  const Result<ArrivalCurve> curve = read_curve(text, 3);
  return curve ? "" : curve.error().message;
}

TEST(CurveTest, LinesReplaceWhatIsUsual) {
  const Result<ArrivalCurve> curve = read_curve("# falling\ndays 1 0.8 0.64\n\n", 3);
  ASSERT_TRUE(curve);
  EXPECT_EQ(curve->days, (std::vector<double>{1, 0.8, 0.64}));
  EXPECT_EQ(curve->hours, usual_curve(3).hours);
  const Result<ArrivalCurve> even =
      read_curve("hours 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 # evening\r\n", 3);
  ASSERT_TRUE(even);
  EXPECT_EQ(even->days, usual_curve(3).days);
  EXPECT_EQ(even->hours.back(), 2);
}

TEST(CurveTest, MistakesAreNamedByTheirLine) {
  EXPECT_EQ(why("\nweeks 1"), "line 2: begins with neither \"days\" nor \"hours\"");
  EXPECT_EQ(why("days 1 x"), "line 1: \"x\" is no weight");
  EXPECT_EQ(why("days -1"), "line 1: \"-1\" is no weight");
  EXPECT_EQ(why("days nan"), "line 1: \"nan\" is no weight");
  EXPECT_EQ(why("days"), "line 1: nobody would ever come");
  EXPECT_EQ(why("hours 1 1"), "line 1: a day has 24 hours");
}

}  // namespace
}  // namespace windfall::simulate
