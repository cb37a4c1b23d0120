#include "adapters/http/api/query.hpp"

#include <charconv>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::http {

namespace {

/// In a query '+' is a space, as forms write it.
std::optional<std::string> decode(std::string_view raw) {
  std::string spaced(raw);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  std::optional<std::string> text = codec::percent_decode(spaced);
  if (text && !codec::is_utf8(*text)) return std::nullopt;
  return text;
}

}  // namespace

Query::Query(std::string_view raw) {
  while (!raw.empty()) {
    const std::size_t ampersand = raw.find('&');
    const std::string_view pair = raw.substr(0, ampersand);
    raw = ampersand == std::string_view::npos ? std::string_view{} : raw.substr(ampersand + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = decode(pair.substr(0, equals));
    const auto value =
        equals == std::string_view::npos ? std::optional<std::string>{""} : decode(pair.substr(equals + 1));
    if (!name || !value) {
      add_error(name.value_or(""), "퍼센트 인코딩이 잘못되었습니다", "is not valid percent-encoded UTF-8");
      continue;
    }
    bool repeated = false;
    for (const Parameter& p : parameters_) repeated = repeated || p.name == *name;
    if (repeated) {
      add_error(*name, "한 번만 쓸 수 있습니다", "is given more than once");
      continue;
    }
    parameters_.push_back({.name = *name, .value = *value});
  }
}

std::optional<std::string> Query::text(std::string_view name) {
  for (Parameter& p : parameters_) {
    if (p.name != name) continue;
    p.read = true;
    return p.value;
  }
  return std::nullopt;
}

std::optional<std::string> Query::identifier(std::string_view name) {
  std::optional<std::string> given = text(name);
  if (given && !codec::is_identifier(*given)) {
    add_error(name, "영문자, 숫자, _, -로 된 1자 이상 64자 이하여야 합니다",
              "must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -");
  }
  return given;
}

int Query::limit(int by_default) {
  const std::optional<std::string> given = text("limit");
  if (!given) return by_default;
  const std::optional<std::int64_t> value = parse_integer(*given);
  if (value && *value >= 1 && *value <= kMaxLimit) return static_cast<int>(*value);
  add_error("limit", "1에서 100 사이의 정수여야 합니다", "must be an integer from 1 to 100");
  return by_default;
}

std::optional<LocalDay> Query::day(std::string_view name) {
  const std::optional<std::string> given = text(name);
  if (!given) return std::nullopt;
  const std::optional<LocalDay> day = codec::parse_day(*given);
  if (!day) add_error(name, "YYYY-MM-DD 형식의 날짜여야 합니다", "must be a date such as 2025-06-20");
  return day;
}

void Query::add_error(std::string_view name, std::string_view ko, std::string_view en) {
  errors_.push_back(
      {.pointer = codec::pointer_to("", name), .detail_ko = std::string(ko), .detail_en = std::string(en)});
}

std::vector<InputError> Query::errors() {
  for (const Parameter& p : parameters_) {
    if (!p.read) add_error(p.name, "알 수 없는 매개변수입니다", "is not a parameter of this call");
  }
  return std::move(errors_);
}

std::string make_cursor(std::string_view kind, const std::vector<std::string>& parts) {
  std::string plain(kind);
  for (const std::string& part : parts) plain += ":" + std::to_string(part.size()) + ":" + part;
  return codec::to_base64url(codec::bytes_of(plain));
}

std::optional<std::vector<std::string>> read_cursor(std::string_view kind, std::string_view cursor, std::size_t parts) {
  const std::optional<std::string> decoded = codec::from_base64url(cursor);
  if (!decoded || !decoded->starts_with(kind)) return std::nullopt;
  std::string_view rest = std::string_view(*decoded).substr(kind.size());
  std::vector<std::string> result;
  while (!rest.empty()) {
    if (rest.front() != ':') return std::nullopt;
    rest.remove_prefix(1);
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::optional<std::int64_t> length = parse_integer(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
    if (!length || *length < 0 || static_cast<std::size_t>(*length) > rest.size()) return std::nullopt;
    result.emplace_back(rest.substr(0, static_cast<std::size_t>(*length)));
    rest.remove_prefix(static_cast<std::size_t>(*length));
  }
  if (result.size() != parts) return std::nullopt;
  return result;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace windfall::http
