#include "adapters/codec/object_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/time_text.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

void FieldErrors::add(std::string pointer, std::string detail_en, std::string detail_ko) {
  if (errors_.size() < kMax) errors_.push_back({std::move(pointer), std::move(detail_en), std::move(detail_ko)});
}

BadInput FieldErrors::take() {
  BadInput bad;
  bad.errors = std::move(errors_);
  return bad;
}

ObjectReader::ObjectReader(const JsonValue& value, std::string pointer, FieldErrors& errors)
    : members_(value.get_if<JsonValue::Object>()), pointer_(std::move(pointer)), errors_(&errors) {
  if (members_ == nullptr) errors.add(pointer_, "must be an object", "객체여야 합니다");
}

const JsonValue* ObjectReader::look(std::string_view name) const {
  if (members_ == nullptr) return nullptr;
  const auto at = std::ranges::find(*members_, name, &JsonValue::Member::name);
  return at == members_->end() ? nullptr : &at->value;
}

bool ObjectReader::has(std::string_view name) const { return look(name) != nullptr; }

const JsonValue* ObjectReader::find(std::string_view name) {
  known_.push_back(name);
  const JsonValue* value = look(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void ObjectReader::require(std::string_view name) {
  const JsonValue* value = look(name);
  if (members_ != nullptr && (value == nullptr || value->is_null())) refuse(name, "is required", "필수 항목입니다");
}

void ObjectReader::refuse(std::string_view name, std::string detail_en, std::string detail_ko) {
  errors_->add(pointer_to(pointer_, name), std::move(detail_en), std::move(detail_ko));
}

std::optional<std::string> ObjectReader::optional_string(std::string_view name, Length length) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->get_if<std::string>();
  if (text == nullptr) {
    refuse(name, "must be a string", "문자열이어야 합니다");
    return std::nullopt;
  }
  const std::size_t characters = count_code_points(*text);
  if (characters < length.min || characters > length.max) {
    refuse(name, fmt::format("must have {} to {} characters", length.min, length.max),
           fmt::format("길이가 {}자 이상 {}자 이하여야 합니다", length.min, length.max));
    return std::nullopt;
  }
  if (text->find('\0') != std::string::npos) {  // no database keeps it, no terminal shows it
    refuse(name, "must not contain the character U+0000", "U+0000 문자를 포함할 수 없습니다");
    return std::nullopt;
  }
  return *text;
}

std::string ObjectReader::required_string(std::string_view name, Length length) {
  require(name);
  return optional_string(name, length).value_or("");
}

std::optional<std::int64_t> ObjectReader::optional_int(std::string_view name, IntRange range) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->get_if<std::int64_t>() == nullptr && value->get_if<InexactNumber>() == nullptr) {
    refuse(name, "must be an integer", "정수여야 합니다");
    return std::nullopt;
  }
  if (const auto* inexact = value->get_if<InexactNumber>(); inexact != nullptr && *inexact == InexactNumber::fraction) {
    refuse(name, "must be an integer, written without fraction and exponent",
           "소수점이나 지수 없이 쓴 정수여야 합니다");
    return std::nullopt;
  }
  const auto* number = value->get_if<std::int64_t>();
  if (number == nullptr || *number < range.min || *number > range.max) {
    refuse(name, fmt::format("must be an integer from {} to {}", range.min, range.max),
           fmt::format("{} 이상 {} 이하의 정수여야 합니다", range.min, range.max));
    return std::nullopt;
  }
  return *number;
}

std::optional<std::int64_t> ObjectReader::required_int(std::string_view name, IntRange range) {
  require(name);
  return optional_int(name, range);
}

std::optional<bool> ObjectReader::optional_bool(std::string_view name) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* boolean = value->get_if<bool>()) return *boolean;
  refuse(name, "must be true or false", "true 또는 false여야 합니다");
  return std::nullopt;
}

std::optional<LocalDay> ObjectReader::optional_day(std::string_view name) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->get_if<std::string>();
  const auto day = text != nullptr ? parse_day(*text) : std::nullopt;
  if (!day) refuse(name, "must be a date, written YYYY-MM-DD", "YYYY-MM-DD 형식의 올바른 날짜여야 합니다");
  return day;
}

std::optional<LocalDay> ObjectReader::required_day(std::string_view name) {
  require(name);
  return optional_day(name);
}

std::optional<Instant> ObjectReader::optional_instant(std::string_view name) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto* text = value->get_if<std::string>();
  const auto at = text != nullptr ? parse_instant(*text) : std::nullopt;
  if (!at) {
    refuse(name, "must be an instant of RFC 3339, such as 2025-06-21T00:00:00.000Z",
           "2025-06-21T00:00:00.000Z와 같은 RFC 3339 시각이어야 합니다");
  }
  return at;
}

namespace {

/// The identifier in `value`, nullptr if it is none.
const std::string* identifier_in(const JsonValue& value) {
  const auto* text = value.get_if<std::string>();
  return text != nullptr && is_identifier(*text) ? text : nullptr;
}

constexpr const char* kNoIdentifierEn = "must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -";
constexpr const char* kNoIdentifierKo = "영문자, 숫자, _, -로 된 1자 이상 64자 이하여야 합니다";

}  // namespace

std::optional<std::string> ObjectReader::optional_identifier(std::string_view name) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const std::string* text = identifier_in(*value)) return *text;
  refuse(name, kNoIdentifierEn, kNoIdentifierKo);
  return std::nullopt;
}

std::string ObjectReader::required_identifier(std::string_view name) {
  require(name);
  return optional_identifier(name).value_or("");
}

std::vector<std::string> ObjectReader::identifiers(std::string_view name, std::size_t min, std::size_t max) {
  std::vector<std::string> result;
  for (const Item& item : array(name, min, max)) {
    const std::string* text = identifier_in(*item.value);
    if (text == nullptr) {
      errors_->add(item.pointer, kNoIdentifierEn, kNoIdentifierKo);
      result.emplace_back();  // keeps the indexes of what follows
    } else if (std::ranges::find(result, *text) != result.end()) {
      errors_->add(item.pointer, "is listed twice", "중복된 값입니다");
      result.emplace_back();
    } else {
      result.push_back(*text);
    }
  }
  return result;
}

std::vector<std::string> ObjectReader::required_identifiers(std::string_view name, std::size_t max) {
  require(name);
  return identifiers(name, 1, max);
}

std::vector<std::string> ObjectReader::optional_identifiers(std::string_view name, std::size_t max) {
  return identifiers(name, 0, max);
}

std::string ObjectReader::required_user_id(std::string_view name) {
  require(name);
  const JsonValue* value = find(name);
  if (value == nullptr) return {};
  const auto* text = value->get_if<std::string>();
  if (text != nullptr && valid_user_id(*text)) return *text;
  refuse(name, fmt::format("must be a user id: 1 to {} bytes of printable UTF-8 without spaces", kMaxUserIdBytes),
         fmt::format("사용자 ID는 공백 없는 1~{}바이트의 UTF-8이어야 합니다", kMaxUserIdBytes));
  return {};
}

std::optional<std::size_t> ObjectReader::word_index(std::string_view name, std::span<const std::string_view> known) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->get_if<std::string>()) {
    const auto at = std::ranges::find(known, *text);
    if (at != known.end()) return static_cast<std::size_t>(at - known.begin());
  }
  refuse(name, fmt::format("must be one of {}", fmt::join(known, ", ")),
         fmt::format("다음 중 하나여야 합니다: {}", fmt::join(known, ", ")));
  return std::nullopt;
}

std::vector<ObjectReader::Item> ObjectReader::array(std::string_view name, std::size_t min, std::size_t max) {
  const JsonValue* value = find(name);
  if (value == nullptr) return {};
  const auto* items = value->get_if<JsonValue::Array>();
  if (items == nullptr) {
    refuse(name, "must be a list", "목록이어야 합니다");
    return {};
  }
  if (items->size() < min || items->size() > max) {
    refuse(name, fmt::format("must have {} to {} items", min, max),
           fmt::format("항목이 {}개 이상 {}개 이하여야 합니다", min, max));
    return {};
  }
  std::vector<Item> result;
  for (const JsonValue& item : *items) {
    result.push_back({.value = &item, .pointer = pointer_to(pointer_to(pointer_, name), result.size())});
  }
  return result;
}

std::vector<ObjectReader::Item> ObjectReader::optional_array(std::string_view name, std::size_t max) {
  return array(name, 0, max);
}

std::vector<ObjectReader::Item> ObjectReader::required_array(std::string_view name, std::size_t min, std::size_t max) {
  require(name);
  return array(name, min, max);
}

void ObjectReader::read_only(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    known_.push_back(name);
    if (has(name)) refuse(name, "read-only", "읽기 전용입니다");
  }
}

void ObjectReader::finish() {
  if (members_ == nullptr) return;
  for (const JsonValue::Member& member : *members_) {
    if (std::ranges::find(known_, member.name) == known_.end())
      refuse(member.name, "unknown member", "알 수 없는 항목입니다");
  }
}

}  // namespace windfall::codec
