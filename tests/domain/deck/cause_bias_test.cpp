// Nobody is favoured, whatever their ticket was given for: chi-square tests over its causes. People earn one ticket
// each by the rules themselves, on the hot state, and draw it; those of one cause come together, so that a deck that is
// not shuffled prefers a cause. Fixed seeds, as in bias_test.cpp; houses that look at the cause are caught.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/builders.hpp"
#include "domain/deck/chi_square.hpp"
#include "domain/deck/lotteries.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/lottery/outcomes.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall::test {
namespace {

constexpr std::uint64_t kSeeds = 1'200;
constexpr std::uint32_t kUsersPerCause = 12;
constexpr std::uint32_t kDraws = kUsersPerCause * kGrantCauses;
/// Winners of one lottery.
constexpr std::uint32_t kWinners = 11;

constexpr std::array<std::pair<GrantCause, const char*>, kGrantCauses> kCauses{{
    {GrantCause::visit, "a visit"},
    {GrantCause::invite_sent, "an invite"},
    {GrantCause::invite_opened, "an open"},
    {GrantCause::adjustment, "an adjustment"},
}};

struct DrawnTicket {
  GrantCause cause = GrantCause::visit;
  std::optional<std::uint32_t> prize;  ///< 0: the best one
};
/// One lottery's draws, in their order.
using Draws = std::vector<DrawnTicket>;

/// One lottery that is lived through: the state judges every step.
class Campaign {
 public:
  explicit Campaign(const Seed& seed) : definition_(definition(dice())), outcomes_(seed, "1", *dice().lottery) {
    accept(propose_segment(definition_, {}, kTerms, kNoon));
  }

  Draws run() {
    // Everybody has a number; an inviter's friend has the one behind.
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) accept(propose_visit(definition_, wish(user(i))));
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) draw(user(i));
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i)
      accept(propose_open(definition_, wish(user(201 + (2 * i))), user(200 + (2 * i)), true));
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) draw(user(200 + (2 * i)));
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) draw(user(201 + (2 * i)));
    const Audit audit{.actor = "k-1", .action = "adjustTickets", .reason = "sorry"};
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) accept(propose_adjustment(definition_, user(100 + i), 1, audit));
    for (std::uint32_t i = 0; i < kUsersPerCause; ++i) draw(user(100 + i));
    return std::move(draws_);
  }

 private:
  static constexpr DeckTerms kTerms{.quota = kWinners, .length = kDraws};

  static Promotion dice() {
    Promotion of = promotion();
    of.lottery.emplace();
    of.lottery->grants = {VisitGrant{.tickets = 1}, InviteGrant{.inviter_tickets = 1, .friend_tickets = 1}};
    of.lottery->prizes = {points("grand", 1), points("small", kWinners - 1)};
    return of;
  }
  static LotteryRequest wish(UserRef who) { return {.user = who, .command = std::nullopt, .now = kNoon}; }

  Accepted accept(const Proposal& proposal) {
    const Verdict verdict = state_.commit(proposal, kNoon);
    EXPECT_TRUE(is_accepted(verdict));
    state_.forget_undo();
    return is_accepted(verdict) ? std::get<Accepted>(verdict) : Accepted{};
  }
  Accepted accept(const LotteryDecision& decision) { return accept(std::get<LotteryPlan>(decision).proposal); }

  /// What a person's one ticket was given for, by their account.
  GrantCause cause_of(UserRef who) const {
    std::vector<GrantCause> causes;
    for (const auto& [cause, name] : kCauses) {
      if (state_.look(keys::granted(definition_.partition, who, cause)) > 0) causes.push_back(cause);
    }
    EXPECT_EQ(causes.size(), 1U);
    EXPECT_EQ(state_.look(keys::tickets(definition_.partition, who)), 1);
    return causes.empty() ? GrantCause::visit : causes.front();
  }

  void draw(UserRef who) {
    const GrantCause cause = cause_of(who);
    const Accepted drawn = accept(propose_draw(definition_, wish(who), {.draws = 0, .wins = 0, .segment = {}}));
    ASSERT_EQ(drawn.assignment.taken, std::vector{static_cast<std::int64_t>(draws_.size())});
    draws_.push_back({.cause = cause, .prize = outcomes_.prize_at(kTerms, drawn.assignment.taken.front())});
  }

  Definition definition_;
  Outcomes outcomes_;
  State state_ = state_with_partition();
  Draws draws_;
};

/// All lotteries as they were lived through, once for all tests.
const std::vector<Draws>& lived() {
  static const std::vector<Draws> kLived = [] {
    std::vector<Draws> all;
    for (std::uint64_t n = 0; n < kSeeds; ++n) all.push_back(Campaign(seed_no(n)).run());
    return all;
  }();
  return kLived;
}

/// What a house makes of the draws of its n-th lottery.
using House = std::function<Draws(std::uint64_t n)>;

Draws ours(std::uint64_t n) { return lived()[n]; }

/// Winners by cause, against as many of each.
double wins_over_causes(const House& house) {
  std::array<double, kGrantCauses> wins{};
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    for (const DrawnTicket& draw : house(n)) wins.at(static_cast<std::size_t>(draw.cause)) += draw.prize ? 1 : 0;
  }
  const double expected = static_cast<double>(kSeeds) * kWinners / kGrantCauses;
  double sum = 0;
  for (const double count : wins) sum += (count - expected) * (count - expected) / expected;
  // Winners of one lottery are drawn without repetition.
  return deviations(sum * (kDraws - 1.0) / (kDraws - kWinners), kGrantCauses - 1.0);
}

double best_prize_over_causes(const House& house) {
  std::vector<double> wins(kGrantCauses);
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    for (const DrawnTicket& draw : house(n)) wins[static_cast<std::size_t>(draw.cause)] += draw.prize == 0U ? 1 : 0;
  }
  return unevenness(wins);
}

TEST(FairTicket, wins_alike_whatever_it_was_given_for) {
  const double all = wins_over_causes(ours);
  const double best = best_prize_over_causes(ours);
  EXPECT_LT(std::abs(all), kSuspicious);
  EXPECT_LT(std::abs(best), kSuspicious);
  RecordProperty("deviations over causes", std::to_string(all) + ", of the best prize " + std::to_string(best));
}

TEST(FairTicket, is_counted_once_for_each_draw_and_each_prize) {
  for (std::uint64_t n = 0; n < kSeeds; ++n) {
    const Draws draws = ours(n);
    ASSERT_EQ(draws.size(), kDraws);
    ASSERT_EQ(std::ranges::count_if(draws, [](const DrawnTicket& one) { return one.prize.has_value(); }), kWinners);
    ASSERT_EQ(std::ranges::count_if(draws, [](const DrawnTicket& one) { return one.prize == 0U; }), 1);
    for (const auto& [cause, name] : kCauses) ASSERT_EQ(std::ranges::count(draws, cause, &DrawnTicket::cause), 12);
  }
}

// Houses that look at the cause, in one lottery of six or in every other one.

bool now(std::uint64_t n, std::uint32_t lotteries) { return key_for(seed_no(n), "favour")[0] < 256 / lotteries; }

/// Somebody's win goes to a ticket of that cause which has lost.
House preferring(GrantCause cause) {
  return [cause](std::uint64_t n) {
    Draws draws = ours(n);
    if (!now(n, 6)) return draws;
    const auto lost = std::ranges::find_if(draws, [&](const auto& one) { return one.cause == cause && !one.prize; });
    const auto won = std::ranges::find_if(draws, [&](const auto& one) { return one.cause != cause && one.prize; });
    if (lost != draws.end() && won != draws.end()) std::swap(lost->prize, won->prize);
    return draws;
  };
}

/// As many win as should, but the best prize goes to a winner of that cause.
House giving_the_best_to(GrantCause cause) {
  return [cause](std::uint64_t n) {
    Draws draws = ours(n);
    if (!now(n, 2)) return draws;
    const auto best = std::ranges::find_if(draws, [](const auto& one) { return one.prize == 0U; });
    const auto won = std::ranges::find_if(draws, [&](const auto& one) { return one.cause == cause && one.prize; });
    if (won != draws.end()) std::swap(best->prize, won->prize);
    return draws;
  };
}

TEST(UnfairTicket, is_caught_whatever_cause_is_preferred) {
  for (const auto& [cause, name] : kCauses) {
    EXPECT_GE(wins_over_causes(preferring(cause)), kSuspicious) << name;
    EXPECT_GE(best_prize_over_causes(giving_the_best_to(cause)), kSuspicious) << name;
    EXPECT_LT(std::abs(wins_over_causes(giving_the_best_to(cause))), kSuspicious) << "as many win: " << name;
  }
}

TEST(UnfairTicket, is_caught_where_the_deck_is_not_shuffled) {
  const House early = [](std::uint64_t n) {
    Draws draws = ours(n);
    for (std::uint32_t i = 0; i < kDraws; ++i) draws[i].prize = i < kWinners ? std::optional{i} : std::nullopt;
    return draws;
  };
  EXPECT_GE(wins_over_causes(early), kSuspicious);
}

}  // namespace
}  // namespace windfall::test
