// UTF-8 as bytes: validation, code points, user ids. No locale, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace windfall::codec {

/// Offset of the first byte that is not part of strict UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF);
/// npos if there is none.
[[nodiscard]] std::size_t first_bad_utf8(std::string_view text);

[[nodiscard]] inline bool is_utf8(std::string_view text) { return first_bad_utf8(text) == std::string_view::npos; }

/// Code points of valid UTF-8: the "characters" of the API's limits.
[[nodiscard]] std::size_t count_code_points(std::string_view utf8);

/// The code point at the front of valid, non-empty UTF-8, and its length in bytes.
struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;
};
[[nodiscard]] CodePoint first_code_point(std::string_view utf8);

/// Longest user id in bytes: fits an index key of every ledger and one journal identity record.
inline constexpr std::size_t kMaxUserIdBytes = 128;

/// A user id is 1..128 bytes of printable, non-space UTF-8: no controls (C0, DEL, C1), no space, no Unicode separator.
[[nodiscard]] bool valid_user_id(std::string_view id);

/// A user id of which something can be seen: asked of whoever comes in. An id of characters that nothing shows (U+200B
/// and its like) alone would be nobody's on every page; logs and operators may know one from before it was refused.
[[nodiscard]] bool visible_user_id(std::string_view id);

/// Ids of promotions, prizes and segments: [A-Za-z0-9_-]{1,64}.
inline constexpr std::size_t kMaxIdentifier = 64;
[[nodiscard]] bool is_identifier(std::string_view text);

}  // namespace windfall::codec
