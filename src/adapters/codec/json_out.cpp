#include "adapters/codec/json_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/time_text.hpp"

namespace windfall::codec {

namespace {

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

/// True if one of eight bytes needs an escape.
bool one_needs_escape(std::uint64_t eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighs = kOnes * 0x80U;
  const std::uint64_t quote = eight ^ (kOnes * '"');
  const std::uint64_t backslash = eight ^ (kOnes * '\\');
  // A byte below the bound borrows and so gets the high bit that it did not have; the first that does is exact, and
  // more than whether there is one is not asked.
  const std::uint64_t found =
      ((eight - (kOnes * 0x20U)) & ~eight) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash);
  return (found & kHighs) != 0;
}

/// The first byte from `i` on that needs an escape, or the end. Eight at a time: nearly no text has any.
std::size_t next_escape(std::string_view text, std::size_t i) {
  while (i < text.size()) {
    if (text.size() >= 8) {
      const std::size_t at = std::min(i, text.size() - 8);  // the last eight may overlap those before
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if (!one_needs_escape(eight)) {
        i = at + 8;
        continue;
      }
    }
    if (needs_escape(text[i])) return i;
    ++i;
  }
  return i;
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 0x0FU];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view utf8) {
  out += '"';
  for (std::size_t plain = 0;;) {
    const std::size_t end = next_escape(utf8, plain);
    out.append(utf8.data() + plain, end - plain);
    if (end == utf8.size()) break;
    append_escaped(out, utf8[end]);
    plain = end + 1;
  }
  out += '"';
}

void append_json_integer(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

std::string& ObjectWriter::name(std::string_view key) {
  const std::size_t start = out_->size();
  out_->resize(start + key.size() + (first_ ? 3 : 4));  // once: each piece appended would look at the room anew
  char* at = out_->data() + start;
  if (!first_) *at++ = ',';
  first_ = false;
  *at++ = '"';
  at = std::copy(key.begin(), key.end(), at);
  *at++ = '"';
  *at = ':';
  return *out_;
}

ObjectWriter& ObjectWriter::text(std::string_view key, std::string_view value) {
  append_json_string(name(key), value);
  return *this;
}

ObjectWriter& ObjectWriter::text_or_null(std::string_view key, const std::optional<std::string>& value) {
  return value ? text(key, std::string_view{*value}) : null(key);
}

ObjectWriter& ObjectWriter::integer(std::string_view key, std::int64_t value) {
  append_json_integer(name(key), value);
  return *this;
}

ObjectWriter& ObjectWriter::integer_or_null(std::string_view key, std::optional<std::int64_t> value) {
  return value ? integer(key, *value) : null(key);
}

ObjectWriter& ObjectWriter::boolean(std::string_view key, bool value) {
  name(key) += value ? "true" : "false";
  return *this;
}

ObjectWriter& ObjectWriter::null(std::string_view key) {
  name(key) += "null";
  return *this;
}

ObjectWriter& ObjectWriter::instant(std::string_view key, Instant value) {
  std::string& out = name(key);
  out += '"';
  append_instant(out, value);
  out += '"';
  return *this;
}

ObjectWriter& ObjectWriter::day(std::string_view key, LocalDay value) {
  std::string& out = name(key);
  out += '"';
  append_day(out, value);
  out += '"';
  return *this;
}

ObjectWriter& ObjectWriter::uuid(std::string_view key, const Uuid& value) {
  std::string& out = name(key);
  out += '"';
  append_uuid(out, value);
  out += '"';
  return *this;
}

}  // namespace windfall::codec
