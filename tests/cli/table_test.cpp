#include "app/client/table.hpp"

#include <gtest/gtest.h>

namespace windfall::client {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  struct Row {
    const char* text;
    std::size_t width;
  };
  for (const Row& row : {Row{"", 0}, Row{"abc", 3}, Row{"프로모션", 8}, Row{"a가b", 4}, Row{"漢字かな", 8},
                         Row{"ＡＢ", 4}, Row{"e\u0301", 1},  // an accent joins its letter
                         Row{"\u1112\u1161\u11AB", 2},       // 한 in three conjoining jamo is one syllable
                         Row{"a\u200Bb", 2}, Row{"\U0001F381", 2}, Row{"é", 1}, Row{"…", 1}}) {
    EXPECT_EQ(display_width(row.text), row.width) << row.text;
  }
}

TEST(Printable, LeavesNothingThatATerminalWouldObey) {
  EXPECT_EQ(printable("plain 한글"), "plain 한글");
  EXPECT_EQ(printable("a\x1b[31mb"), "a\uFFFD[31mb");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a\uFFFDb\uFFFDc\uFFFD");
  EXPECT_EQ(printable("\u009B31m"), "\uFFFD31m");
  EXPECT_EQ(printable("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(printable("cut \xEA\xB0"), "cut \uFFFD\uFFFD");
}

TEST(Table, AlignsColumnsThatHoldHangul) {
  Table table({{"NAME"}, {"LEFT", true}, {"TITLE"}});
  table.add({"가나", "7", "x"});
  table.add({"abcdef", "1234567", ""});
  EXPECT_EQ(table.text(),
            "NAME       LEFT  TITLE\n"
            "가나          7  x\n"
            "abcdef  1234567\n");
}

TEST(Table, ShowsItsHeadingWhereThereIsNothingElse) { EXPECT_EQ(Table({{"A"}, {"B"}}).text(), "A  B\n"); }

TEST(Table, KeepsEveryRowOnOneLine) {
  Table table({{"A"}});
  table.add({"one\ntwo"});
  EXPECT_EQ(table.text(), "A\none\uFFFDtwo\n");
}

}  // namespace
}  // namespace windfall::client
