#include "adapters/codec/json_out.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "adapters/codec/time_text.hpp"

namespace windfall::codec {

namespace {

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

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
  std::size_t plain = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (!needs_escape(utf8[i])) continue;
    out.append(utf8, plain, i - plain);
    append_escaped(out, utf8[i]);
    plain = i + 1;
  }
  out.append(utf8, plain);
  out += '"';
}

void append_json_integer(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

std::string& ObjectWriter::name(std::string_view key) {
  if (!first_) *out_ += ',';
  first_ = false;
  *out_ += '"';
  *out_ += key;
  *out_ += "\":";
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

}  // namespace windfall::codec
