// A promotion is shown as it is now, however often its text was shown before.
#include "adapters/http/api/promotion_texts.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace windfall::test {
namespace {

DefinitionPtr titled(std::uint32_t partition, std::string title) {
  Definition definition{.partition = {partition}, .revision = {1}, .promotion = {}, .zone = {}};
  definition.promotion.id = std::to_string(partition);
  definition.promotion.title = std::move(title);
  return std::make_shared<const Definition>(std::move(definition));
}

PromotionView view_of(DefinitionPtr definition, std::int64_t left = 5) {
  return {.definition = std::move(definition),
          .status = Status::active,
          .join_count = 0,
          .left_join_count = left,
          .left_today_count = {},
          .spent = 0};
}

std::string shown(http::PromotionTexts& texts, const PromotionView& view) {
  std::string out;
  texts.append_to(out, view);
  return out;
}

std::string rendered(const PromotionView& view) {
  std::string out;
  codec::PromotionText(*view.definition)
      .append_to(out,
                 {.status = view.status, .left_join_count = view.left_join_count, .left_today = view.left_today_count});
  return out;
}

TEST(PromotionTexts, FollowTheFiguresAndTheDefinition) {
  http::PromotionTexts texts;
  const DefinitionPtr first = titled(1, "before");
  for (const std::int64_t left : {5, 4, 0}) {
    EXPECT_EQ(shown(texts, view_of(first, left)), rendered(view_of(first, left)));
  }
  const DefinitionPtr second = titled(1, "after");
  EXPECT_EQ(shown(texts, view_of(second)), rendered(view_of(second)));
  EXPECT_NE(shown(texts, view_of(second)), rendered(view_of(first)));
}

TEST(PromotionTexts, AreRightForMoreThanAreKept) {
  http::PromotionTexts texts;
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < http::PromotionTexts::kMost + 2; ++i) {
      const PromotionView view = view_of(titled(i, "title " + std::to_string(i)));
      ASSERT_EQ(shown(texts, view), rendered(view));
    }
  }
}

}  // namespace
}  // namespace windfall::test
