#include "app/demo/columns.hpp"

#include <fmt/format.h>
#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cmath>

namespace windfall::demo {

namespace {

struct Glyph {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

/// The code point at the start of valid UTF-8.
Glyph first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead < 0x80U ? 1 : lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
  char32_t point = bytes == 1 ? lead : lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < std::min(bytes, text.size()); ++i) {
    point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const int width = wcwidth(static_cast<wchar_t>(point));
  return {.bytes = std::min(bytes, text.size()), .columns = width < 0 ? 1 : static_cast<std::size_t>(width)};
}

/// wcwidth asks the locale of the thread; the one of the process may be "C", which knows no Hangul.
class Utf8Locale {
 public:
  Utf8Locale() : before_(uselocale(utf8())) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() { uselocale(before_); }

 private:
  static locale_t utf8() {
    static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return kLocale;  // null, where there is none, changes nothing
  }
  locale_t before_;
};

}  // namespace

std::size_t columns_of(std::string_view text) {
  const Utf8Locale locale;
  std::size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = first_of(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  const Utf8Locale locale;
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const Glyph glyph = first_of(text);
    if (used + glyph.columns > columns) break;
    out += text.substr(0, glyph.bytes);
    used += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  out.append(columns - used, ' ');
  return out;
}

std::string grouped(std::int64_t number) {
  constexpr std::size_t kGroup = 3;
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + kGroup;) {
    at -= kGroup;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string bar(double share, std::size_t columns, bool ascii) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(columns)));
  std::string out;
  for (std::size_t i = 0; i < columns; ++i) {
    out += i < full ? (ascii ? "#" : "█") : (ascii ? "." : "░");
  }
  return out;
}

}  // namespace windfall::demo
