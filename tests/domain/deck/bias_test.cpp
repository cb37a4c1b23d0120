// Nobody is favoured: chi-square tests over serials, hours and prizes of 10,000 seeds each, fixed, so that a failure is
// a changed algorithm and not bad luck. The same tests judge dealers that are biased on purpose and have to catch each.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "domain/deck/chi_square.hpp"
#include "domain/deck/lotteries.hpp"
#include "domain/lottery/choices.hpp"
#include "domain/lottery/deck.hpp"

namespace windfall::test {
namespace {

constexpr std::uint64_t kSeeds = 10'000;

/// Where all chance comes from, so that a biased one can be put in its place.
struct Dealer {
  std::string name;
  /// One choice below `bound`.
  std::function<std::uint32_t(const Seed&, std::uint32_t bound)> choose;
  /// Winning serials of a deck, in the order of the shuffle.
  std::function<std::vector<std::uint32_t>(const Seed&, const DeckTerms&)> places;
  /// item_order().
  std::function<std::vector<std::uint16_t>(const Seed&, const std::vector<Prize>&)> order;
};

Dealer ours() {
  return {.name = "ours",
          .choose = [](const Seed& seed, std::uint32_t bound) { return Choices(seed.bytes).below(bound); },
          .places =
              [](const Seed& seed, const DeckTerms& terms) {
                Choices choices(deck_key(seed, "p", terms));
                return shuffled(choices, terms.length, terms.quota);
              },
          .order = item_order};
}

/// A square table whose rows should not depend on its columns, both being uniform.
double dependence(const std::vector<double>& table) {
  const double mean = std::accumulate(table.begin(), table.end(), 0.0) / static_cast<double>(table.size());
  double sum = 0;
  for (const double count : table) sum += (count - mean) * (count - mean) / mean;
  return deviations(sum, static_cast<double>(table.size()) - 1);
}

struct Check {
  std::string name;
  std::function<double(const Dealer&)> judge;
};

/// A bound that is no power of two and large: without rejection its first third comes twice as often.
double choices_below_a_large_bound(const Dealer& dealer) {
  constexpr std::uint32_t kCells = 12;
  std::vector<double> cells(kCells);
  for (std::uint64_t n = 0; n < kSeeds; ++n) ++cells[dealer.choose(seed_no(n), kCells << 28U) >> 28U];
  return unevenness(cells);
}

double winning_serials(const Dealer& dealer, std::uint32_t quota, std::uint32_t length) {
  std::vector<double> wins(length);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    for (const std::uint32_t serial : dealer.places(seed_no(n), {.quota = quota, .length = length})) ++wins[serial];
  }
  return unevenness(wins, quota);
}

/// Choices that come from different blocks of numbers: the first and the ninth.
double first_and_ninth_choice(const Dealer& dealer) {
  constexpr std::uint32_t kLength = 8000;
  std::vector<double> table(16);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const auto places = dealer.places(seed_no(n), {.quota = 9, .length = kLength});
    ++table[((places[0] * 4 / kLength) * 4) + (places[8] * 4 / kLength)];
  }
  return dependence(table);
}

/// Decks of two segments with the same numbers.
double neighbouring_segments(const Dealer& dealer) {
  constexpr std::uint32_t kLength = 8000;
  std::vector<double> table(16);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const auto one = dealer.places(seed_no(n), {.segment = {4}, .quota = 1, .length = kLength});
    const auto two = dealer.places(seed_no(n), {.segment = {5}, .quota = 1, .length = kLength});
    ++table[((one[0] * 4 / kLength) * 4) + (two[0] * 4 / kLength)];
  }
  return dependence(table);
}

/// In which hour a prize of each kind goes out; ten items an hour.
std::vector<std::vector<double>> hours_by_prize(const Dealer& dealer) {
  const std::vector<Prize> prizes{points("grand", 1), points("b", 59), points("c", 180)};
  std::vector<std::vector<double>> hours(prizes.size(), std::vector<double>(24));
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const std::vector<std::uint16_t> order = dealer.order(seed_no(n), prizes);
    for (std::size_t item = 0; item < order.size(); ++item) ++hours[order[item]][item / 10];
  }
  return hours;
}

double hour_of_the_grand_prize(const Dealer& dealer) { return unevenness(hours_by_prize(dealer)[0]); }

/// Items of a kind that share an hour vary less than independent ones would: 59 of 240 items.
double hours_of_a_common_prize(const Dealer& dealer) {
  const std::vector<double> hours = hours_by_prize(dealer)[1];
  const double mean = static_cast<double>(kSeeds) * 59 / 24;
  double sum = 0;
  for (const double count : hours) sum += (count - mean) * (count - mean);
  return deviations(sum / (mean * (240 - 59) / 239), 23);
}

const std::vector<Check>& checks() {
  static const std::vector<Check> kChecks{
      {"choices below a large bound", choices_below_a_large_bound},
      {"serials of a short deck", [](const Dealer& d) { return winning_serials(d, 5, 20); }},
      {"serials of a longer deck", [](const Dealer& d) { return winning_serials(d, 20, 100); }},
      {"serials of a deck that nearly always wins", [](const Dealer& d) { return winning_serials(d, 19, 20); }},
      {"first and ninth choice", first_and_ninth_choice},
      {"neighbouring segments", neighbouring_segments},
      {"hour of the grand prize", hour_of_the_grand_prize},
      {"hours of a common prize", hours_of_a_common_prize},
  };
  return kChecks;
}

TEST(FairDealer, favours_no_serial_hour_or_prize) {
  for (const Check& check : checks()) {
    const double z = check.judge(ours());
    EXPECT_LT(std::abs(z), kSuspicious) << check.name;
    RecordProperty("deviations of " + check.name, std::to_string(z));
  }
}

TEST(FairDealer, is_the_one_that_makes_decks) {
  for (std::uint64_t n = 0; n < 100; ++n) {
    const DeckTerms terms{.segment = {3}, .quota = 20, .length = 100};
    std::vector<std::uint32_t> places = ours().places(seed_no(n), terms);
    std::sort(places.begin(), places.end());
    ASSERT_EQ(make_deck(seed_no(n), "p", terms).winning_serials(), places);
  }
}

// Biased dealers: a shuffle with a wrong step, numbers that are used wrongly, keys that say too little.

using Below = std::function<std::uint32_t(std::uint32_t bound)>;
/// Which place is exchanged with place i, of `size`.
using Step = std::function<std::uint32_t(const Below&, std::uint32_t i, std::uint32_t size)>;

std::uint32_t right_step(const Below& below, std::uint32_t i, std::uint32_t size) { return i + below(size - i); }

Dealer dealer_with_step(const std::string& name, const Step& step) {
  Dealer dealer = ours();
  dealer.name = name;
  dealer.places = [step](const Seed& seed, const DeckTerms& terms) {
    Choices choices(deck_key(seed, "p", terms));
    std::vector<std::uint32_t> places(terms.length);
    std::iota(places.begin(), places.end(), 0U);
    const Below below = [&](std::uint32_t bound) { return choices.below(bound); };
    for (std::uint32_t i = 0; i < terms.quota; ++i) std::swap(places[i], places[step(below, i, terms.length)]);
    places.resize(terms.quota);
    return places;
  };
  dealer.order = [step](const Seed& seed, const std::vector<Prize>& prizes) {
    Choices choices(key_for(seed, kPrizesLabel));
    std::vector<std::uint16_t> order;
    for (std::size_t prize = 0; prize < prizes.size(); ++prize)
      order.insert(order.end(), prizes[prize].count, static_cast<std::uint16_t>(prize));
    const auto size = static_cast<std::uint32_t>(order.size());
    const Below below = [&](std::uint32_t bound) { return choices.below(bound); };
    for (std::uint32_t i = 0; i < size; ++i) std::swap(order[i], order[step(below, i, size)]);
    return order;
  };
  return dealer;
}

std::uint32_t number_of(const Digest& key, std::uint64_t index) {
  std::array<std::uint8_t, 8> counter{};
  for (std::size_t i = 0; i < 8; ++i) counter[i] = static_cast<std::uint8_t>((index / 8) >> (56 - (8 * i)));
  const Digest block = hmac_sha256(key, counter);
  const std::size_t at = 4 * (index % 8);
  return (std::uint32_t{block[at]} << 24U) | (std::uint32_t{block[at + 1]} << 16U) |
         (std::uint32_t{block[at + 2]} << 8U) | block[at + 3];
}

Dealer without_rejection() {
  Dealer dealer = ours();
  dealer.name = "takes the remainder of every number";
  dealer.choose = [](const Seed& seed, std::uint32_t bound) { return number_of(seed.bytes, 0) % bound; };
  return dealer;
}

Dealer always_the_same_block() {
  Dealer dealer = ours();
  dealer.name = "never counts up";
  dealer.places = [](const Seed& seed, const DeckTerms& terms) {
    const Digest key = deck_key(seed, "p", terms);
    std::vector<std::uint32_t> places(terms.length);
    std::iota(places.begin(), places.end(), 0U);
    for (std::uint32_t i = 0; i < terms.quota; ++i)
      std::swap(places[i], places[i + (number_of(key, i % 8) % (terms.length - i))]);
    places.resize(terms.quota);
    return places;
  };
  return dealer;
}

Dealer one_key_for_all_segments() {
  Dealer dealer = ours();
  dealer.name = "forgets the segment in the key";
  dealer.places = [](const Seed& seed, DeckTerms terms) {
    terms.segment = {};
    return ours().places(seed, terms);
  };
  return dealer;
}

/// The first check that calls this dealer biased; "" if none does.
std::string caught_by(const Dealer& dealer) {
  for (const Check& check : checks()) {
    if (std::abs(check.judge(dealer)) >= kSuspicious) return check.name;
  }
  return "";
}

TEST(BiasedDealer, is_caught_whatever_is_wrong_with_it) {
  const std::vector<Dealer> biased{
      without_rejection(),
      always_the_same_block(),
      one_key_for_all_segments(),
      dealer_with_step("never leaves a place alone",
                       [](const Below& below, std::uint32_t i, std::uint32_t size) {
                         return i + 1 == size ? i : i + 1 + below(size - i - 1);
                       }),
      dealer_with_step("never reaches the last place",
                       [](const Below& below, std::uint32_t i, std::uint32_t size) {
                         return i + 1 == size ? i : i + below(size - i - 1);
                       }),
      dealer_with_step("exchanges with any place",
                       [](const Below& below, std::uint32_t, std::uint32_t size) { return below(size); }),
  };
  for (const Dealer& dealer : biased) EXPECT_NE(caught_by(dealer), "") << dealer.name;
}

TEST(BiasedDealer, is_not_what_the_scaffolding_makes_of_a_right_one) {
  EXPECT_EQ(caught_by(dealer_with_step("right", right_step)), "");
}

}  // namespace
}  // namespace windfall::test
