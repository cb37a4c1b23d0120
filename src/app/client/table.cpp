#include "app/client/table.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "adapters/codec/utf8.hpp"

namespace windfall::client {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// What combines with the character before it, or shows nothing. Hangul vowels and final consonants (U+1160..11FF) join
/// the syllable that their initial consonant began.
constexpr std::array kZeroWidth{
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489}, Range{0x0591, 0x05BD}, Range{0x0610, 0x061A},  Range{0x064B, 0x065F},
    Range{0x1160, 0x11FF}, Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF}, Range{0x200B, 0x200F},  Range{0x202A, 0x202E},
    Range{0x2060, 0x2064}, Range{0x20D0, 0x20F0}, Range{0x302A, 0x302F}, Range{0x3099, 0x309A},  Range{0xD7B0, 0xD7FB},
    Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF}, Range{0xE0100, 0xE01EF}};

/// East Asian Wide and Fullwidth of UAX #11, with the emoji that terminals show wide.
constexpr std::array kWide{
    Range{0x1100, 0x115F},   Range{0x231A, 0x231B},   Range{0x23E9, 0x23EC},   Range{0x25FD, 0x25FE},
    Range{0x2614, 0x2615},   Range{0x26A1, 0x26A1},   Range{0x2705, 0x2705},   Range{0x2728, 0x2728},
    Range{0x274C, 0x274C},   Range{0x2753, 0x2755},   Range{0x2757, 0x2757},   Range{0x2B50, 0x2B50},
    Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},   Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},
    Range{0xA000, 0xA4CF},   Range{0xA960, 0xA97C},   Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},
    Range{0xFE30, 0xFE6F},   Range{0xFF01, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x1FA70, 0x1FAFF}, Range{0x20000, 0x2FFFD},
    Range{0x30000, 0x3FFFD}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t point) {
  const auto after = std::ranges::upper_bound(ranges, point, {}, &Range::first);
  return after != ranges.begin() && point <= std::prev(after)->last;
}

bool is_control(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029;
}

void append_padded(std::string& line, const std::string& cell, std::size_t width, bool right) {
  const std::string padding(width - display_width(cell), ' ');
  line += right ? padding + cell : cell + padding;
}

}  // namespace

std::size_t display_width(std::string_view utf8) {
  std::size_t width = 0;
  while (!utf8.empty()) {
    const codec::CodePoint point = codec::first_code_point(utf8);
    utf8.remove_prefix(point.bytes);
    if (!within(kZeroWidth, point.value)) width += within(kWide, point.value) ? 2 : 1;
  }
  return width;
}

std::string printable(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string result;
  while (!text.empty()) {
    const std::size_t good = std::min(codec::first_bad_utf8(text), text.size());
    std::string_view valid = text.substr(0, good);
    text.remove_prefix(good);
    while (!valid.empty()) {
      const codec::CodePoint point = codec::first_code_point(valid);
      result += is_control(point.value) ? kReplacement : valid.substr(0, point.bytes);
      valid.remove_prefix(point.bytes);
    }
    if (text.empty()) break;
    result += kReplacement;
    text.remove_prefix(1);
  }
  return result;
}

void Table::add(const std::vector<std::string>& cells) {
  assert(cells.size() == columns_.size());
  std::vector<std::string>& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(printable(cell));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  std::string out;
  const auto append_row = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += "  ";
      append_padded(line, cell_of(i), widths[i], columns_[i].right);
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  };
  append_row([&](std::size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) append_row([&](std::size_t i) { return row[i]; });
  return out;
}

}  // namespace windfall::client
