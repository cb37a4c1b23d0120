#include "adapters/mongo/promotion_document.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "adapters/codec/json_in.hpp"

namespace windfall::mongo {

namespace {

using codec::JsonValue;

/// Said elsewhere in the document, of no meaning outside, or secret.
constexpr std::array<std::string_view, 13> kLeftOut{
    "id",        "format", "secrets", "revision",       "definition", "partition", "batch", "leftJoinCount",
    "joinCount", "spent",  "_id",     "syncedSequence", "status"};

constexpr std::array<std::string_view, 13> kOrder{
    "_id",      "id",        "title",   "rewardAmount", "leftJoinCount", "limitJoinCount",  "content",
    "imageUrl", "startDate", "endDate", "joinTypes",    "createdDate",   "lastModifiedDate"};

void append(Document& out, std::string_view name, const JsonValue& value);

Document object_of(const JsonValue::Object& members) {
  Document out;
  for (const JsonValue::Member& member : members) append(out, member.name, member.value);
  return out;
}

void append(Document& out, std::string_view name, const JsonValue& value) {
  if (const auto* text = value.get_if<std::string>()) {
    out.text(name, std::string_view(*text));
  } else if (const auto* number = value.get_if<std::int64_t>()) {
    out.integer(name, *number);
  } else if (const auto* flag = value.get_if<bool>()) {
    out.boolean(name, *flag);
  } else if (const auto* object = value.get_if<JsonValue::Object>()) {
    out.document(name, object_of(*object));
  } else if (const auto* items = value.get_if<JsonValue::Array>()) {
    Document list;
    for (std::size_t i = 0; i < items->size(); ++i) append(list, std::to_string(i), (*items)[i]);
    bson_append_array(out.raw(), name.data(), static_cast<int>(name.size()), list.raw());
  } else {
    out.null(name);  // also what is no integer: a definition has none
  }
}

}  // namespace

Document definition_members(std::string_view definition, const codec::ShownDefinition& shown) {
  Document out;
  const auto parsed = codec::parse_json(definition);
  const auto* members = parsed ? parsed->get_if<JsonValue::Object>() : nullptr;
  if (members == nullptr || !shown.is_json) return std::move(out.text("title", std::string_view(shown.title)));
  for (const JsonValue::Member& member : *members) {
    if (std::ranges::find(kLeftOut, member.name) == kLeftOut.end()) append(out, member.name, member.value);
  }
  return out;
}

Document in_readers_order(const Document& all) {
  Document out;
  bson_iter_t at;
  for (const std::string_view name : kOrder) {
    if (bson_iter_init_find(&at, all.raw(), name.data())) bson_append_iter(out.raw(), nullptr, 0, &at);
  }
  if (!bson_iter_init(&at, all.raw())) return out;
  while (bson_iter_next(&at)) {
    if (std::ranges::find(kOrder, std::string_view(bson_iter_key(&at))) == kOrder.end()) {
      bson_append_iter(out.raw(), nullptr, 0, &at);
    }
  }
  return out;
}

bson_oid_t promotion_object_id(const std::array<std::uint8_t, 16>& lineage, PartitionNo partition, Instant created) {
  bson_oid_t id{};
  const auto seconds = static_cast<std::uint32_t>(created.ms / 1000);
  for (std::size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(seconds >> (24U - 8U * i));
  for (std::size_t i = 0; i < 5; ++i) id.bytes[4 + i] = lineage[i];
  for (std::size_t i = 0; i < 3; ++i) id.bytes[9 + i] = static_cast<std::uint8_t>(partition.value >> (16U - 8U * i));
  return id;
}

}  // namespace windfall::mongo
