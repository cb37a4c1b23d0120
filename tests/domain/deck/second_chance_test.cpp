// The second chance: what is left, who gets it, and what a pseudonym gives away.
#include "domain/lottery/second_chance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "domain/deck/lotteries.hpp"

namespace windfall::test {
namespace {

TEST(SecondChance, gives_each_item_left_to_another_person) {
  const std::vector<std::uint32_t> items = items_left({3, 8}, 100, 130);
  ASSERT_EQ(items.size(), 32U);
  EXPECT_EQ(items[0], 3U);
  EXPECT_EQ(items[1], 8U);
  EXPECT_EQ(items[2], 100U);
  EXPECT_EQ(items[31], 129U);
  const std::vector<SecondWin> wins = second_chance(seed_no(1), 1000, items);
  ASSERT_EQ(wins.size(), items.size());
  std::set<std::uint32_t> places;
  for (std::size_t m = 0; m < wins.size(); ++m) {
    EXPECT_EQ(wins[m].item, items[m]);
    EXPECT_LT(wins[m].place, 1000U);
    places.insert(wins[m].place);
  }
  EXPECT_EQ(places.size(), wins.size());
}

TEST(SecondChance, serves_everybody_when_there_are_more_items_than_people) {
  const std::vector<SecondWin> wins = second_chance(seed_no(1), 5, items_left({}, 10, 30));
  std::set<std::uint32_t> places;
  for (const SecondWin& win : wins) places.insert(win.place);
  EXPECT_EQ(places, (std::set<std::uint32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(wins.back().item, 14U);
}

TEST(SecondChance, gives_nothing_without_people_or_items) {
  EXPECT_TRUE(second_chance(seed_no(1), 0, items_left({}, 10, 30)).empty());
  EXPECT_TRUE(second_chance(seed_no(1), 30, items_left({}, 30, 30)).empty());
}

TEST(SecondChance, depends_on_the_seed_alone) {
  const auto items = items_left({}, 0, 20);
  EXPECT_EQ(second_chance(seed_no(1), 500, items), second_chance(seed_no(1), 500, items));
  EXPECT_NE(second_chance(seed_no(1), 500, items), second_chance(seed_no(2), 500, items));
}

TEST(Pseudonym, is_stable_in_a_promotion_and_different_in_every_other) {
  const UserRef user{.hi = 0x0102030405060708, .lo = 0x090a0b0c0d0e0f10};
  EXPECT_EQ(Pseudonyms(seed_no(1)).of(user), Pseudonyms(seed_no(1)).of(user));
  EXPECT_NE(Pseudonyms(seed_no(1)).of(user), Pseudonyms(seed_no(2)).of(user));
  EXPECT_NE(Pseudonyms(seed_no(1)).of(user), Pseudonyms(seed_no(1)).of({.hi = user.hi, .lo = user.lo + 1}));
  const std::string reference = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";
  const Digest key = hmac_sha256(seed_no(1).bytes, bytes_of_text("pseudonym"));
  EXPECT_EQ(to_text(Pseudonyms(seed_no(1)).of(user)), hex_of(hmac_sha256(key, bytes_of_text(reference))).substr(0, 32));
}

TEST(Pseudonym, sorts_like_its_text) {
  const Pseudonyms pseudonyms(seed_no(1));
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const Pseudonym a = pseudonyms.of({.hi = n, .lo = 1});
    const Pseudonym b = pseudonyms.of({.hi = n, .lo = 2});
    EXPECT_EQ(a < b, to_text(a) < to_text(b));
  }
}

}  // namespace
}  // namespace windfall::test
