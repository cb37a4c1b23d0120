// Files of codes as operators send them: every ending of lines, every mistake by its line, in pieces of any size.
#include "adapters/codec/code_lines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace windfall::codec {
namespace {

struct Read {
  std::vector<std::pair<std::uint64_t, std::string>> codes;
  std::vector<std::uint64_t> invalid;
  bool operator==(const Read&) const = default;
};

/// Fed in pieces of `piece` bytes.
Read read(std::string_view file, std::size_t piece, std::size_t most = 100) {
  Read all;
  CodeLines lines;
  CodeBatch batch(most);
  const auto empty_it = [&] {
    for (const CodeLine& line : batch.codes()) all.codes.emplace_back(line.line, line.code);
    all.invalid.insert(all.invalid.end(), batch.invalid().begin(), batch.invalid().end());
    batch.clear();
  };
  while (!file.empty()) {
    std::string_view bytes = file.substr(0, piece);
    file.remove_prefix(bytes.size());
    while (!bytes.empty()) {
      bytes.remove_prefix(lines.feed(bytes, batch));
      if (batch.full()) empty_it();
    }
  }
  lines.finish(batch);
  empty_it();
  return all;
}

void expect_read(std::string_view file, const Read& expected) {
  for (std::size_t piece = 1; piece <= file.size() + 1; ++piece) {
    EXPECT_EQ(read(file, piece), expected) << "in pieces of " << piece;
  }
}

TEST(CodeLines, AreCodesOneALine) { expect_read("A\nB-2\nC 3\n", {{{1, "A"}, {2, "B-2"}, {3, "C 3"}}, {}}); }

TEST(CodeLines, MayEndWithCarriageReturns) { expect_read("A\r\nB\r\nC\r\n", {{{1, "A"}, {2, "B"}, {3, "C"}}, {}}); }

TEST(CodeLines, NeedNoEndAtTheEnd) {
  expect_read("A\nB", {{{1, "A"}, {2, "B"}}, {}});
  expect_read("A\r\nB\r", {{{1, "A"}, {2, "B"}}, {}});
}

TEST(CodeLines, MayStartWithAByteOrderMark) {
  expect_read(
      "\xEF\xBB\xBF"
      "A\nB\n",
      {{{1, "A"}, {2, "B"}}, {}});
  expect_read(
      "A\n\xEF\xBB\xBF"
      "B\n",
      {{{1, "A"}}, {2}});
  expect_read("\xEF\xBB\xBF" + std::string(64, 'x') + "\r\n", {{{1, std::string(64, 'x')}}, {}});
  expect_read("\xEF\xBB\xBF" + std::string(65, 'x') + "\r\n", {{}, {1}});
}

TEST(CodeLines, MayBeBlankAtTheEndOnly) {
  expect_read("", {});
  expect_read("\n", {});
  expect_read("A\n\n", {{{1, "A"}}, {}});
  expect_read("A\r\n\r\n", {{{1, "A"}}, {}});
  expect_read("A\n\nB\n", {{{1, "A"}, {3, "B"}}, {2}});
  expect_read("A\n\n\n", {{{1, "A"}}, {2}});
  expect_read("\nA", {{{2, "A"}}, {1}});
}

TEST(CodeLines, AreInvalidWhereTheyAreNoCodes) {
  expect_read(std::string("A\nb\0d\nB\n", 8), {{{1, "A"}, {3, "B"}}, {2}});
  expect_read("A\n\xFF\xFE\nB\n", {{{1, "A"}, {3, "B"}}, {2}});
  expect_read("A\n\xED\x95\x9C\nB\n", {{{1, "A"}, {3, "B"}}, {2}});
  expect_read("A\n\t\nB\x7F\n", {{{1, "A"}}, {2, 3}});
  expect_read(" A\nA \n A B \nA B\n", {{{4, "A B"}}, {1, 2, 3}});
  expect_read("A\rB\nC\r\r\nE\n", {{{3, "E"}}, {1, 2}});
}

TEST(CodeLines, HaveUpTo64Characters) {
  const std::string longest(64, 'x');
  expect_read(longest + "\n" + longest + "y\n" + longest + "\r\nz\n", {{{1, longest}, {3, longest}, {4, "z"}}, {2}});
}

TEST(CodeLines, OfAnyLengthTakeNoMoreMemory) {
  CodeLines lines;
  CodeBatch batch;
  const std::string piece(64 * 1024, 'x');
  for (int i = 0; i < 1024; ++i) ASSERT_EQ(lines.feed(piece, batch), piece.size());
  ASSERT_TRUE(batch.empty());
  ASSERT_EQ(lines.feed("\nA\n", batch), 3U);
  EXPECT_EQ(batch.invalid().size(), 1U);
  EXPECT_EQ(batch.codes()[0].line, 2U);
}

TEST(CodeLines, StopWhereTheBatchIsFull) {
  std::string file;
  for (int i = 0; i < 307; ++i) file += i % 3 == 1 ? "\n" : "code\n";
  const Read expected = read(file, file.size(), 1000);
  EXPECT_EQ(expected.codes.size() + expected.invalid.size(), 307U);
  EXPECT_EQ(expected.codes.back().first, 307U);
  for (std::size_t most = 1; most <= 308; ++most) EXPECT_EQ(read(file, file.size(), most), expected) << most;
  EXPECT_EQ(read(file, 3, 1), expected);

  CodeLines lines;
  CodeBatch batch;
  std::string large;
  for (std::size_t i = 0; i < CodeVault::kAppendMost + 10; ++i) large += "c\n";
  EXPECT_EQ(lines.feed(large, batch), 2 * CodeVault::kAppendMost);
  EXPECT_TRUE(batch.full());
  EXPECT_EQ(batch.codes().size(), CodeVault::kAppendMost) << "what append() takes";
  EXPECT_EQ(lines.feed(large, batch), 0U) << "a full batch takes nothing";
}

TEST(ReportedLines, ListTheFirstAndCountTheRest) {
  ReportedLines lines;
  for (std::uint64_t line = 1; line <= ReportedLines::kMost + 5; ++line) lines.add(line);
  EXPECT_EQ(lines.lines.size(), ReportedLines::kMost);
  EXPECT_EQ(lines.lines.back(), ReportedLines::kMost);
  EXPECT_EQ(lines.rest, 5U);
}

}  // namespace
}  // namespace windfall::codec
