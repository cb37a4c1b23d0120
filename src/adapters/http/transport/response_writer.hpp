// Answers as bytes, written by hand into a buffer that is used again and again.
#pragma once

#include <array>
#include <ctime>
#include <string>
#include <string_view>

#include "adapters/http/transport/message.hpp"

namespace windfall::http {

/// "Date: …\r\n" of the present second.
class DateLine {
 public:
  [[nodiscard]] std::string_view now();

 private:
  std::time_t second_ = -1;
  std::array<char, 40> line_{};
  std::size_t size_ = 0;
};

enum class Persistence : unsigned char {
  implied,     ///< HTTP/1.1: stays open, nothing to say
  keep_alive,  ///< HTTP/1.0: stays open, has to be said
  close,
};

enum class Framing : unsigned char {
  sized,       ///< Content-Length and body
  sized_head,  ///< the same without the body: the answer to HEAD
  chunked,     ///< Transfer-Encoding; chunks follow, unless it answers HEAD
  until_close  ///< HTTP/1.0 streams: the end of the connection ends the body
};

/// Appends the answer to `out`.
void write_response(std::string& out, const Response& response, Framing framing, Persistence persistence,
                    DateLine& date);

/// Appends one chunk. An empty one is left out: it would end the body.
void write_chunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace windfall::http
