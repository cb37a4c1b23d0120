// Compact JSON, written by appending to a string: no tree, one allocation at most.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// A JSON string with its quotes. `utf8` must be valid; controls are escaped, all else stands as it is.
void append_json_string(std::string& out, std::string_view utf8);
void append_json_integer(std::string& out, std::int64_t value);

/// Writes the members of one object in the order of the calls; the brace is closed by close(). Values that nest are
/// written to `out` between name() and the next member.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(&out) { out += '{'; }

  /// `key` must need no escaping: it is always a literal of ours.
  std::string& name(std::string_view key);
  ObjectWriter& text(std::string_view key, std::string_view value);
  ObjectWriter& text_or_null(std::string_view key, const std::optional<std::string>& value);
  ObjectWriter& integer(std::string_view key, std::int64_t value);
  ObjectWriter& integer_or_null(std::string_view key, std::optional<std::int64_t> value);
  ObjectWriter& boolean(std::string_view key, bool value);
  ObjectWriter& null(std::string_view key);
  ObjectWriter& instant(std::string_view key, Instant value);
  ObjectWriter& day(std::string_view key, LocalDay value);
  ObjectWriter& uuid(std::string_view key, const Uuid& value);
  void close() { *out_ += '}'; }

 private:
  std::string* out_;
  bool first_ = true;
};

/// `[` items `]`; write(item) appends one item to `out`.
template <class Range, class Write>
void append_json_array(std::string& out, const Range& range, Write write) {
  out += '[';
  bool first = true;
  for (const auto& item : range) {
    if (!first) out += ',';
    first = false;
    write(item);
  }
  out += ']';
}

inline void append_json_strings(std::string& out, std::span<const std::string> strings) {
  append_json_array(out, strings, [&out](const std::string& text) { append_json_string(out, text); });
}

}  // namespace windfall::codec
