// In Korean what the transport says of a request that it cannot read. It knows no languages: its English is the key.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace windfall::http {

// clang-format off
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 29> kViolationTexts{{
    {"The method is malformed.",                                        "메서드의 형식이 올바르지 않습니다."},
    {"The request target is malformed.",                                "요청 대상의 형식이 올바르지 않습니다."},
    {"Only HTTP/1.1 and HTTP/1.0 are spoken here.",                     "HTTP/1.1과 HTTP/1.0만 지원합니다."},
    {"The HTTP version is malformed.",                                  "HTTP 버전의 형식이 올바르지 않습니다."},
    {"A header name is malformed.",                                     "헤더 이름의 형식이 올바르지 않습니다."},
    {"A header value is malformed.",                                    "헤더 값의 형식이 올바르지 않습니다."},
    {"Content-Length is malformed, contradictory or beside Transfer-Encoding.",
                                                                        "Content-Length의 형식이 올바르지 않거나 서로 다르거나 Transfer-Encoding과 함께 있습니다."},
    {"Transfer-Encoding is given twice or beside Content-Length.",      "Transfer-Encoding이 두 번 있거나 Content-Length와 함께 있습니다."},
    {"The headers are too large.",                                      "헤더가 너무 큽니다."},
    {"There are too many headers.",                                     "헤더가 너무 많습니다."},
    {"The request is malformed.",                                       "요청의 형식이 올바르지 않습니다."},
    {"Host is given more than once.",                                   "Host가 두 번 이상 있습니다."},
    {"Host is missing.",                                                "Host가 없습니다."},
    {"Host is malformed.",                                              "Host의 형식이 올바르지 않습니다."},
    {"Content-Length and Transfer-Encoding exclude each other.",        "Content-Length와 Transfer-Encoding은 함께 쓸 수 없습니다."},
    {"HTTP/1.0 has no Transfer-Encoding.",                              "HTTP/1.0에는 Transfer-Encoding이 없습니다."},
    {"A header is folded over several lines.",                          "헤더가 여러 줄로 나뉘어 있습니다."},
    {"Content-Length is given more than once.",                         "Content-Length가 두 번 이상 있습니다."},
    {"Content-Length is malformed.",                                    "Content-Length의 형식이 올바르지 않습니다."},
    {"Transfer-Encoding is given more than once.",                      "Transfer-Encoding이 두 번 이상 있습니다."},
    {"The only Transfer-Encoding understood is chunked.",               "Transfer-Encoding은 chunked만 지원합니다."},
    {"The only expectation understood is 100-continue.",                "Expect는 100-continue만 지원합니다."},
    {"The request line is too long.",                                   "요청 줄이 너무 깁니다."},
    {"The request line or a line end is malformed.",                    "요청 줄이나 줄 끝의 형식이 올바르지 않습니다."},
    {"The request took too long to arrive.",                            "요청이 너무 늦게 도착했습니다."},
    {"The chunked body is malformed.",                                  "chunked 본문의 형식이 올바르지 않습니다."},
    {"A chunk header or trailer is too long.",                          "chunk의 머리나 trailer가 너무 깁니다."},
    {"The body is too large.",                                          "본문이 너무 큽니다."},
    {"",                                                                "HTTP 요청의 형식이 올바르지 않습니다."},
}};
// clang-format on

/// The last of the table for what is not in it.
[[nodiscard]] constexpr std::string_view korean_violation(std::string_view english) {
  const auto* const found =
      std::ranges::find(kViolationTexts, english, &std::pair<std::string_view, std::string_view>::first);
  return found == kViolationTexts.end() ? kViolationTexts.back().second : found->second;
}

}  // namespace windfall::http
