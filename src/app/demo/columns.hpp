// Text in columns of a terminal, where a Hangul syllable takes two.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace windfall::demo {

/// Columns that UTF-8 text without controls takes, by wcwidth, whatever the locale of the process.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// The text cut or filled with blanks to exactly that many columns.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);

/// 12345 -> "12,345"
[[nodiscard]] std::string grouped(std::int64_t number);

/// A bar of `columns`, filled to `share` (0..1); `ascii` where the terminal may not know block characters.
[[nodiscard]] std::string bar(double share, std::size_t columns, bool ascii);

}  // namespace windfall::demo
