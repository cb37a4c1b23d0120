#include "app/load/answer.hpp"

#include <strings.h>

#include <charconv>

namespace windfall::load {

namespace {

/// Value of a header in the lines of `head`, or empty.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        strncasecmp(line.data(), name.data(), name.size()) == 0) {
      line.remove_prefix(name.size() + 1);
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      return line;
    }
  }
  return {};
}

template <class Number>
Number number(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<RawAnswer> whole_answer(std::string_view input) {
  constexpr std::size_t kStatusAt = 9;  // after "HTTP/1.1 "
  constexpr std::string_view kBlank = "\r\n\r\n";
  const std::size_t blank = input.find(kBlank);
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view head = input.substr(0, blank + 2);
  const auto length = number<std::size_t>(header(head, "content-length"));
  const std::size_t from = blank + kBlank.size();
  if (input.size() - from < length || head.size() < kStatusAt) return std::nullopt;
  return RawAnswer{
      .status = number<int>(head.substr(kStatusAt)), .body = input.substr(from, length), .size = from + length};
}

std::string_view problem_code(std::string_view body) {
  constexpr std::string_view kMember = "\"code\"";
  const std::size_t at = body.find(kMember);
  if (at == std::string_view::npos) return {};
  const std::size_t colon = body.find_first_not_of(" \t\r\n", at + kMember.size());
  if (colon == std::string_view::npos || body[colon] != ':') return {};
  const std::size_t quote = body.find('"', colon);
  if (quote == std::string_view::npos) return {};
  const std::string_view rest = body.substr(quote + 1);
  return rest.substr(0, rest.find('"'));
}

}  // namespace windfall::load
