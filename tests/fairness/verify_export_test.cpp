// Honest exports: whatever happened in a promotion, both verifiers agree that its export is right, and on its sums.
#include <gtest/gtest.h>

#include <variant>

#include "domain/deck/lotteries.hpp"
#include "fairness/export_story.hpp"
#include "fairness/verifiers.hpp"

namespace windfall::fairness {
namespace {

void expect_right(const StoryTerms& terms, const std::string& what) {
  Story story;
  tell(story, terms);
  const std::string text = story.text();
  const Verdict verdict = verdict_of(text);
  EXPECT_EQ(told_by(verdict), std::vector<std::string>{}) << what;
  EXPECT_TRUE(verdict.ok()) << what;
  EXPECT_EQ(told_by_script({text}).front(), std::vector<std::string>{}) << what;
  const auto& end = std::get<codec::ExportEnd>(story.lines.back());
  EXPECT_EQ(verdict.promotion, "summer");
  EXPECT_EQ(verdict.lines, story.lines.size());
  EXPECT_EQ(verdict.draws, end.draws);
  EXPECT_EQ(verdict.wins, end.wins);
  EXPECT_EQ(verdict.second_wins, end.second_wins);
  EXPECT_EQ(verdict.shortfall, end.shortfall);
}

TEST(HonestExport, of_an_eventful_promotion_is_right) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    StoryTerms terms = eventful();
    terms.seed = seed;
    expect_right(terms, "seed " + std::to_string(seed));
  }
}

TEST(HonestExport, tells_of_everything_the_format_has) {
  Story story;
  tell(story, eventful());
  std::vector<std::size_t> kinds(std::variant_size_v<codec::ExportLine>);
  for (const codec::ExportLine& line : story.lines) ++kinds[line.index()];
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) EXPECT_GT(kinds[kind], 0U) << "kind " << kind;
}

TEST(HonestExport, of_a_promotion_that_ended_early_leaves_a_shortfall) {
  StoryTerms terms = eventful();
  terms.second_chance = false;
  terms.second_voids = 0;
  expect_right(terms, "no second chance");
  terms = eventful();
  terms.users = 5;
  expect_right(terms, "five people, who all win what they may");
  terms = eventful();
  terms.users = 0;
  terms.voids_before = terms.voids_after = terms.second_voids = 0;
  expect_right(terms, "nobody came");
}

TEST(HonestExport, may_have_any_segments_curves_and_rates) {
  for (const std::uint32_t minutes : {15U, 90U, 1440U}) {
    StoryTerms terms = eventful();
    terms.lottery.segment_minutes = minutes;
    terms.lottery.traffic_curve.reset();
    terms.lottery.expected_draws_per_day = 777;
    terms.lottery.win_rate = {.min = 1000, .max = 1000};
    expect_right(terms, std::to_string(minutes) + " minutes");
  }
}

TEST(HonestExport, without_a_last_line_feed_is_right) {
  Story story;
  tell(story, eventful());
  std::string text = story.text();
  text.pop_back();
  const ExportFile file(text);
  const Result<Verdict> verdict = verify_export(file.path());
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->ok());
  EXPECT_EQ(told_by_script({text}).front(), std::vector<std::string>{});
}

}  // namespace
}  // namespace windfall::fairness
