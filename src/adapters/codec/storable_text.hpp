// Text as every database can hold it: neither NUL nor bytes that are not UTF-8; they become U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace windfall::codec {

[[nodiscard]] bool is_storable(std::string_view text);
[[nodiscard]] std::string storable(std::string_view text);

}  // namespace windfall::codec
