// The least of HTTP/1.1 that a fair floor has to read: request line, Content-Length, Connection. No limits, no errors
// worth a name.
#pragma once

#include <strings.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace windfall::reference {

struct Request {
  std::string_view method;
  std::string_view path;
  std::string_view body;
  bool close = false;
};

/// Reads one request from the start of `bytes` into `request`. The bytes it took, 0 if more are needed, nothing if they
/// are no HTTP.
inline std::optional<std::size_t> read_request(std::string_view bytes, Request& request) {
  const auto* blank = static_cast<const char*>(memmem(bytes.data(), bytes.size(), "\r\n\r\n", 4));
  if (blank == nullptr) return 0;
  const auto head = static_cast<std::size_t>(blank - bytes.data());
  const std::size_t line = bytes.find('\r');
  const std::size_t first = bytes.find(' ');
  if (first >= line) return std::nullopt;
  const std::size_t second = bytes.find(' ', first + 1);
  if (second >= line) return std::nullopt;
  request.method = bytes.substr(0, first);
  request.path = bytes.substr(first + 1, second - first - 1);
  request.close = false;

  std::size_t length = 0;
  for (std::size_t at = line + 2; at < head + 2;) {
    const std::size_t end = bytes.find('\r', at);
    const std::string_view field = bytes.substr(at, end - at);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    if (colon == 14 && strncasecmp(field.data(), "content-length", 14) == 0) {
      length = std::strtoul(field.data() + colon + 1, nullptr, 10);
    } else if (colon == 10 && strncasecmp(field.data(), "connection", 10) == 0) {
      request.close = field.find("close") != std::string_view::npos;
    }
    at = end + 2;
  }
  const std::size_t whole = head + 4 + length;
  if (bytes.size() < whole) return 0;
  request.body = bytes.substr(head + 4, length);
  return whole;
}

}  // namespace windfall::reference
