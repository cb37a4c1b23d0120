#include "adapters/codec/shown_json.hpp"

#include <functional>
#include <optional>

#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"

namespace windfall::codec {

namespace {

const JsonValue* member(const JsonValue& value, std::string_view name) {
  const auto* object = value.get_if<JsonValue::Object>();
  if (object == nullptr) return nullptr;
  for (const JsonValue::Member& each : *object) {
    if (each.name == name) return &each.value;
  }
  return nullptr;
}

std::optional<std::string> text_of(const JsonValue& value, std::string_view name) {
  const JsonValue* found = member(value, name);
  const auto* text = found == nullptr ? nullptr : found->get_if<std::string>();
  return text == nullptr ? std::nullopt : std::optional{*text};
}

struct ShownKey {
  std::string id;
  std::optional<std::string> name;
  std::optional<std::string> role;
};

void append(std::string& out, const ShownKey& key) {
  ObjectWriter(out).text("keyId", key.id).text_or_null("name", key.name).text_or_null("role", key.role).close();
}

void each_key(const JsonValue& value, const std::function<void(const ShownKey&)>& found) {
  if (const auto* array = value.get_if<JsonValue::Array>()) {
    for (const JsonValue& item : *array) each_key(item, found);
  } else if (const auto* object = value.get_if<JsonValue::Object>()) {
    std::optional<std::string> id = text_of(value, "keyId");
    if (!id) id = text_of(value, "id");
    if (id) found({.id = *std::move(id), .name = text_of(value, "name"), .role = text_of(value, "role")});
    for (const JsonValue::Member& each : *object) each_key(each.value, found);
  }
}

}  // namespace

ShownDefinition shown_definition(std::string_view definition) {
  ShownDefinition shown;
  const auto parsed = parse_json(definition);
  if (!parsed) return shown;
  shown.is_json = definition.find("\\u0000") == std::string_view::npos;
  shown.title = text_of(*parsed, "title").value_or("");
  shown.status = text_of(*parsed, "status").value_or("");
  const JsonValue* limit = member(*parsed, "limitJoinCount");
  const auto* number = limit == nullptr ? nullptr : limit->get_if<std::int64_t>();
  if (number != nullptr) shown.limit = *number;
  return shown;
}

std::string shown_keys(std::string_view keys) {
  std::string out = "[";
  if (const auto parsed = parse_json(keys)) {
    each_key(*parsed, [&](const ShownKey& key) {
      if (out.size() > 1) out += ',';
      append(out, key);
    });
  }
  return out + "]";
}

std::string shown_key(std::string_view shown, std::string_view key_id) {
  std::string out;
  if (const auto parsed = parse_json(shown)) {
    each_key(*parsed, [&](const ShownKey& key) {
      if (out.empty() && key.id == key_id) append(out, key);
    });
  }
  return out;
}

BeforeAndAfter shown_adjustment(std::string_view promotion_id, std::int64_t held, std::int64_t tickets) {
  BeforeAndAfter shown;
  ObjectWriter(shown.before).text("promotionId", promotion_id).integer("held", held).close();
  ObjectWriter(shown.after)
      .text("promotionId", promotion_id)
      .integer("tickets", tickets)
      .integer("held", held + tickets)
      .close();
  return shown;
}

}  // namespace windfall::codec
