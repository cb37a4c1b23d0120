#include "adapters/codec/cloud_events.hpp"

#include <sodium.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/object_reader.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::codec {

namespace {

using Type = Inbound::Type;

constexpr std::array<Word<Type>, 3> kTypes{{{"promotion.page.visited", Type::page_visited},
                                            {"promotion.invite.opened", Type::invite_opened},
                                            {"promotion.shared", Type::shared}}};

/// Everything that CloudEvents itself defines, and `data_base64`; all else is an extension.
constexpr std::array<std::string_view, 10> kDefined{"specversion", "id",      "source", "type", "datacontenttype",
                                                    "dataschema",  "subject", "time",   "data", "data_base64"};

bool is_extension_name(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

/// CloudEvents' own types, as JSON writes them: Boolean, Integer (32 bits), String. Null means that it is not set.
bool is_attribute_value(const JsonValue& value) {
  if (value.is_null() || value.get_if<bool>() != nullptr || value.get_if<std::string>() != nullptr) return true;
  const auto* number = value.get_if<std::int64_t>();
  return number != nullptr && std::in_range<std::int32_t>(*number);
}

bool has_space_or_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  });
}

/// "application/json", "application/…+json", with parameters or without.
bool is_json(std::string_view media_type) {
  std::string type;
  for (const char c : media_type.substr(0, media_type.find(';'))) {
    if (c == ' ' || c == '\t') continue;
    type += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return type.ends_with("/json") || type.ends_with("+json");
}

void read_extensions(const JsonValue& value, ObjectReader& reader) {
  const auto* members = value.get_if<JsonValue::Object>();
  if (members == nullptr) return;
  for (const JsonValue::Member& member : *members) {
    // What is not a name for an extension stays unknown, and is refused as such.
    if (std::ranges::find(kDefined, member.name) != kDefined.end() || !is_extension_name(member.name)) continue;
    reader.find(member.name);
    if (is_attribute_value(member.value)) continue;
    reader.refuse(member.name, "must be a string, a boolean or an integer of 32 bits",
                  "문자열, 불리언 또는 32비트 정수여야 합니다");
  }
}

void read_context(ObjectReader& reader, CloudEvent& event) {
  if (reader.required_string("specversion", {.min = 1, .max = kMaxEventName}) != "1.0" && reader.has("specversion")) {
    reader.refuse("specversion", "must be \"1.0\"", "\"1.0\"이어야 합니다");
  }
  event.id = reader.required_string("id", {.min = 1, .max = kMaxEventName});
  event.source = reader.required_string("source", {.min = 1, .max = kMaxEventName});
  if (has_space_or_control(event.source)) {
    reader.refuse("source", "must be a URI reference", "URI 참조여야 합니다");
  }
  if (const auto type = reader.optional_string("datacontenttype", {.min = 1, .max = kMaxEventName})) {
    if (!is_json(*type)) reader.refuse("datacontenttype", "must be a JSON type", "JSON 형식이어야 합니다");
  }
  reader.optional_string("dataschema", {.min = 1, .max = kMaxEventName});
  reader.optional_string("subject", {.min = 1, .max = kMaxEventName});
  reader.optional_instant("time");
  if (reader.find("data_base64") != nullptr) {
    reader.refuse("data_base64", "is not understood here: send the data as JSON in \"data\"",
                  "여기서는 쓸 수 없습니다. 데이터는 \"data\"에 JSON으로 보내야 합니다");
  }
}

CloudEvent read_event(const JsonValue& value, std::string pointer, FieldErrors& errors) {
  CloudEvent event;
  ObjectReader reader(value, std::move(pointer), errors);
  // Anything but an object was one error already; asking for its members would add as many as there are.
  if (value.get_if<JsonValue::Object>() == nullptr) return event;
  read_context(reader, event);
  const std::optional<Type> type = reader.required_word<Type>("type", kTypes);
  const JsonValue* found = reader.find("data");
  if (type) {
    static const JsonValue kNothing;
    event.type = *type;
    ObjectReader data(found != nullptr ? *found : kNothing, pointer_to(reader.pointer(), "data"), errors);
    if (found != nullptr && found->get_if<JsonValue::Object>() != nullptr) {
      event.about = *type == Type::invite_opened ? data.required_string("token", {.min = 1, .max = kMaxInviteToken})
                                                 : data.required_identifier("promotionId");
      event.user_id = data.required_user_id("userId");
      if (!event.user_id.empty() && !visible_user_id(event.user_id)) {
        data.refuse("userId", "must show something", "보이는 글자가 있어야 합니다");
      }
      data.finish();
    }
  }
  read_extensions(value, reader);
  reader.finish();
  return event;
}

}  // namespace

std::string_view name_of(Inbound::Type type) {
  const auto* const found = std::ranges::find(kTypes, type, &Word<Type>::value);
  return found == kTypes.end() ? std::string_view{} : found->text;
}

Decoded<std::vector<CloudEvent>> decode_cloud_event(std::string_view body) {
  const Decoded<JsonValue> parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(parsed.error());
  FieldErrors errors;
  std::vector<CloudEvent> events;
  events.push_back(read_event(*parsed, "", errors));
  if (!errors.empty()) return tl::unexpected(errors.take());
  return events;
}

Decoded<std::vector<CloudEvent>> decode_cloud_event_batch(std::string_view body) {
  const Decoded<JsonValue> parsed = parse_json(body);
  if (!parsed) return tl::unexpected(parsed.error());
  FieldErrors errors;
  std::vector<CloudEvent> events;
  const auto* items = parsed->get_if<JsonValue::Array>();
  if (items == nullptr) {
    errors.add("", "must be an array of events", "이벤트의 배열이어야 합니다");
  } else if (items->size() > kMaxCloudEvents) {
    errors.add("", "must not have more than " + std::to_string(kMaxCloudEvents) + " events",
               "이벤트는 " + std::to_string(kMaxCloudEvents) + "개까지 보낼 수 있습니다");
  } else {
    events.reserve(items->size());
    for (std::size_t i = 0; i < items->size(); ++i)
      events.push_back(read_event((*items)[i], pointer_to("", i), errors));
  }
  if (!errors.empty()) return tl::unexpected(errors.take());
  return events;
}

Decoded<CloudEvent> decode_cloud_event(const CloudAttributes& attributes, std::string_view data) {
  FieldErrors errors;
  JsonValue::Object members;
  for (const auto& [name, value] : attributes) {
    const bool twice = std::ranges::find(members, name, &JsonValue::Member::name) != members.end();
    if (twice || name == "data" || name == "data_base64" || !is_utf8(name)) {
      errors.add("", "has an attribute that is given twice, or is none", "속성이 중복되었거나 속성이 아닙니다");
    } else if (!is_utf8(value)) {
      errors.add(pointer_to("", name), "must be UTF-8", "UTF-8이어야 합니다");
    } else {
      members.push_back({.name = name, .value = {value}});
    }
  }
  Decoded<JsonValue> parsed = parse_json(data);
  if (!parsed) return tl::unexpected(parsed.error());
  members.push_back({.name = "data", .value = std::move(*parsed)});
  CloudEvent event = read_event({std::move(members)}, "", errors);
  if (!errors.empty()) return tl::unexpected(errors.take());
  return event;
}

std::string cloud_event_data(Inbound::Type type, std::string_view user_id, std::string_view about) {
  std::string data;
  ObjectWriter(data).text(type == Type::invite_opened ? "token" : "promotionId", about).text("userId", user_id).close();
  return data;
}

std::array<std::uint8_t, 16> inbound_id(UserRef sender, std::string_view source, std::string_view id) {
  crypto_generichash_state state;
  std::array<std::uint8_t, 16> hash{};
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  const auto add = [&state](const void* bytes, std::size_t size) {
    crypto_generichash_update(&state, static_cast<const unsigned char*>(bytes), size);
  };
  add(&sender.hi, sizeof sender.hi);
  add(&sender.lo, sizeof sender.lo);
  const std::uint64_t length = source.size();
  add(&length, sizeof length);
  add(source.data(), source.size());
  add(id.data(), id.size());
  crypto_generichash_final(&state, hash.data(), hash.size());
  return hash;
}

}  // namespace windfall::codec
