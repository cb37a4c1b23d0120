// Decodes bodies with Transfer-Encoding: chunked, strictly. Not Beast's decoder: that of 1.81 aborts on an assertion
// when the last chunk is cut at certain places, which any client can do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/transport/request_parser.hpp"

namespace windfall::http {

/// One body. Extensions and trailers are checked and read over.
class ChunkedBody {
 public:
  /// A chunk's size line or a trailer; nobody needs more, and it has to be held until it is complete.
  static constexpr std::size_t kMaxLine = 1024;
  /// All extensions and trailers of a body together; without it they would evade the limit of the body.
  static constexpr std::size_t kMaxExtras = 4096;

  explicit ChunkedBody(std::size_t body_limit) : left_to_limit_(body_limit) {}

  struct Progress {
    std::size_t consumed = 0;  ///< bytes of the input that need not be given again
    bool complete = false;
    std::optional<Violation> violation;
  };
  /// Decodes what it can of `input`. What was not consumed has to come again, with more behind it. Not to be called
  /// once complete or after a violation.
  Progress feed(std::string_view input);
  [[nodiscard]] const std::string& body() const { return body_; }
  /// What was decoded since the last call.
  [[nodiscard]] std::string take() { return std::exchange(body_, {}); }

 private:
  enum class Expects : std::uint8_t { size, data, data_end, trailer, nothing };

  std::optional<Violation> take_line(std::string_view line);
  std::optional<Violation> take_size(std::string_view line);
  std::optional<Violation> take_trailer(std::string_view line);

  Expects expects_ = Expects::size;
  std::uint64_t left_of_chunk_ = 0;
  std::size_t left_to_limit_;
  std::size_t extras_ = 0;
  std::string body_;
};

}  // namespace windfall::http
