// JSON in, strictly: what a client sends becomes a small tree, or a BadInput that says where it is wrong. The typed
// reading of the tree is object_reader.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

namespace windfall::codec {

/// One thing that is wrong with a value: RFC 6901 pointer and what is expected, in both languages.
struct FieldError {
  std::string pointer;  ///< "" is the whole body
  std::string detail_en;
  std::string detail_ko;
};

/// Why a body was refused. not_json: 400, with the place in the text. Otherwise 422 with every wrong field; or, if
/// in_progress, 409: each of the errors is an attempt to change what may not change once a promotion has begun.
struct BadInput {
  bool not_json = false;
  bool in_progress = false;
  std::string where;     ///< "line 3, column 14"; only for not_json
  std::string where_ko;  ///< "3행 14열"
  std::string detail_en;
  std::string detail_ko;
  std::vector<FieldError> errors;
};

template <class T>
using Decoded = tl::expected<T, BadInput>;

/// A number that is not exactly an integer of 64 bits; kept, so that its reader can complain at the right pointer.
enum class InexactNumber : std::uint8_t { fraction, out_of_range };

/// A value as parsed. Objects keep the order of their members; names are unique.
struct JsonValue {
  struct Member;
  using Array = std::vector<JsonValue>;
  using Object = std::vector<Member>;

  std::variant<std::nullptr_t, bool, std::int64_t, InexactNumber, std::string, Array, Object> value;  ///< null at first

  template <class T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&value);
  }
  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
};

struct JsonValue::Member {
  std::string name;
  JsonValue value;
};

/// Deepest nesting of arrays and objects that is accepted; the contract's number.
inline constexpr std::size_t kMaxJsonDepth = 32;

/// Parses one complete JSON text (RFC 8259). Refused as not_json: syntax errors, text after the value, duplicate names
/// in an object, nesting beyond kMaxJsonDepth, bad UTF-8, a lone surrogate, a byte order mark. Size is the transport's
/// business.
[[nodiscard]] Decoded<JsonValue> parse_json(std::string_view body);

/// The same for requests: no body is the empty object, and a body that is not an object is wrong at pointer "".
[[nodiscard]] Decoded<JsonValue> parse_json_object(std::string_view body);

/// `base` + "/" + name, with "~" and "/" escaped.
[[nodiscard]] std::string pointer_to(std::string_view base, std::string_view name);
[[nodiscard]] std::string pointer_to(std::string_view base, std::size_t index);

}  // namespace windfall::codec
