// Rules of the ledger that older programs did not know: fsck holds new rows to them and leaves the old ones in peace.
#include <gtest/gtest.h>

#include <string>

#include "proof/lottery_story.hpp"

namespace windfall::proof {
namespace {

class FsckOfAnOlderLedger : public testing::Test {
 protected:
  Story story;
  LotteryStory dice{story};
};

TEST_F(FsckOfAnOlderLedger, knows_a_pause_that_began_before_its_segment_was_opened) {
  dice.open();
  dice.lose();
  const std::uint32_t next = dice.terms.segment.value + 1;
  story.later(kDayMs / 4);
  story.event(dice.partition, SegmentPaused{.segment = next});
  dice.open();
  dice.lose();
  story.later(kDayMs / 4);
  dice.open();
  dice.lose();
  const Report report = story.judged();
  EXPECT_TRUE(report.ok()) << report.as_text();
  story.sql("update segment set paused = 0 where segment = " + std::to_string(next));
  const Report older = story.fsck();
  EXPECT_TRUE(older.ok()) << "a ledger of an older program: " << older.as_text();
  story.sql("update segment set paused = 1 where segment = " + std::to_string(next + 1));
  expect_only(story.fsck(), Invariant::i13, "segment " + std::to_string(next + 1));
}

TEST_F(FsckOfAnOlderLedger, counts_the_days_of_a_coupon_from_its_code) {
  dice.open();
  dice.lose();
  const LotteryStory::Drawn won = dice.win(LotteryStory::kGifticon);
  const UserRef user = Story::ref(won.user);
  story.later(40 * kDayMs);
  story.event(dice.partition,
              CodesImported{.prize = LotteryStory::kGifticon, .count = 2, .audit = Story::audit("importCodes")});
  const auto assign = [&](std::uint32_t issue, std::int64_t ordinal) {
    story
        .event(dice.partition,
               CodeAssigned{.user = user, .win = won.place, .prize = LotteryStory::kGifticon, .issue = issue}, won.user)
        .taken = {ordinal};
  };
  assign(0, 0);
  story.later(kDayMs);
  story.event(dice.partition,
              CouponReissued{.user = user, .win = won.place, .issue = 1, .audit = Story::audit("reissueCoupon")},
              won.user);
  story.later(kDayMs);
  assign(1, 1);
  // The codes themselves are in no vault, which is another finding.
  EXPECT_EQ(found(story.judged(), Invariant::i13), "");
  story.sql("update coupon set expires_at = expires_at - 86400000 where ordinal is not null");
  EXPECT_NE(found(story.fsck(), Invariant::i13).find("the coupon expires at another time"), std::string::npos);
  story.sql("update coupon set expires_at = expires_at - 41 * 86400000 where ordinal is not null");
  EXPECT_EQ(found(story.fsck(), Invariant::i13), "") << "from the win, as older programs counted";
}

}  // namespace
}  // namespace windfall::proof
