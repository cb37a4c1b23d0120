// Documents as values: BSON written member by member and read by name, over libbson. Times are BSON dates, days are
// text ("2025-06-20"), references of users and ids are lower-case text, all integers have 64 bits.
#pragma once

#include <bson/bson.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall::mongo {

using Bytes16 = std::array<std::uint8_t, 16>;

class Document {
 public:
  Document() { bson_init(&bson_); }
  Document(const Document& other) { bson_copy_to(&other.bson_, &bson_); }
  Document(Document&& other) noexcept : Document() { swap(other); }
  Document& operator=(Document other) noexcept {
    swap(other);
    return *this;
  }
  ~Document() { bson_destroy(&bson_); }
  static Document copy_of(const bson_t* bson);

  // Each appends one member. `name` must be new.
  Document& text(std::string_view name, std::string_view value);
  Document& text_or_null(std::string_view name, const std::optional<std::string>& value);
  Document& integer(std::string_view name, std::int64_t value);
  Document& integer_or_null(std::string_view name, std::optional<std::int64_t> value);
  Document& boolean(std::string_view name, bool value);
  Document& time(std::string_view name, Instant value);
  Document& time_or_null(std::string_view name, std::optional<Instant> value);
  Document& day(std::string_view name, LocalDay value);
  Document& user(std::string_view name, UserRef value);
  Document& uuid(std::string_view name, const Bytes16& value);
  Document& blob(std::string_view name, std::string_view bytes);
  Document& object_id(std::string_view name, const bson_oid_t& value);
  Document& null(std::string_view name);
  Document& document(std::string_view name, const Document& value);
  Document& array(std::string_view name, const std::vector<Document>& values);
  Document& array(std::string_view name, std::span<const std::string> values);
  Document& array(std::string_view name, std::span<const std::int64_t> values);
  /// All members of the other one.
  Document& append(const Document& other);

  [[nodiscard]] const bson_t* raw() const { return &bson_; }
  [[nodiscard]] bson_t* raw() { return &bson_; }
  [[nodiscard]] std::size_t bytes() const { return bson_.len; }
  [[nodiscard]] bool empty() const { return bson_empty(&bson_); }

 private:
  void swap(Document& other) noexcept;

  bson_t bson_{};
};

/// Looks into a document that somebody else holds. What is missing or of another kind reads as nothing.
class View {
 public:
  explicit View(const bson_t* bson) : bson_(bson) {}
  [[nodiscard]] const bson_t* raw() const { return bson_; }
  explicit View(const Document& document) : bson_(document.raw()) {}

  [[nodiscard]] bool has(const char* name) const;  ///< and it is not null
  [[nodiscard]] std::string text(const char* name) const;
  [[nodiscard]] std::optional<std::string> maybe_text(const char* name) const;
  [[nodiscard]] std::int64_t integer(const char* name) const { return maybe_integer(name).value_or(0); }
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(const char* name) const;
  [[nodiscard]] bool boolean(const char* name) const;
  [[nodiscard]] Instant time(const char* name) const { return maybe_time(name).value_or(Instant{0}); }
  [[nodiscard]] std::optional<Instant> maybe_time(const char* name) const;
  [[nodiscard]] LocalDay day(const char* name) const;
  [[nodiscard]] UserRef user(const char* name) const;
  [[nodiscard]] std::optional<Bytes16> uuid(const char* name) const;
  [[nodiscard]] std::string blob(const char* name) const;
  [[nodiscard]] std::optional<Document> document(const char* name) const;
  /// The documents of an array.
  [[nodiscard]] std::vector<Document> array(const char* name) const;
  /// Calls `member(name, document)` for each member that is a document.
  void each_document(const std::function<void(std::string_view, const Document&)>& member) const;

 private:
  [[nodiscard]] bool find(const char* name, bson_iter_t& at) const;

  const bson_t* bson_;
};

/// 32 digits.
[[nodiscard]] std::string text_of(UserRef user);
[[nodiscard]] UserRef user_of(std::string_view text);

}  // namespace windfall::mongo
