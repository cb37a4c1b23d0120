// Nobody is favoured, as seen by people: chi-square tests over users, over the place of a user's name and of their
// reference among all, and over who comes first, for draws and for the second chance. Fixed seeds, as in bias_test.cpp;
// lotteries that prefer somebody on purpose are judged by the same tests, and each is caught.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "domain/deck/chi_square.hpp"
#include "domain/deck/lotteries.hpp"
#include "domain/lottery/choices.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::test {
namespace {

constexpr std::uint64_t kSeeds = 1'200;
constexpr std::uint32_t kUsers = 48;
/// Winners of one lottery, by draws and by the second chance alike.
constexpr std::uint32_t kWinners = 11;

struct Person {
  std::string name;
  UserRef ref;
};
using People = std::vector<Person>;  ///< in the order in which they come

/// A reference is a hash of the name; any will do, and this one is quick.
Person person(const std::string& name) {
  const auto mixed = [](std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  };
  UserRef ref;
  for (const char c : name) ref.hi = mixed(ref.hi + static_cast<unsigned char>(c) + 0x9e3779b97f4a7c15U);
  ref.lo = mixed(ref.hi);
  return {.name = name, .ref = ref};
}

/// The same people in every lottery.
People regulars() {
  People people;
  for (std::uint32_t i = 0; i < kUsers; ++i) people.push_back(person("user-" + std::to_string(i)));
  return people;
}

/// Other people in each lottery: what is left of them is only where their names and references stand.
People strangers(std::uint64_t lottery) {
  People people;
  for (std::uint32_t i = 0; i < kUsers; ++i) {
    people.push_back(person(std::to_string(lottery) + "/" + std::string(1 + (i * 7) % 13, 'x') + std::to_string(i)));
  }
  return people;
}

/// Winners as indices of `people`, the one of the best prize first.
using Winners = std::vector<std::uint32_t>;
struct House {
  std::string name;
  std::function<Winners(const Seed&, const People&)> draws;   ///< everybody draws once
  std::function<Winners(const Seed&, const People&)> second;  ///< everybody has lost
};

/// Draws take the next serial, whoever comes.
Winners by_serial(const Seed& seed, const People& people) {
  Lottery lottery;
  lottery.prizes = {points("grand", 1), points("small", kWinners - 1)};
  Outcomes outcomes(seed, "p", lottery);
  const DeckTerms terms{.quota = kWinners, .length = static_cast<std::uint32_t>(people.size())};
  Winners winners;
  for (std::uint32_t serial = 0; serial < people.size(); ++serial) {
    const std::optional<std::uint32_t> prize = outcomes.prize_at(terms, serial);
    if (!prize) continue;
    *prize == 0 ? void(winners.insert(winners.begin(), serial)) : winners.push_back(serial);
  }
  return winners;
}

using Key = std::function<std::string(const Person&)>;

/// Places are ranks by `key`; the m-th of `places` wins the m-th item.
Winners ranked(const People& people, const Key& key, const std::vector<std::uint32_t>& places) {
  std::vector<std::pair<std::string, std::uint32_t>> ranks;
  for (std::uint32_t i = 0; i < people.size(); ++i) ranks.emplace_back(key(people[i]), i);
  std::ranges::sort(ranks);
  Winners winners;
  for (const std::uint32_t place : places) winners.push_back(ranks[place].second);
  return winners;
}

std::vector<std::uint32_t> second_places(const Seed& seed, std::uint32_t pool) {
  std::vector<std::uint32_t> places;
  for (const SecondWin& win : second_chance(seed, pool, items_left({}, 0, kWinners))) places.push_back(win.place);
  return places;
}

Winners by_pseudonym(const Seed& seed, const People& people) {
  const Pseudonyms pseudonyms(seed);
  return ranked(
      people, [&](const Person& one) { return to_text(pseudonyms.of(one.ref)); },
      second_places(seed, static_cast<std::uint32_t>(people.size())));
}

House ours() { return {.name = "ours", .draws = by_serial, .second = by_pseudonym}; }

std::string reference_text(const Person& one) {
  std::string text;
  for (const std::uint64_t half : {one.ref.hi, one.ref.lo}) {
    for (int shift = 56; shift >= 0; shift -= 8) text.push_back(static_cast<char>((half >> shift) & 0xFFU));
  }
  return text;
}

/// A person's rank among all by a key, by index.
std::vector<std::uint32_t> ranks_by(const People& people, const Key& key) {
  std::vector<std::uint32_t> everybody(people.size());
  std::iota(everybody.begin(), everybody.end(), 0U);
  const Winners in_order = ranked(people, key, everybody);
  std::vector<std::uint32_t> ranks(people.size());
  for (std::uint32_t rank = 0; rank < in_order.size(); ++rank) ranks[in_order[rank]] = rank;
  return ranks;
}

using Draw = std::function<Winners(const Seed&, const People&)>;

/// Each check counts winners in kUsers cells.
struct Check {
  std::string name;
  std::function<double(const Draw&)> judge;
};

double over_users(const Draw& draw) {
  const People people = regulars();
  std::vector<double> wins(kUsers);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    for (const std::uint32_t winner : draw(seed_no(n), people)) ++wins[winner];
  }
  return unevenness(wins, kWinners);
}

double best_prize_over_users(const Draw& draw) {
  const People people = regulars();
  std::vector<double> wins(kUsers);
  for (std::uint64_t n = 0; n < kSeeds; ++n) ++wins[draw(seed_no(n), people).front()];
  return unevenness(wins);
}

double over_ranks(const Draw& draw, const Key& key) {
  std::vector<double> wins(kUsers);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const People people = strangers(n);
    const std::vector<std::uint32_t> ranks = ranks_by(people, key);
    for (const std::uint32_t winner : draw(seed_no(n), people)) ++wins[ranks[winner]];
  }
  return unevenness(wins, kWinners);
}

double over_arrivals(const Draw& draw) {
  std::vector<double> wins(kUsers);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    for (const std::uint32_t winner : draw(seed_no(n), strangers(n))) ++wins[winner];
  }
  return unevenness(wins, kWinners);
}

/// The last byte of a reference, by sixteenths: what a table of slots would look at.
double over_low_bits(const Draw& draw) {
  std::vector<double> wins(16);
  std::vector<double> there(16);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const People people = strangers(n);
    for (const Person& one : people) ++there[one.ref.lo % 16];
    for (const std::uint32_t winner : draw(seed_no(n), people)) ++wins[people[winner].ref.lo % 16];
  }
  // Against how many people there are of each kind; winners of one lottery are drawn without repetition.
  double sum = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const double expected = there[i] * kWinners / kUsers;
    sum += (wins[i] - expected) * (wins[i] - expected) / expected;
  }
  return deviations(sum * (kUsers - 1.0) / (kUsers - kWinners), 15);
}

const std::vector<Check>& checks() {
  static const std::vector<Check> kChecks{
      {"users", over_users},
      {"the best prize over users", best_prize_over_users},
      {"place of the name", [](const Draw& d) { return over_ranks(d, [](const Person& one) { return one.name; }); }},
      {"place of the reference", [](const Draw& d) { return over_ranks(d, reference_text); }},
      {"order of arrival", over_arrivals},
      {"low bits of the reference", over_low_bits},
  };
  return kChecks;
}

TEST(FairHouse, favours_no_user_no_name_no_reference_and_no_early_bird) {
  for (const Check& check : checks()) {
    const double drawn = check.judge(ours().draws);
    const double second = check.judge(ours().second);
    EXPECT_LT(std::abs(drawn), kSuspicious) << check.name << ", draws";
    EXPECT_LT(std::abs(second), kSuspicious) << check.name << ", second chance";
    RecordProperty("deviations over " + check.name, std::to_string(drawn) + ", " + std::to_string(second));
  }
}

TEST(FairHouse, counts_as_many_winners_as_there_are_prizes) {
  for (std::uint64_t n = 0; n < 50; ++n) {
    for (const Draw& draw : {ours().draws, ours().second}) {
      Winners winners = draw(seed_no(n), regulars());
      std::ranges::sort(winners);
      EXPECT_EQ(winners.size(), kWinners);
      EXPECT_TRUE(std::ranges::adjacent_find(winners) == winners.end()) << "somebody twice";
    }
  }
}

/// The first check that finds somebody preferred; "" if none does.
std::string caught_by(const Draw& draw) {
  for (const Check& check : checks()) {
    if (std::abs(check.judge(draw)) >= kSuspicious) return check.name;
  }
  return "";
}

// Houses that prefer somebody, in one lottery of a few.

Draw one_in(std::uint32_t lotteries, const Draw& fair, const std::function<std::uint32_t(const People&)>& preferred) {
  return [=](const Seed& seed, const People& people) {
    Winners winners = fair(seed, people);
    const std::uint32_t friend_of_the_house = preferred(people);
    const bool now = key_for(seed, "favour")[0] < 256 / lotteries;
    if (now && std::ranges::find(winners, friend_of_the_house) == winners.end()) winners.back() = friend_of_the_house;
    return winners;
  };
}

Draw best_prize_in_every_other(const Draw& fair, std::uint32_t who) {
  return [=](const Seed& seed, const People& people) {
    Winners winners = fair(seed, people);
    const auto found = std::ranges::find(winners, who);
    const bool now = key_for(seed, "favour")[0] < 128;
    if (now && found != winners.end()) std::iter_swap(found, winners.begin());
    return winners;
  };
}

std::uint32_t first_by(const People& people, const Key& key) { return ranked(people, key, {0}).front(); }

TEST(UnfairHouse, is_caught_whomever_it_prefers) {
  struct Planted {
    const char* name;
    const char* by;
    std::function<Draw(const Draw&)> with;
  };
  const std::vector<Planted> planted{
      {"a friend of the house", "users", [](const Draw& d) { return one_in(6, d, [](const People&) { return 17U; }); }},
      {"somebody whose win is the best one", "the best prize over users",
       [](const Draw& d) { return best_prize_in_every_other(d, 5); }},
      {"the first name", "place of the name",
       [](const Draw& d) {
         return one_in(6, d, [](const People& p) { return first_by(p, [](const Person& one) { return one.name; }); });
       }},
      {"the lowest reference", "place of the reference",
       [](const Draw& d) { return one_in(6, d, [](const People& p) { return first_by(p, reference_text); }); }},
      {"references that end with 0000", "low bits of the reference",
       [](const Draw& d) {
         return one_in(2, d, [](const People& p) {
           const auto found = std::ranges::find_if(p, [](const Person& one) { return one.ref.lo % 16 == 0; });
           return found == p.end() ? 0U : static_cast<std::uint32_t>(found - p.begin());
         });
       }},
  };
  for (const Planted& one : planted) {
    for (const Draw& fair : {ours().draws, ours().second}) {
      const Draw unfair = one.with(fair);
      for (const Check& check : checks()) {
        if (check.name == one.by) {
          EXPECT_GE(std::abs(check.judge(unfair)), kSuspicious) << one.name;
        }
      }
    }
  }
}

TEST(UnfairHouse, is_caught_where_its_deck_is_not_shuffled) {
  const Draw early_bird = [](const Seed&, const People& people) {
    Winners winners;
    for (std::uint32_t i = 0; i < people.size() && winners.size() < kWinners; i += 4) winners.push_back(i);
    return winners;
  };
  EXPECT_NE(caught_by(early_bird), "");
}

TEST(UnfairHouse, is_caught_where_a_shuffle_is_wrong_and_people_stand_in_it_by_their_references) {
  const Draw by_reference = [](const Seed& seed, const People& people) {
    Choices choices(key_for(seed, kSecondChanceLabel));
    std::vector<std::uint32_t> places(people.size());
    std::iota(places.begin(), places.end(), 0U);
    for (std::uint32_t i = 0; i < kWinners; ++i) std::swap(places[i], places[choices.below(kUsers)]);
    places.resize(kWinners);
    return ranked(people, reference_text, places);
  };
  EXPECT_NE(caught_by(by_reference), "");
}

}  // namespace
}  // namespace windfall::test
