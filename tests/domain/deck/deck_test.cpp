// Decks: exactly Q wins among L serials, derived as the fairness page says, carried from segment to segment; and a
// digest over a whole promotion that every compiler has to agree on.
#include "domain/lottery/deck.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "domain/deck/lotteries.hpp"
#include "domain/lottery/choices.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::test {
namespace {

/// The page's words, with an array and nothing clever.
std::vector<std::uint32_t> plainly_shuffled(const Digest& key, std::uint32_t size) {
  std::vector<std::uint32_t> numbers;
  std::uint64_t counter = 0;
  const auto next = [&] {
    if (numbers.empty()) {
      std::string message(8, '\0');
      for (unsigned i = 0; i < 8; ++i) message[7 - i] = static_cast<char>(counter >> (8 * i));
      ++counter;
      const Digest block = hmac_sha256(key, bytes_of_text(message));
      for (std::size_t i = 32; i > 0; i -= 4) {  // reversed, so that pop_back takes the first
        numbers.push_back((std::uint32_t{block[i - 4]} << 24U) + (std::uint32_t{block[i - 3]} << 16U) +
                          (std::uint32_t{block[i - 2]} << 8U) + block[i - 1]);
      }
    }
    const std::uint32_t number = numbers.back();
    numbers.pop_back();
    return number;
  };
  std::vector<std::uint32_t> places(size);
  std::iota(places.begin(), places.end(), 0U);
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint64_t bound = size - i;
    std::uint64_t number = next();
    while (number >= (std::uint64_t{1} << 32U) / bound * bound) number = next();
    std::swap(places[i], places[i + (number % bound)]);
  }
  return places;
}

TEST(Shuffle, is_the_plain_one_however_much_of_it_is_asked_for) {
  for (std::uint32_t size = 0; size <= 70; ++size) {
    const Digest key = seed_no(size).bytes;
    const std::vector<std::uint32_t> all = plainly_shuffled(key, size);
    for (std::uint32_t count = 0; count <= size; ++count) {
      Choices choices(key);
      const std::vector<std::uint32_t> some = shuffled(choices, size, count);
      ASSERT_EQ(some, std::vector<std::uint32_t>(all.begin(), all.begin() + count)) << count << " of " << size;
    }
  }
}

TEST(Shuffle, rejects_numbers_that_would_favour_the_first_choices) {
  constexpr std::uint32_t kBound = 3U << 30U;  // of the numbers from here on, the last quarter, none may be used
  Choices choices(seed_no(3).bytes);
  Digest block{};
  std::vector<std::uint32_t> fitting;
  for (std::uint8_t counter = 0; fitting.size() < 500; ++counter) {
    block = hmac_sha256(seed_no(3).bytes, std::array<std::uint8_t, 8>{0, 0, 0, 0, 0, 0, 0, counter});
    for (std::size_t i = 0; i < 32; i += 4) {
      const std::uint32_t number = (std::uint32_t{block[i]} << 24U) + (std::uint32_t{block[i + 1]} << 16U) +
                                   (std::uint32_t{block[i + 2]} << 8U) + block[i + 3];
      if (number < kBound) fitting.push_back(number);
    }
  }
  for (const std::uint32_t number : fitting) ASSERT_EQ(choices.below(kBound), number);
}

TEST(Deck, wins_exactly_q_times_among_l_serials) {
  for (std::uint32_t n = 0; n < 200; ++n) {
    const std::uint32_t quota = n % 37;
    const DeckTerms terms{.segment = {n}, .quota = quota, .length = quota + (n * 7), .first_item = 1000 * n};
    const Deck deck = make_deck(seed_no(n), "p", terms);
    std::uint32_t wins = 0;
    for (std::uint32_t serial = 0; serial < terms.length + 50; ++serial) {
      ASSERT_EQ(deck.wins(serial), wins);
      const std::optional<std::uint32_t> item = deck.win_at(serial);
      if (!item) continue;
      ASSERT_LT(serial, terms.length);
      ASSERT_EQ(*item, terms.first_item + wins) << "the k-th winning serial takes item k";
      ++wins;
    }
    ASSERT_EQ(wins, quota);
    EXPECT_EQ(deck.wins(UINT64_MAX), quota);
    EXPECT_EQ(deck.win_at(UINT64_MAX), std::nullopt);
  }
}

TEST(Deck, takes_the_first_q_places_of_the_shuffle) {
  const DeckTerms terms{.segment = {7}, .quota = 30, .length = 100};
  const std::vector<std::uint32_t> all = plainly_shuffled(deck_key(seed_no(1), "p", terms), 100);
  const std::set<std::uint32_t> expected(all.begin(), all.begin() + 30);
  const Deck deck = make_deck(seed_no(1), "p", terms);
  EXPECT_EQ(std::set<std::uint32_t>(deck.winning_serials().begin(), deck.winning_serials().end()), expected);
}

TEST(Deck, has_a_key_of_its_own_for_every_term) {
  const DeckTerms terms{.segment = {7}, .quota = 30, .length = 100};
  const Digest key = deck_key(seed_no(1), "p", terms);
  EXPECT_NE(key, deck_key(seed_no(2), "p", terms));
  EXPECT_NE(key, deck_key(seed_no(1), "q", terms));
  EXPECT_NE(key, deck_key(seed_no(1), "p", {.segment = {8}, .quota = 30, .length = 100}));
  EXPECT_NE(key, deck_key(seed_no(1), "p", {.segment = {7}, .quota = 31, .length = 100}));
  EXPECT_NE(key, deck_key(seed_no(1), "p", {.segment = {7}, .quota = 30, .length = 101}));
  EXPECT_EQ(key, deck_key(seed_no(1), "p", {.segment = {7}, .quota = 30, .length = 100, .first_item = 9}));
  const std::string message("p\0\0\0\x07\0\0\0\x1e\0\0\0\x64", 13);
  EXPECT_EQ(key, hmac_sha256(seed_no(1).bytes, bytes_of_text(message)));
}

TEST(Deck, tells_how_far_around_a_losing_serial_nobody_wins) {
  for (std::uint32_t quota = 0; quota <= 12; ++quota) {
    const Deck deck = make_deck(seed_no(quota), "p", {.segment = {1}, .quota = quota, .length = 12});
    for (std::uint64_t serial = 0; serial < 20; ++serial) {
      if (deck.win_at(serial)) continue;
      const Deck::Serials losing = deck.losing_around(serial);
      EXPECT_TRUE(losing.holds(serial));
      EXPECT_TRUE(losing.from == 0 || deck.win_at(losing.from - 1));
      EXPECT_TRUE(losing.until == UINT64_MAX || deck.win_at(losing.until));
      for (std::uint64_t other = losing.from; other < std::min<std::uint64_t>(losing.until, 20); ++other) {
        EXPECT_FALSE(deck.win_at(other)) << other;
      }
    }
  }
}

// It remembers where nobody wins; that must not depend on what was asked before, nor of which deck.
TEST(Outcomes, are_those_of_the_decks_in_whatever_order_they_are_asked) {
  const Lottery lottery = big_lottery();
  const std::array terms{DeckTerms{.segment = {1}, .quota = 9, .length = 40},
                         DeckTerms{.segment = {2}, .quota = 0, .length = 5, .first_item = 9},
                         DeckTerms{.segment = {2}, .quota = 3, .length = 5, .first_item = 9}};
  const Seed seed = seed_no(7);
  Outcomes outcomes(seed, "p", lottery);
  std::uint64_t order = 1;
  for (int i = 0; i < 2'000; ++i) {
    order = (order * 6364136223846793005U) + 1442695040888963407U;
    const DeckTerms& of = terms[(order >> 33U) % terms.size()];
    const auto serial = static_cast<std::int64_t>((order >> 40U) % 50);
    const auto item = make_deck(seed, "p", of).win_at(static_cast<std::uint64_t>(serial));
    const auto prize = outcomes.prize_at(of, serial);
    ASSERT_EQ(prize.has_value(), item.has_value()) << serial;
    if (item) {
      ASSERT_EQ(*prize, outcomes.prize_of(*item));
    }
  }
}

TEST(Deck, may_be_longer_than_any_array) {
  const DeckTerms terms{.segment = {0}, .quota = 1000, .length = 4'000'000'000};
  const Deck deck = make_deck(seed_no(1), "p", terms);
  EXPECT_EQ(std::set<std::uint32_t>(deck.winning_serials().begin(), deck.winning_serials().end()).size(), 1000U);
  EXPECT_GT(deck.winning_serials().back(), 3'900'000'000U);
}

/// What a whole promotion gives out: 24 days of hourly segments, 2,514 draws each, some segments skipped.
struct WholeStory {
  std::uint64_t draws = 0;
  std::uint32_t wins = 0;
  std::string digest;
};

WholeStory tell_it_all() {
  const Seed seed = seed_no(2025);
  const Plan plan = make_plan("big", period_of(24), big_lottery());
  const Schedule schedule(plan);
  const std::vector<std::uint16_t> order = item_order(seed, plan.prizes);
  DrawHistory history(schedule.segments_of_a_day());
  WholeStory story;
  Sha256 hash;
  hash.add(bytes_of_text(commitment_of(seed, plan_text(plan))));
  for (std::uint32_t i = 0; i < 576; ++i) {
    if (i % 97 == 96) continue;  // nobody came: never opened
    const std::uint32_t quota = schedule.items_until({i}) - story.wins;
    const std::uint32_t length = schedule.deck_length({i}, quota, history.before({i}));
    const Deck deck =
        make_deck(seed, plan.promotion, {.segment = {i}, .quota = quota, .length = length, .first_item = story.wins});
    const std::uint32_t taken = 2514 + (i % 24) - (i % 7);
    for (std::uint32_t serial = 0; serial < taken; ++serial) {
      if (const auto item = deck.win_at(serial)) {
        EXPECT_EQ(*item, story.wins) << "items go out in one order";
        ++story.wins;
        hash.add(bytes_of_text(std::to_string(i) + " " + std::to_string(serial) + " " + plan.prizes[order[*item]].id +
                               "\n"));
      }
    }
    story.draws += taken;
    history.over({i}, taken, DrawHistory::Paused::no);
  }
  const auto left = items_left({5, 1000}, story.wins, schedule.items());
  for (const SecondWin& win : second_chance(seed, 100'000, left))
    hash.add(bytes_of_text(std::to_string(win.place) + " " + std::to_string(win.item) + "\n"));
  story.digest = hex_of(hash.finish());
  return story;
}

TEST(WholePromotion, is_the_same_with_every_compiler_and_cheap) {
  const auto begin = std::chrono::steady_clock::now();
  const WholeStory story = tell_it_all();
  const auto took = std::chrono::steady_clock::now() - begin;
  RecordProperty("milliseconds", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_GT(story.draws, 1'400'000U);
  EXPECT_LE(story.wins, 128'401U);
  EXPECT_GT(story.wins, 120'000U);
  EXPECT_EQ(story.digest, "0ae98541fc7c27e843d833ceed6f35029015957496834bfb5db62548c3c382e8");
}

}  // namespace
}  // namespace windfall::test
