#include "adapters/codec/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace windfall::codec {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

/// Bytes of the valid sequence at `i`, 0 if it is none. The table is that of RFC 3629, section 4.
std::size_t sequence_at(std::string_view text, std::size_t i) {
  const std::uint8_t lead = byte_at(text, i);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  std::uint8_t low = 0x80;  // bounds of the second byte
  std::uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() - i < length) return 0;
  if (byte_at(text, i + 1) < low || byte_at(text, i + 1) > high) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

/// Zs, Zl and Zp of Unicode 15: what looks like nothing.
bool is_separator(char32_t c) {
  return c == 0x20 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Default_Ignorable_Code_Point of Unicode 15: joiners, marks of direction, selectors and fillers.
bool is_ignorable(char32_t c) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr std::array kRanges{Range{0xAD, 0xAD},       Range{0x34F, 0x34F},    Range{0x61C, 0x61C},
                                      Range{0x115F, 0x1160},   Range{0x17B4, 0x17B5},  Range{0x180B, 0x180F},
                                      Range{0x200B, 0x200F},   Range{0x202A, 0x202E},  Range{0x2060, 0x206F},
                                      Range{0x3164, 0x3164},   Range{0xFE00, 0xFE0F},  Range{0xFEFF, 0xFEFF},
                                      Range{0xFFA0, 0xFFA0},   Range{0xFFF0, 0xFFF8},  Range{0x1BCA0, 0x1BCA3},
                                      Range{0x1D173, 0x1D17A}, Range{0xE0000, 0xE0FFF}};
  return std::ranges::any_of(kRanges, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

bool is_visible_ascii(std::string_view text) {
  bool visible = true;
  for (const char c : text) visible &= c > 0x20 && c < 0x7F;  // without a way out: many bytes at a time
  return visible;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

}  // namespace

std::size_t first_bad_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    // Eight ASCII bytes at a time: nearly all requests are nothing else.
    while (text.size() - i >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080808080808080U) != 0) break;
      i += 8;
    }
    if (i == text.size()) break;
    const std::size_t length = sequence_at(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::size_t count_code_points(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U; }));
}

CodePoint first_code_point(std::string_view utf8) {
  const std::size_t length = sequence_at(utf8, 0);
  const std::uint32_t lead = byte_at(utf8, 0);
  std::uint32_t value = length <= 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = (value << 6U) | (byte_at(utf8, i) & 0x3FU);
  return {.value = value, .bytes = length};
}

bool valid_user_id(std::string_view id) {
  if (id.empty() || id.size() > kMaxUserIdBytes) return false;
  if (is_visible_ascii(id)) return true;  // nearly every id, told without looking at code points
  if (!is_utf8(id)) return false;
  while (!id.empty()) {
    const CodePoint next = first_code_point(id);
    if (is_control(next.value) || is_separator(next.value)) return false;
    id.remove_prefix(next.bytes);
  }
  return true;
}

bool visible_user_id(std::string_view id) {
  if (!valid_user_id(id)) return false;
  while (!id.empty()) {
    const CodePoint next = first_code_point(id);
    if (!is_ignorable(next.value)) return true;
    id.remove_prefix(next.bytes);
  }
  return false;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdentifier && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace windfall::codec
