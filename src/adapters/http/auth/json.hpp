// JSON of issuers, read strictly. Not the codec's reader of our own API, because NumericDates may have fractions.
#pragma once

#include <jansson.h>

#include <memory>
#include <optional>
#include <string_view>

namespace windfall::http {

struct JsonFree {
  void operator()(json_t* value) const { json_decref(value); }
};
using Json = std::unique_ptr<json_t, JsonFree>;

/// One complete JSON object. Null for anything else: syntax errors, text after it, duplicate members at any depth, bad
/// UTF-8, U+0000, numbers out of range.
[[nodiscard]] Json parse_object(std::string_view text);

/// The text of a string; nullopt for other values and for null pointers. Lives as long as `value`.
[[nodiscard]] std::optional<std::string_view> text_of(const json_t* value);

}  // namespace windfall::http
