#include "application/on_request/browse.hpp"

#include <gtest/gtest.h>

#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"

namespace windfall::test {
namespace {

/// 2011-12-30, the date that Samoa's calendar lacks.
constexpr LocalDay kSkipped{15'338};
/// 2011-12-30 10:00 UTC, when Samoa went from the 29th to the 31st.
constexpr Instant kSkip{(15'338 * kDay) + (10 * kHour)};

class BrowseTest : public testing::Test {
 protected:
  void add(const char* id, Amount reward, std::int32_t start, std::int32_t end, Lifecycle lifecycle = Lifecycle::open) {
    Promotion p = promotion();
    p.id = id;
    p.reward_amount = reward;
    p.start = LocalDay{kFirst.days + start};
    p.end = LocalDay{kFirst.days + end};
    p.lifecycle = lifecycle;
    store_.add(p);
  }
  std::string listed(std::size_t limit, std::optional<ListPlace> after = {}) {
    const auto page = value_of(browse_.exposed(std::move(after), limit));
    if (!page) return page.error().message;
    std::string ids;
    for (const PromotionView& view : page->items) ids += view.definition->promotion.id;
    return page->next ? ids + " then " + page->next->id : ids;
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  Browse browse_{store_};
};

TEST_F(BrowseTest, ActiveOnesAreListedByRewardAndThenById) {
  add("b", 5, 0, 9);
  add("c", 7, 0, 0);
  add("a", 5, 0, 9);
  EXPECT_EQ(listed(10), "cab");
  EXPECT_EQ(listed(2), "ca then a");
  EXPECT_EQ(listed(2, ListPlace{.reward_amount = 5, .id = "a"}), "b");
}

TEST_F(BrowseTest, NothingIsReadOfWhatIsNotActive) {
  add("a", 5, 0, 9);
  add("over", 9, -9, -1);
  add("later", 9, 1, 9);
  add("draft", 9, 0, 9, Lifecycle::draft);
  add("paused", 9, 0, 9, Lifecycle::paused);
  add("ended", 9, 0, 9, Lifecycle::ended);
  EXPECT_EQ(listed(10), "a");
  EXPECT_EQ(store_.reads, 4) << "the red button, and three of the one that is shown";
}

TEST_F(BrowseTest, NothingIsListedWhileAllIsPaused) {
  add("a", 5, 0, 9);
  Proposal pause = proposal(PausedAll{.paused = true, .audit = {}}, kSystemPartition);
  store_.decide(pause);
  EXPECT_EQ(listed(10), "");
}

TEST_F(BrowseTest, APeriodWithoutADayInTheZoneIsOutsideForEverybody) {
  store_.zones["Pacific/Apia"] = {.name = "Pacific/Apia",
                                  .transitions = {{.from = kBeginningOfTime, .offset_seconds = -10 * 3600},
                                                  {.from = kSkip, .offset_seconds = 14 * 3600}}};
  Promotion none = promotion();
  none.timezone = "Pacific/Apia";
  none.start = kSkipped;
  none.end = kSkipped;
  store_.add(none);
  for (const Instant at : {later(kSkip, -1), kSkip, kNoon}) {
    const auto preview = value_of(browse_.preview("1", user(1), {}, at));
    ASSERT_TRUE(preview && *preview);
    ASSERT_TRUE((*preview)->refusal);
    EXPECT_STREQ(code_of(*(*preview)->refusal), "OUTSIDE_PERIOD");
    EXPECT_FALSE((*preview)->rules.front().holds);
  }
  store_.broken = Failure{.code = FailureCode::unavailable, .message = {}};
  EXPECT_FALSE(value_of(browse_.preview("1", user(1), {}, kSkip)));
}

}  // namespace
}  // namespace windfall::test
