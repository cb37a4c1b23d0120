#include "adapters/codec/key_list.hpp"

#include <algorithm>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_in.hpp"
#include "adapters/codec/json_out.hpp"
#include "adapters/codec/object_reader.hpp"

namespace windfall::codec {

namespace {

/// Generous: what was written here was checked before.
constexpr Length kAnyLength{.min = 1, .max = 1000};

Key read_key(ObjectReader& reader) {
  Key key;
  key.id = reader.required_string("keyId", kAnyLength);
  key.name = reader.required_string("name", kAnyLength);
  const std::optional<Role> role = role_named(reader.required_string("role", kAnyLength));
  key.role = role.value_or(Role::viewer);
  if (!role) reader.refuse("role", "is not a role", "역할이 아닙니다");
  key.created = reader.optional_instant("createdAt").value_or(Instant{});
  const std::optional<std::string> digest = from_hex(reader.required_string("sha256", kAnyLength));
  if (digest && digest->size() == key.digest.size()) {
    std::ranges::copy(*digest, key.digest.begin());
  } else {
    reader.refuse("sha256", "is not a digest", "해시가 아닙니다");
  }
  reader.finish();
  return key;
}

}  // namespace

std::string encode_keys(std::span<const Key> keys) {
  std::string out;
  append_json_array(out, keys, [&out](const Key& key) {
    ObjectWriter(out)
        .text("keyId", key.id)
        .text("name", key.name)
        .text("role", name_of(key.role))
        .instant("createdAt", key.created)
        .text("sha256", to_hex(key.digest))
        .close();
  });
  return out;
}

Result<std::vector<Key>> decode_keys(std::string_view text) {
  std::vector<Key> keys;
  if (text.empty()) return keys;
  const Decoded<JsonValue> parsed = parse_json(text);
  const auto* items = parsed ? parsed->get_if<JsonValue::Array>() : nullptr;
  if (items == nullptr) return fail(FailureCode::damaged, "the list of keys cannot be read");
  FieldErrors errors;
  for (std::size_t i = 0; i < items->size(); ++i) {
    ObjectReader reader((*items)[i], pointer_to("", i), errors);
    keys.push_back(read_key(reader));
  }
  if (errors.empty()) return keys;
  const BadInput bad = errors.take();
  return fail(FailureCode::damaged,
              "the list of keys: " + bad.errors.front().pointer + " " + bad.errors.front().detail_en);
}

}  // namespace windfall::codec
