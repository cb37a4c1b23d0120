// Korean unless the caller prefers English.
#pragma once

#include <cstdint>
#include <string_view>

namespace windfall::http {

enum class Language : std::uint8_t { ko, en };

/// By an Accept-Language value (RFC 9110): English only if its weight is higher than Korean's; '*' stands for either
/// that is not named, and for Korean if neither is.
[[nodiscard]] Language preferred_language(std::string_view accept_language);

[[nodiscard]] inline std::string_view tag_of(Language language) { return language == Language::ko ? "ko" : "en"; }

/// Header lines of every answer whose text was chosen: which it is, and that a cache may not give it to everybody.
[[nodiscard]] inline std::string_view language_headers(Language language) {
  return language == Language::ko ? "Content-Language: ko\r\nVary: Accept-Language\r\n"
                                  : "Content-Language: en\r\nVary: Accept-Language\r\n";
}

}  // namespace windfall::http
