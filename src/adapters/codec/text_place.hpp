// Where in a text something stands, for people with an editor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace windfall::codec {

/// Lines and characters from 1.
struct TextPlace {
  std::int64_t line = 1;
  std::int64_t column = 1;
};

/// Of the byte at `offset`; of the end, where the text is shorter. The text before it is UTF-8.
[[nodiscard]] TextPlace place_at(std::string_view text, std::size_t offset);

/// Of the value that an RFC 6901 pointer names in `json`, a text that parse_json() takes. Where it is missing: of the
/// innermost object or array on the way to it.
[[nodiscard]] TextPlace place_of(std::string_view json, std::string_view pointer);

[[nodiscard]] std::string english(const TextPlace& place);  ///< "line 3, column 14"
[[nodiscard]] std::string korean(const TextPlace& place);   ///< "3행 14열"

}  // namespace windfall::codec
