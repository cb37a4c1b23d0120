// An HTTP answer in a buffer: where it ends, and the little that the accounting needs of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace windfall::load {

struct RawAnswer {
  int status = 0;
  std::string_view body;
  std::size_t size = 0;  ///< of the whole answer
};

/// The answer at the start of `input`, or nullopt while it is not complete. Reads bodies with a Content-Length, which
/// is what the server gives to every request that is not a stream.
[[nodiscard]] std::optional<RawAnswer> whole_answer(std::string_view input);

/// Text of the first member `code`, white space as any JSON writer may set it; empty if there is none.
[[nodiscard]] std::string_view problem_code(std::string_view body);

}  // namespace windfall::load
