// SlotTable against std::map, from the first key to well beyond the spread into segments.
#include "domain/kernel/slot_table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "domain/builders.hpp"

namespace windfall::test {
namespace {

TEST(SlotTable, empty_holds_nothing) {
  const SlotTable<std::uint64_t> table;
  EXPECT_EQ(table.find(user(1)), nullptr);
  EXPECT_EQ(table.size(), 0U);
  table.for_each([](UserRef, std::uint64_t) { FAIL(); });
}

TEST(SlotTable, a_new_key_has_the_empty_value_and_keeps_what_it_is_given) {
  SlotTable<std::uint64_t> table;
  EXPECT_EQ(table.at(user(1)), 0U);
  table.at(user(1)) = 7;
  EXPECT_EQ(table.at(user(1)), 7U);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SlotTable, tells_apart_keys_that_share_a_half) {
  SlotTable<std::uint64_t> table;
  const UserRef a = user(1);
  const std::vector<UserRef> keys{a,
                                  {.hi = a.hi, .lo = ~a.lo},
                                  {.hi = ~a.hi, .lo = a.lo},
                                  {.hi = 0, .lo = a.lo},
                                  {.hi = a.hi, .lo = 0},
                                  {.hi = a.hi, .lo = UINT64_MAX},
                                  {.hi = UINT64_MAX, .lo = UINT64_MAX}};
  for (std::uint64_t i = 0; i < keys.size(); ++i) table.at(keys[i]) = i + 1;
  for (std::uint64_t i = 0; i < keys.size(); ++i) EXPECT_EQ(*table.find(keys[i]), i + 1);
}

TEST(SlotTable, knows_where_it_will_look_for_a_key) {
  SlotTable<std::uint64_t> table;
  EXPECT_EQ(table.place(user(1)).slot, nullptr) << "nowhere yet";
  for (std::uint64_t i = 0; i < 10'000; ++i) table.at(user(i)) = i;
  std::size_t at_once = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const Place place = table.place(user(i));
    const auto slot = reinterpret_cast<std::uintptr_t>(place.slot);
    const auto value = reinterpret_cast<std::uintptr_t>(table.find(user(i)));
    EXPECT_GT(reinterpret_cast<std::uintptr_t>(place.next), slot);
    if (value >= slot && value - slot < sizeof(UserRef) + sizeof(std::uint64_t)) ++at_once;
    place.fetch();
  }
  EXPECT_GT(at_once, 3'000U) << "many keys lie where they are looked for first";
}

TEST(SlotTable, gives_its_memory_back_in_as_many_pieces_as_it_has) {
  SlotTable<std::uint64_t> empty;
  EXPECT_TRUE(empty.free_segments(1));
  SlotTable<std::uint64_t> table;
  for (std::uint64_t i = 0; i < 10'000; ++i) table.at(user(i)) = i;
  std::size_t pieces = 1;
  for (std::size_t bytes = table.bytes(); !table.free_segments(1); ++pieces) {
    ASSERT_LE(table.bytes(), bytes);
    bytes = table.bytes();
  }
  EXPECT_EQ(pieces, 4096U);
}

TEST(SlotTable, agrees_with_a_map_while_it_grows_and_spreads) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SlotTable<std::uint64_t> table;
    std::map<UserRef, std::uint64_t> map;
    for (std::uint64_t i = 0; i < 60'000; ++i) {
      const std::uint64_t dice = spread(seed * 1'000'003 + i);
      const UserRef key = user(dice % 30'000);
      if (dice % 3 == 0) {
        const auto expected = map.find(key);
        const std::uint64_t* found = table.find(key);
        ASSERT_EQ(found != nullptr, expected != map.end()) << "seed " << seed << ", step " << i;
        if (found != nullptr) {
          ASSERT_EQ(*found, expected->second);
        }
      } else {
        table.at(key) ^= dice;
        map[key] ^= dice;
      }
      ASSERT_EQ(table.size(), map.size());
    }
    std::map<UserRef, std::uint64_t> copy;
    table.for_each(
        [&copy](UserRef key, std::uint64_t value) { ASSERT_TRUE(copy.emplace(key, value).second) << "visited twice"; });
    EXPECT_EQ(copy, map);
  }
}

TEST(SlotTable, keeps_every_key_around_the_spread_at_4096) {
  SlotTable<std::uint64_t> table;
  for (std::uint64_t n = 1; n <= 4200; ++n) {
    table.at(user(n)) = n;
    if (n < 4090 || n > 4105) continue;
    for (std::uint64_t k = 1; k <= n; ++k) ASSERT_EQ(*table.find(user(k)), k) << "after " << n;
    ASSERT_EQ(table.find(user(n + 1)), nullptr);
  }
  EXPECT_EQ(table.size(), 4200U);
}

TEST(SlotTable, holds_a_million_keys_in_a_third_more_than_their_size) {
  constexpr std::uint64_t kKeys = 1'000'000;
  SlotTable<std::uint64_t> table;
  for (std::uint64_t n = 0; n < kKeys; ++n) table.at(user(n)) = n + 1;
  EXPECT_EQ(table.size(), kKeys);
  std::uint64_t sum = 0;
  table.for_each([&sum](UserRef, std::uint64_t value) { sum += value; });
  EXPECT_EQ(sum, kKeys * (kKeys + 1) / 2);
  for (std::uint64_t n = 0; n < kKeys; n += 101) ASSERT_EQ(*table.find(user(n)), n + 1);
  // 24 bytes a slot, at most 7/8 full, grown by a quarter.
  EXPECT_LT(table.bytes(), kKeys * 24 * 3 / 2);
  SlotTable<std::uint64_t, 5> roomy;
  for (std::uint64_t n = 0; n < kKeys; ++n) roomy.at(user(n)) = n + 1;
  EXPECT_GE(roomy.bytes(), kKeys * 24 * 8 / 5);
  EXPECT_EQ(*roomy.find(user(kKeys - 1)), kKeys);
}

}  // namespace
}  // namespace windfall::test
