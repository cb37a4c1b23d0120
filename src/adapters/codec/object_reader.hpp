// Typed reading of a JSON object: each member is asked for once, by name and rule; whatever is wrong is collected with
// its pointer, so that a client sees all of it at once. A reader never stops early: what is wrong reads as a harmless
// value, and the caller looks at FieldErrors at the end.
//
// A member that is null counts as absent, except where it is required.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/codec/json_in.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// Collects what is wrong.
class FieldErrors {
 public:
  /// A body of 64 KiB can hold thousands of unknown members; nobody reads more than this many complaints.
  static constexpr std::size_t kMax = 100;

  void add(std::string pointer, std::string detail_en, std::string detail_ko);
  [[nodiscard]] bool empty() const { return errors_.empty(); }
  /// A 422 with all that was collected.
  [[nodiscard]] BadInput take();

 private:
  std::vector<FieldError> errors_;
};

/// Length of a text in characters (code points).
struct Length {
  std::size_t min = 0;
  std::size_t max = 0;
};

struct IntRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// A word of the API and what it stands for.
template <class E>
struct Word {
  std::string_view text;
  E value;
};

class ObjectReader {
 public:
  /// Reads `value`, which stands at `pointer`; anything but an object is one error, and all members are then absent.
  /// `value` and `errors` must outlive the reader.
  ObjectReader(const JsonValue& value, std::string pointer, FieldErrors& errors);

  /// True if the object has the member, be it null.
  [[nodiscard]] bool has(std::string_view name) const;
  /// The raw member, nullptr if absent or null; counts as known.
  const JsonValue* find(std::string_view name);

  std::string required_string(std::string_view name, Length length);
  std::optional<std::string> optional_string(std::string_view name, Length length);
  std::optional<std::int64_t> required_int(std::string_view name, IntRange range);
  std::optional<std::int64_t> optional_int(std::string_view name, IntRange range);
  std::optional<bool> optional_bool(std::string_view name);
  std::optional<LocalDay> required_day(std::string_view name);
  std::optional<LocalDay> optional_day(std::string_view name);
  std::optional<Instant> optional_instant(std::string_view name);

  /// [A-Za-z0-9_-]{1,64}
  std::optional<std::string> optional_identifier(std::string_view name);
  std::string required_identifier(std::string_view name);
  /// 1..max identifiers, each once.
  std::vector<std::string> required_identifiers(std::string_view name, std::size_t max);
  /// 0..max identifiers, each once.
  std::vector<std::string> optional_identifiers(std::string_view name, std::size_t max);

  /// The user id of a participant, as valid_user_id() has it.
  std::string required_user_id(std::string_view name);

  template <class E>
  std::optional<E> required_word(std::string_view name, std::span<const Word<E>> words) {
    require(name);
    return optional_word(name, words);
  }
  template <class E>
  std::optional<E> optional_word(std::string_view name, std::span<const Word<E>> words) {
    std::vector<std::string_view> known;
    for (const Word<E>& word : words) known.push_back(word.text);
    const auto index = word_index(name, known);
    return index ? std::optional<E>{words[*index].value} : std::nullopt;
  }

  /// The items of an array with min..max items, each with its pointer; empty if absent or wrong.
  struct Item {
    const JsonValue* value;
    std::string pointer;
  };
  std::vector<Item> optional_array(std::string_view name, std::size_t max);
  std::vector<Item> required_array(std::string_view name, std::size_t min, std::size_t max);

  /// Members that answers show and requests must not set.
  void read_only(std::initializer_list<std::string_view> names);
  /// A rule of the caller's own failed at this member.
  void refuse(std::string_view name, std::string detail_en, std::string detail_ko);
  /// Every member that nobody asked for is an error. Call it last.
  void finish();

  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] FieldErrors& errors() { return *errors_; }

 private:
  [[nodiscard]] const JsonValue* look(std::string_view name) const;
  void require(std::string_view name);
  std::optional<std::size_t> word_index(std::string_view name, std::span<const std::string_view> known);
  std::vector<Item> array(std::string_view name, std::size_t min, std::size_t max);
  std::vector<std::string> identifiers(std::string_view name, std::size_t min, std::size_t max);

  const JsonValue::Object* members_ = nullptr;  ///< nullptr if the value is no object
  std::string pointer_;
  FieldErrors* errors_;
  std::vector<std::string_view> known_;
};

/// Parses a body, reads it by read(ObjectReader&) -> T and refuses it if anything was wrong. read() need not call
/// finish().
template <class Read>
[[nodiscard]] auto decode_object(std::string_view body, Read read)
    -> Decoded<decltype(read(std::declval<ObjectReader&>()))> {
  const Decoded<JsonValue> parsed = parse_json_object(body);
  if (!parsed) return tl::unexpected(parsed.error());
  FieldErrors errors;
  ObjectReader reader(*parsed, "", errors);
  auto result = read(reader);
  reader.finish();
  if (!errors.empty()) return tl::unexpected(errors.take());
  return result;
}

}  // namespace windfall::codec
