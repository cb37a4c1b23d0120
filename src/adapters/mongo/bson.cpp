#include "adapters/mongo/bson.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/storable_text.hpp"
#include "adapters/codec/time_text.hpp"

namespace windfall::mongo {

namespace {

int length_of(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

std::string text_of(UserRef user) { return fmt::format("{:016x}{:016x}", user.hi, user.lo); }

UserRef user_of(std::string_view text) {
  UserRef user;
  if (text.size() != 32) return user;
  std::from_chars(text.data(), text.data() + 16, user.hi, 16);
  std::from_chars(text.data() + 16, text.data() + 32, user.lo, 16);
  return user;
}

// --- Document

Document Document::copy_of(const bson_t* bson) {
  Document copy;
  bson_destroy(&copy.bson_);
  bson_copy_to(bson, &copy.bson_);
  return copy;
}

/// A short document keeps its bytes inside: only the library may move one.
void Document::swap(Document& other) noexcept {
  bson_t kept;
  bson_init(&kept);
  bson_steal(&kept, &bson_);
  bson_steal(&bson_, &other.bson_);
  bson_steal(&other.bson_, &kept);
}

Document& Document::text(std::string_view name, std::string_view value) {
  const std::string clean = codec::is_storable(value) ? std::string{} : codec::storable(value);
  const std::string_view kept = clean.empty() ? value : clean;
  bson_append_utf8(&bson_, name.data(), length_of(name), kept.empty() ? "" : kept.data(), length_of(kept));
  return *this;
}

Document& Document::text_or_null(std::string_view name, const std::optional<std::string>& value) {
  return value ? text(name, std::string_view(*value)) : null(name);
}

Document& Document::integer(std::string_view name, std::int64_t value) {
  bson_append_int64(&bson_, name.data(), length_of(name), value);
  return *this;
}

Document& Document::integer_or_null(std::string_view name, std::optional<std::int64_t> value) {
  return value ? integer(name, *value) : null(name);
}

Document& Document::boolean(std::string_view name, bool value) {
  bson_append_bool(&bson_, name.data(), length_of(name), value);
  return *this;
}

Document& Document::time(std::string_view name, Instant value) {
  bson_append_date_time(&bson_, name.data(), length_of(name), value.ms);
  return *this;
}

Document& Document::time_or_null(std::string_view name, std::optional<Instant> value) {
  return value ? time(name, *value) : null(name);
}

Document& Document::day(std::string_view name, LocalDay value) { return text(name, codec::to_text(value)); }
Document& Document::user(std::string_view name, UserRef value) { return text(name, text_of(value)); }
Document& Document::uuid(std::string_view name, const Bytes16& value) { return text(name, codec::to_uuid_text(value)); }

Document& Document::blob(std::string_view name, std::string_view bytes) {
  bson_append_binary(&bson_, name.data(), length_of(name), BSON_SUBTYPE_BINARY,
                     reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()));
  return *this;
}

Document& Document::object_id(std::string_view name, const bson_oid_t& value) {
  bson_append_oid(&bson_, name.data(), length_of(name), &value);
  return *this;
}

Document& Document::null(std::string_view name) {
  bson_append_null(&bson_, name.data(), length_of(name));
  return *this;
}

Document& Document::document(std::string_view name, const Document& value) {
  bson_append_document(&bson_, name.data(), length_of(name), value.raw());
  return *this;
}

Document& Document::array(std::string_view name, const std::vector<Document>& values) {
  Document items;
  for (std::size_t i = 0; i < values.size(); ++i) items.document(std::to_string(i), values[i]);
  bson_append_array(&bson_, name.data(), length_of(name), items.raw());
  return *this;
}

Document& Document::array(std::string_view name, std::span<const std::string> values) {
  Document items;
  for (std::size_t i = 0; i < values.size(); ++i) items.text(std::to_string(i), std::string_view(values[i]));
  bson_append_array(&bson_, name.data(), length_of(name), items.raw());
  return *this;
}

Document& Document::array(std::string_view name, std::span<const std::int64_t> values) {
  Document items;
  for (std::size_t i = 0; i < values.size(); ++i) items.integer(std::to_string(i), values[i]);
  bson_append_array(&bson_, name.data(), length_of(name), items.raw());
  return *this;
}

Document& Document::append(const Document& other) {
  bson_concat(&bson_, other.raw());
  return *this;
}

// --- View

bool View::find(const char* name, bson_iter_t& at) const { return bson_iter_init_find(&at, bson_, name); }

bool View::has(const char* name) const {
  bson_iter_t at;
  return find(name, at) && !BSON_ITER_HOLDS_NULL(&at);
}

std::string View::text(const char* name) const { return maybe_text(name).value_or(std::string{}); }

std::optional<std::string> View::maybe_text(const char* name) const {
  bson_iter_t at;
  if (!find(name, at) || !BSON_ITER_HOLDS_UTF8(&at)) return std::nullopt;
  std::uint32_t length = 0;
  const char* bytes = bson_iter_utf8(&at, &length);
  return std::string(bytes, length);
}

std::optional<std::int64_t> View::maybe_integer(const char* name) const {
  bson_iter_t at;
  if (!find(name, at) || !BSON_ITER_HOLDS_NUMBER(&at)) return std::nullopt;
  return bson_iter_as_int64(&at);
}

bool View::boolean(const char* name) const {
  bson_iter_t at;
  return find(name, at) && BSON_ITER_HOLDS_BOOL(&at) && bson_iter_bool(&at);
}

std::optional<Instant> View::maybe_time(const char* name) const {
  bson_iter_t at;
  if (!find(name, at) || !BSON_ITER_HOLDS_DATE_TIME(&at)) return std::nullopt;
  return Instant{bson_iter_date_time(&at)};
}

LocalDay View::day(const char* name) const { return codec::parse_day(text(name)).value_or(LocalDay{}); }
UserRef View::user(const char* name) const { return user_of(text(name)); }

std::optional<Bytes16> View::uuid(const char* name) const { return codec::from_uuid_text(text(name)); }

std::string View::blob(const char* name) const {
  bson_iter_t at;
  if (!find(name, at) || !BSON_ITER_HOLDS_BINARY(&at)) return {};
  bson_subtype_t kind{};
  std::uint32_t length = 0;
  const std::uint8_t* bytes = nullptr;
  bson_iter_binary(&at, &kind, &length, &bytes);
  return {reinterpret_cast<const char*>(bytes), length};
}

namespace {

Document document_at(const bson_iter_t& at) {
  std::uint32_t length = 0;
  const std::uint8_t* bytes = nullptr;
  bson_iter_document(&at, &length, &bytes);
  bson_t inside;
  if (!bson_init_static(&inside, bytes, length)) return {};
  return Document::copy_of(&inside);
}

}  // namespace

std::optional<Document> View::document(const char* name) const {
  bson_iter_t at;
  if (!find(name, at) || !BSON_ITER_HOLDS_DOCUMENT(&at)) return std::nullopt;
  return document_at(at);
}

std::vector<Document> View::array(const char* name) const {
  std::vector<Document> out;
  bson_iter_t at;
  bson_iter_t item;
  if (!find(name, at) || !BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &item)) return out;
  while (bson_iter_next(&item)) {
    if (BSON_ITER_HOLDS_DOCUMENT(&item)) out.push_back(document_at(item));
  }
  return out;
}

void View::each_document(const std::function<void(std::string_view, const Document&)>& member) const {
  bson_iter_t at;
  if (!bson_iter_init(&at, bson_)) return;
  while (bson_iter_next(&at)) {
    if (BSON_ITER_HOLDS_DOCUMENT(&at)) member(bson_iter_key(&at), document_at(at));
  }
}

}  // namespace windfall::mongo
