// Columns, bars and lines, in both languages.
#include "app/demo/screen.hpp"

#include <gtest/gtest.h>

#include "app/demo/columns.hpp"

namespace windfall::demo {
namespace {

Picture some_picture() {
  Picture picture{.elapsed = 12.3, .planned = 20, .partner_up = false, .largest_backlog = 4000};
  for (const char* title : {"프로모션 A", "Promotion B", "아주 긴 이름을 가진 프로모션이라 잘려야 합니다"}) {
    picture.promotions.push_back({.title = title,
                                  .stock = 5000,
                                  .stats = {.joins = 3766,
                                            .left = 1234,
                                            .condition_not_met = 1001,
                                            .already_participated = 222,
                                            .sold_out = 0,
                                            .pending = 1500,
                                            .done = 2266},
                                  .joins_per_second = 345});
  }
  return picture;
}

TEST(Columns, HangulTakesTwoColumnsAndBlocksOne) {
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("프로모션 A"), 10U);
  EXPECT_EQ(columns_of("█░·"), 3U);
}

TEST(Columns, FitCutsBeforeHalfASyllableAndFillsUp) {
  EXPECT_EQ(fit("프로모션", 5), "프로 ");
  EXPECT_EQ(fit("프로", 6), "프로  ");
  EXPECT_EQ(fit("", 2), "  ");
}

TEST(Columns, NumbersAreGroupedByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

TEST(Columns, ABarIsFullEmptyOrBetween) {
  EXPECT_EQ(bar(1, 4, true), "####");
  EXPECT_EQ(bar(0, 4, true), "....");
  EXPECT_EQ(bar(0.5, 4, true), "##..");
  EXPECT_EQ(bar(7, 2, false), "██");
}

TEST(Screen, EveryLineOfAPictureIsAsWideAsTheTerminalInBothLanguages) {
  for (const Language language : {Language::korean, Language::english}) {
    for (const std::size_t columns : {40U, 79U, 100U, 120U}) {
      for (const bool ascii : {true, false}) {
        for (const std::string& line :
             draw(some_picture(), {.live = true, .ascii = ascii, .columns = columns}, words_of(language))) {
          EXPECT_EQ(columns_of(line), columns) << line;
        }
      }
    }
  }
}

TEST(Screen, ShowsStockRateRefusalsAndAccrualsOfEachPromotionOnAnOrdinaryTerminal) {
  const auto lines = draw(some_picture(), {.live = true, .columns = 100}, words_of(Language::korean));
  ASSERT_EQ(lines.size(), 8U);
  EXPECT_NE(lines[0].find("12.3 / 20초"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("장애"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("프로모션 A"), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find("1,234 / 5,000 남음  345건/초"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("조건 1,001 · 중복 222 · 소진 0"), std::string::npos) << lines[2];
  EXPECT_NE(lines[2].find("완료 2,266 · 대기 1,500"), std::string::npos) << lines[2];
  EXPECT_NE(lines[7].find("4,500"), std::string::npos) << lines[7];
}

TEST(Screen, OneLineTellsTheSameWhereThereIsNoTerminal) {
  EXPECT_EQ(describe(some_picture(), words_of(Language::english)),
            "[ 12 s] left 1,234 1,234 1,234 | 1,035 joins/s | refused: rule 3,003 · repeat 666 · sold out 0 | "
            "accrued 6,798 · pending 4,500 | partner down");
}

TEST(Screen, OfAClusterALineMoreTellsOfTheNodeAndOfAnswers503) {
  Picture picture = some_picture();
  picture.node = "redis-2";
  picture.node_up = false;
  picture.away = 1234;
  const auto lines = draw(picture, {.live = true, .columns = 100}, words_of(Language::korean));
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(columns_of(lines[8]), 100U);
  EXPECT_NE(lines[8].find("redis-2: 장애"), std::string::npos) << lines[8];
  EXPECT_NE(lines[8].find("503 응답 1,234건"), std::string::npos) << lines[8];
  EXPECT_TRUE(describe(picture, words_of(Language::english)).ends_with("partner down | redis-2 down · 503: 1,234"));
}

TEST(Screen, ColourIsTheOnlyThingThatEscapesInALine) {
  for (const std::string& line : draw(some_picture(), {.live = true, .columns = 80}, words_of(Language::english))) {
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
  }
  const auto coloured =
      draw(some_picture(), {.live = true, .colour = true, .columns = 80}, words_of(Language::english));
  EXPECT_NE(coloured[1].find("\x1b[32m"), std::string::npos);
}

TEST(Screen, AFileIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_FALSE(look_of(file).live);
  EXPECT_FALSE(look_of(file).colour);
  std::fclose(file);
}

TEST(Words, KoreanAndEnglishAreNamedByTheirTags) {
  EXPECT_EQ(parse_language("ko"), Language::korean);
  EXPECT_EQ(parse_language("en"), Language::english);
  EXPECT_FALSE(parse_language("de"));
}

}  // namespace
}  // namespace windfall::demo
