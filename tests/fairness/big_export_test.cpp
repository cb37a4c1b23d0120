// An export of the size that was asked for: 128,401 prizes, one and a half million draws.
#include <gtest/gtest.h>

#include <chrono>

#include "domain/deck/lotteries.hpp"
#include "fairness/export_story.hpp"
#include "fairness/verifiers.hpp"

namespace windfall::fairness {
namespace {

#ifdef __OPTIMIZE__
constexpr std::uint32_t kPart = 1;
#else
constexpr std::uint32_t kPart = 20;  // without optimization it would take minutes
#endif

TEST(BigExport, is_verified_from_its_file) {
  StoryTerms terms;
  terms.lottery = test::big_lottery();
  terms.lottery.prizes[0].count /= kPart;
  terms.days = 24;
  terms.users = 900'000 / kPart;
  terms.draws_per_segment = 2514 / kPart;
  Story story;
  tell(story, terms);
  const ExportFile file(story.text());
  const auto begin = std::chrono::steady_clock::now();
  const Result<Verdict> verdict = verify_export(file.path());
  const auto took = std::chrono::steady_clock::now() - begin;
  RecordProperty("milliseconds", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(told_by(*verdict), std::vector<std::string>{});
  EXPECT_GT(verdict->draws, 1'440'000U / kPart);
  EXPECT_EQ(verdict->wins + verdict->second_wins, (128'391U / kPart) + 10);
  EXPECT_EQ(verdict->shortfall, 0U);
}

}  // namespace
}  // namespace windfall::fairness
