// From bytes to a Request: where a head ends, and what it says. Beast's parser does the grammar; what two parsers in a
// row could read differently (and an attacker smuggle through) is refused here. No socket, no clock: fed with bytes
// alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "adapters/http/transport/message.hpp"
#include "adapters/http/transport/violation.hpp"

namespace windfall::http {

/// Finds the empty line that ends a head, however the bytes arrive. One per request.
class HeadScanner {
 public:
  enum class Found : std::uint8_t { need_more, complete, malformed };

  /// `input` begins with the request line and has grown since the last call. When complete, size() is that of the head.
  Found scan(std::string_view input);
  [[nodiscard]] std::size_t size() const { return scanned_; }
  /// True once the request line is complete.
  [[nodiscard]] bool past_request_line() const { return line_ > 0; }

 private:
  std::size_t line_ = 0;     ///< where the unfinished line begins
  std::size_t scanned_ = 0;  ///< no line ends in the unfinished line before this
};

/// What an answer needs of a head that was not read, or not to its end.
struct HeadGlimpse {
  std::string_view path;             ///< as in Request; "" if it is not known to its end
  std::string_view accept_language;  ///< the first value, of lines that are complete
};
/// `input` begins with a request line and may break off anywhere, or be no head at all.
[[nodiscard]] HeadGlimpse glimpse_of(std::string_view input);

/// What the head says about its connection and its body.
class RequestHead {
 public:
  /// More headers than this are 431: no client sends a third of it, and each costs memory.
  static constexpr std::size_t kMaxHeaders = 100;
  /// RFC 9112 asks for 8000 at least; longer request lines are 414.
  static constexpr std::size_t kMaxRequestLine = 8192;

  bool keep_alive = false;
  bool expects_continue = false;
  bool chunked = false;
  std::uint64_t content_length = 0;  ///< 0 if chunked

  /// Reads a complete head into `request`, whose views will be of `block`. After a violation only method and path of
  /// the request may be used (the path is empty if it was not reached).
  std::optional<Violation> parse(std::string_view block, Request& request);

  /// Makes the request's views point into `to`, to which the bytes at `from` were copied. Both blocks must be alive.
  static void rebase(Request& request, std::string_view from, const char* to);

 private:
  class Parser;
};

}  // namespace windfall::http
