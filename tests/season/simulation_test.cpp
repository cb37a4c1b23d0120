// Campaigns in virtual time, small ones: exactly all prizes, every invariant, and an export that the verifier accepts.
#include "app/simulate/simulation.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/fairness/verify_export.hpp"
#include "app/simulate/figures.hpp"

namespace windfall::simulate {
namespace {

Campaign small(std::uint64_t seed) {
  Campaign campaign;
  campaign.users = 3000;
  campaign.days = 5;
  campaign.prizes = 1284;
  campaign.bots = 0.1;
  campaign.seed = seed;
  campaign.curve = usual_curve(5);
  return campaign;
}

SimulationResult run(const Campaign& campaign) {
  Simulation simulation(campaign);
  Result<SimulationResult> result = simulation.run();
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(SimulationResult{});
}

class EverySeed : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Simulation, EverySeed, testing::Values(1, 2, 3, 4));

TEST_P(EverySeed, EndsWithExactlyAllPrizesGivenAndEveryInvariant) {
  const SimulationResult result = run(small(GetParam()));
  EXPECT_EQ(result.winners, 1284);
  EXPECT_EQ(result.shortfall, 0);
  EXPECT_GT(result.draws, 10'000);
  ASSERT_EQ(result.invariants.size(), 13U);
  for (const InvariantResult& invariant : result.invariants) {
    EXPECT_GT(invariant.checked, 0) << invariant.id;
    EXPECT_EQ(invariant.violations, 0) << invariant.id << ": " << invariant.first;
  }
}

TEST_P(EverySeed, TellsDrawsThatTheVerifierAccepts) {
  Simulation simulation(small(GetParam()));
  const Result<SimulationResult> result = simulation.run();
  ASSERT_TRUE(result);
  std::string text;
  ASSERT_TRUE(simulation.tell_draws([&text](std::string_view piece) { text += piece; }));
  fairness::ExportVerifier verifier;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    ASSERT_NE(end, std::string_view::npos) << "every line is ended";
    verifier.line(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  const fairness::Verdict verdict = verifier.finish();
  EXPECT_TRUE(verdict.ok()) << verdict.as_text();
  EXPECT_EQ(static_cast<std::int64_t>(verdict.draws), result->draws);
  EXPECT_EQ(static_cast<std::int64_t>(verdict.wins + verdict.second_wins), result->winners);
}

TEST(SimulationTest, TheSameSeedIsTheSameCampaignAndAnotherIsAnother) {
  const SimulationResult first = run(small(1));
  const SimulationResult again = run(small(1));
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(as_json(small(1), first), as_json(small(1), again));
  EXPECT_NE(first.digest, run(small(2)).digest);
}

TEST(SimulationTest, MorePrizesThanPeopleLeaveAPublishedShortfall) {
  Campaign campaign = small(1);
  campaign.prizes = 6000;
  const SimulationResult result = run(campaign);
  EXPECT_TRUE(result.ok());
  EXPECT_GT(result.shortfall, 0);
  EXPECT_EQ(result.winners + result.shortfall, 6000);
}

TEST(SimulationTest, APartnerThatFailsPaysEachWinOnceAllTheSame) {
  Campaign campaign = small(1);
  campaign.partner_faults = 0.6;
  const SimulationResult result = run(campaign);
  EXPECT_TRUE(result.ok());
  const RewardFigures& rewards = result.rewards;
  EXPECT_EQ(rewards.accruals.done, 10);
  EXPECT_EQ(rewards.spend, 10'000'000);
  EXPECT_EQ(rewards.notifications.done, 1284);
  EXPECT_GT(rewards.partner.failed, 0);
  EXPECT_GT(rewards.partner.unknown, 0);
  EXPECT_GT(rewards.partner.asked, 0) << "what may have been booked is asked before it is sent again";
  EXPECT_GT(rewards.redriven, 0) << "what was refused is tried again by an operator";
}

TEST(SimulationTest, CodesRunOutForAWhileAndEveryCouponGetsOne) {
  const SimulationResult result = run(small(1));
  const CodeFigures& codes = result.codes;
  EXPECT_EQ(codes.files, 6);
  EXPECT_EQ(codes.imported, 1274) << "ten of the prizes are points";
  EXPECT_EQ(codes.duplicates, 50) << "each file but the first repeats ten lines of the one before";
  EXPECT_EQ(codes.assigned, 1274);
  EXPECT_EQ(codes.left, 0);
  EXPECT_EQ(codes.waiting, 0);
  EXPECT_GT(codes.most_waiting, 0);
  EXPECT_GT(codes.longest_wait_ms, 3'600'000);
  EXPECT_GE(codes.alarms, 2) << "low before the late file came, and again when somebody waited";
}

SimulationResult with_codes(std::int64_t codes) {
  Campaign campaign = small(1);
  campaign.codes = codes;
  SimulationResult result = run(campaign);
  EXPECT_TRUE(result.ok());
  return result;
}

TEST(SimulationTest, TooFewCodesLeaveCouponsThatWait) {
  const SimulationResult result = with_codes(1000);
  EXPECT_EQ(result.winners, 1284) << "a win does not wait for its code";
  EXPECT_EQ(result.codes.assigned, 1000);
  EXPECT_EQ(result.codes.left, 0);
  EXPECT_EQ(result.codes.waiting, 274);
  EXPECT_GE(result.codes.most_waiting, 274);
}

TEST(SimulationTest, WithoutAnyCodeEveryCouponWaits) {
  const SimulationResult result = with_codes(0);
  EXPECT_EQ(result.codes.files, 0);
  EXPECT_EQ(result.codes.waiting, 1274);
  EXPECT_EQ(result.codes.most_waiting, 1274);
}

TEST(SimulationTest, MoreCodesThanPrizesAreLeft) {
  const SimulationResult result = with_codes(3000);
  EXPECT_EQ(result.codes.imported, 3000);
  EXPECT_EQ(result.codes.assigned, 1274);
  EXPECT_EQ(result.codes.left, 1726);
  EXPECT_EQ(result.codes.waiting, 0);
}

TEST(SimulationTest, CheatsAreRefused) {
  const SimulationResult result = run(small(1));
  for (const char* reason : {"OWN_LINK", "ALREADY_CREDITED", "NOT_FIRST_VISIT", "INVITER_LIMIT", "NO_TICKET",
                             "ALREADY_WON", "ALREADY_VISITED"}) {
    EXPECT_TRUE(result.refusals.contains(reason)) << reason;
  }
}

TEST(SimulationTest, TheJsonHasWhatThePageShows) {
  const Campaign campaign = small(1);
  const SimulationResult result = run(campaign);
  const std::string json = as_json(campaign, result);
  const auto has = [&json](const std::string& member) {
    EXPECT_NE(json.find(member), std::string::npos) << member << "\n" << json.substr(0, 2000);
  };
  has(fmt::format("\"users\":3000,\"demand\":1,\"planned\":1284,"));
  has(fmt::format("\"worth\":{},", result.spend));
  ASSERT_GT(result.spend, 0);
  ASSERT_FALSE(result.refusals.empty());
  for (const auto& [code, count] : result.refusals) has(fmt::format("\"{}\":{}", code, count));
  Amount worth = 0;
  for (const SimulatedDay& day : result.days) {
    worth += day.worth;
    has(fmt::format("\"plan\":{},\"won\":{},\"draws\":{},\"worth\":{}}}", day.plan, day.won, day.draws, day.worth));
  }
  EXPECT_EQ(worth, result.spend);
  has("\"days\":[{\"date\":\"2024-07-08\",");
  const std::vector<Hour> hours = hours_of(result);
  ASSERT_EQ(hours.size(), 5U * 24);
  std::int64_t draws = 0;
  for (const Hour& hour : hours) {
    draws += hour.draws;
    if (hour.draws > 0)
      EXPECT_NEAR(hour.odds, 100.0 * double(hour.wins) / double(hour.draws), 0.0051) << "to two places";
    has(fmt::format("\"hour\":{},\"draws\":{},\"wins\":{},\"odds\":{}}}", hour.hour, hour.draws, hour.wins, hour.odds));
  }
  EXPECT_EQ(draws, result.draws);
  has("\"codes\":{\"files\":6,\"imported\":1274,\"duplicates\":50,\"assigned\":1274,\"left\":0,\"waiting\":0,"
      "\"waitingAtMost\":");
  has(fmt::format("\"longestWaitSeconds\":{},\"lowWaterAlarms\":{}}}", result.codes.longest_wait_ms / 1000,
                  result.codes.alarms));
  for (const InvariantResult& invariant : result.invariants) has("\"what\":\"" + std::string(invariant.what));
}

TEST(SimulationTest, ThePageNeedsNothingFromAnywhere) {
  const Campaign campaign = small(1);
  const std::string page = as_html(campaign, run(campaign));
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
  for (const char* part : {"<svg", "Winners per day", "Odds per hour", "Tickets by cause", "OWN_LINK", "I9", "I14",
                           "points in its book", "codes assigned", "PENDING_CODE"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace windfall::simulate
