// Why the transport refuses a request, and the words for it: whoever answers chooses the language, the transport knows
// which violation it was and nothing else.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace windfall::http {

enum class Violation : std::uint8_t {
  method,
  target,
  other_version,  ///< well-formed, but not ours
  version,
  field_name,
  field_value,
  length_unclear,
  coding_unclear,
  headers_too_large,
  too_many_headers,
  request,
  several_hosts,
  no_host,
  host,
  length_and_coding,
  coding_in_http_1_0,
  folded_header,
  several_lengths,
  length,
  several_codings,
  coding,
  expectation,
  request_line_too_long,
  line,
  too_slow,
  chunk,
  chunk_line_too_long,
  body_too_large,
  too_many_connections,
  too_much_input,
  not_answered,  ///< the handler dropped it: a bug of ours, no fault of the request
};

struct ViolationText {
  Violation violation;
  int status;  ///< to answer
  std::string_view ko;
  std::string_view en;
};

// clang-format off
inline constexpr std::array kViolations{
    ViolationText{Violation::method,                400, "메서드의 형식이 올바르지 않습니다.",                       "The method is malformed."},
    ViolationText{Violation::target,                400, "요청 대상의 형식이 올바르지 않습니다.",                    "The request target is malformed."},
    ViolationText{Violation::other_version,         505, "HTTP/1.1과 HTTP/1.0만 지원합니다.",                        "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
    ViolationText{Violation::version,               400, "HTTP 버전의 형식이 올바르지 않습니다.",                    "The HTTP version is malformed."},
    ViolationText{Violation::field_name,            400, "헤더 이름의 형식이 올바르지 않습니다.",                    "A header name is malformed."},
    ViolationText{Violation::field_value,           400, "헤더 값의 형식이 올바르지 않습니다.",                      "A header value is malformed."},
    ViolationText{Violation::length_unclear,        400, "Content-Length의 형식이 올바르지 않거나 서로 다르거나 Transfer-Encoding과 함께 있습니다.",
                                                         "Content-Length is malformed, contradictory or beside Transfer-Encoding."},
    ViolationText{Violation::coding_unclear,        400, "Transfer-Encoding이 두 번 있거나 Content-Length와 함께 있습니다.",
                                                         "Transfer-Encoding is given twice or beside Content-Length."},
    ViolationText{Violation::headers_too_large,     431, "헤더가 너무 큽니다.",                                      "The headers are too large."},
    ViolationText{Violation::too_many_headers,      431, "헤더가 너무 많습니다.",                                    "There are too many headers."},
    ViolationText{Violation::request,               400, "요청의 형식이 올바르지 않습니다.",                         "The request is malformed."},
    ViolationText{Violation::several_hosts,         400, "Host가 두 번 이상 있습니다.",                              "Host is given more than once."},
    ViolationText{Violation::no_host,               400, "Host가 없습니다.",                                         "Host is missing."},
    ViolationText{Violation::host,                  400, "Host의 형식이 올바르지 않습니다.",                         "Host is malformed."},
    ViolationText{Violation::length_and_coding,     400, "Content-Length와 Transfer-Encoding은 함께 쓸 수 없습니다.", "Content-Length and Transfer-Encoding exclude each other."},
    ViolationText{Violation::coding_in_http_1_0,    400, "HTTP/1.0에는 Transfer-Encoding이 없습니다.",               "HTTP/1.0 has no Transfer-Encoding."},
    ViolationText{Violation::folded_header,         400, "헤더가 여러 줄로 나뉘어 있습니다.",                        "A header is folded over several lines."},
    ViolationText{Violation::several_lengths,       400, "Content-Length가 두 번 이상 있습니다.",                    "Content-Length is given more than once."},
    ViolationText{Violation::length,                400, "Content-Length의 형식이 올바르지 않습니다.",               "Content-Length is malformed."},
    ViolationText{Violation::several_codings,       400, "Transfer-Encoding이 두 번 이상 있습니다.",                 "Transfer-Encoding is given more than once."},
    ViolationText{Violation::coding,                400, "Transfer-Encoding은 chunked만 지원합니다.",                "The only Transfer-Encoding understood is chunked."},
    ViolationText{Violation::expectation,           417, "Expect는 100-continue만 지원합니다.",                      "The only expectation understood is 100-continue."},
    ViolationText{Violation::request_line_too_long, 414, "요청 줄이 너무 깁니다.",                                   "The request line is too long."},
    ViolationText{Violation::line,                  400, "요청 줄이나 줄 끝의 형식이 올바르지 않습니다.",            "The request line or a line end is malformed."},
    ViolationText{Violation::too_slow,              408, "요청이 너무 늦게 도착했습니다.",                           "The request took too long to arrive."},
    ViolationText{Violation::chunk,                 400, "chunked 본문의 형식이 올바르지 않습니다.",                 "The chunked body is malformed."},
    ViolationText{Violation::chunk_line_too_long,   400, "chunk의 머리나 trailer가 너무 깁니다.",                    "A chunk header or trailer is too long."},
    ViolationText{Violation::body_too_large,        413, "본문이 너무 큽니다.",                                      "The body is too large."},
    ViolationText{Violation::too_many_connections,  503, "연결이 너무 많습니다.",                                    "There are too many connections."},
    ViolationText{Violation::too_much_input,        503, "처리를 기다리는 입력이 너무 많습니다.",                    "Too much input waits to be handled."},
    ViolationText{Violation::not_answered,          500, "요청에 응답하지 못했습니다.",                              "The request was not answered."},
};
// clang-format on

static_assert(std::ranges::is_sorted(kViolations, {}, &ViolationText::violation));
static_assert(kViolations.size() == static_cast<std::size_t>(Violation::not_answered) + 1);

[[nodiscard]] constexpr const ViolationText& text_of(Violation violation) {
  return kViolations.at(static_cast<std::size_t>(violation));
}

}  // namespace windfall::http
