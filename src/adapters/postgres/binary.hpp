// Values as PostgreSQL's binary formats have them, for parameters, results and COPY: integers big-endian, times as
// microseconds and dates as days since 2000-01-01, UUIDs as their 16 bytes.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/codec/storable_text.hpp"
#include "domain/kernel/ids.hpp"

namespace windfall::postgres {

using Bytes16 = std::array<std::uint8_t, 16>;

/// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

/// 2000-01-01, where PostgreSQL's times begin.
inline constexpr std::int64_t kEraMs = 946'684'800'000;
inline constexpr std::int32_t kEraDays = 10'957;
/// What a timestamptz can hold (until the year 294276), in milliseconds; later times are cut to it.
inline constexpr std::int64_t kLastMs = 9'224'318'015'999'000;

template <std::integral T>
void append_integer(std::string& out, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

[[nodiscard]] inline std::int64_t micros_of(Instant at) {
  const std::int64_t ms = at.ms > kLastMs ? kLastMs : at.ms < 0 ? 0 : at.ms;
  return (ms - kEraMs) * 1000;
}
[[nodiscard]] inline Instant instant_of(std::int64_t micros) { return {(micros / 1000) + kEraMs}; }

inline void append_user(std::string& out, UserRef user) {
  append_integer(out, user.hi);
  append_integer(out, user.lo);
}
[[nodiscard]] inline Bytes16 bytes_of(UserRef user) {
  Bytes16 bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(user.hi >> (56 - (8 * i)));
    bytes[8 + i] = static_cast<std::uint8_t>(user.lo >> (56 - (8 * i)));
  }
  return bytes;
}
[[nodiscard]] inline UserRef user_of(const Bytes16& bytes) {
  UserRef user;
  for (std::size_t i = 0; i < 8; ++i) {
    user.hi = (user.hi << 8U) | bytes[i];
    user.lo = (user.lo << 8U) | bytes[8 + i];
  }
  return user;
}

using codec::is_storable;
using codec::storable;

/// A one-dimensional array as one parameter, of columns that are unnested together.
class Array {
 public:
  static Array of_integers(std::size_t expected = 0) { return Array(20, expected * 12); }  // int8
  static Array of_uuids(std::size_t expected = 0) { return Array(2950, expected * 20); }
  static Array of_texts() { return Array(25, 0); }
  static Array of_times(std::size_t expected = 0) { return Array(1184, expected * 12); }

  void add(std::int64_t value);
  void add(Instant value) { add(micros_of(value)); }
  void add(std::optional<Instant> value) { value ? add(*value) : add_null(); }
  void add(const Bytes16& value);
  void add(UserRef value) { add(bytes_of(value)); }
  void add(std::string_view text);
  void add_null();
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::string bytes() const;

 private:
  Array(std::uint32_t element, std::size_t reserve) : element_(element) { values_.reserve(reserve); }

  std::uint32_t element_;  ///< the type's OID, which is part of PostgreSQL's protocol
  std::int32_t count_ = 0;
  bool nulls_ = false;
  std::string values_;
};

/// Rows for COPY ... FROM STDIN (FORMAT binary). Each value has exactly the column's type.
class CopyRows {
 public:
  /// Columns of each row.
  explicit CopyRows(std::int16_t columns);

  CopyRows& row();
  CopyRows& int2(std::int64_t value) { return fixed(static_cast<std::int16_t>(value)); }
  CopyRows& int4(std::int64_t value) { return fixed(static_cast<std::int32_t>(value)); }
  CopyRows& int8(std::int64_t value) { return fixed(value); }
  CopyRows& boolean(bool value) { return fixed(static_cast<std::int8_t>(value ? 1 : 0)); }
  CopyRows& time(Instant value) { return fixed(micros_of(value)); }
  CopyRows& date(LocalDay day) { return fixed(static_cast<std::int32_t>(day.days - kEraDays)); }
  CopyRows& uuid(const Bytes16& value);
  CopyRows& text(std::string_view value);
  CopyRows& blob(std::string_view value);
  CopyRows& null();

  [[nodiscard]] bool empty() const { return rows_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return out_.size(); }
  /// All of it, with the trailer; the rows are gone after it.
  [[nodiscard]] std::string take();
  /// Moves what was written so far to `out`, whose rest follows: a part of one COPY.
  void take_part(std::string& out);

 private:
  template <std::integral T>
  CopyRows& fixed(T value) {
    append_integer(out_, static_cast<std::int32_t>(sizeof(T)));
    append_integer(out_, value);
    return *this;
  }
  void begin();

  std::int16_t columns_;
  std::size_t rows_ = 0;
  std::string out_;
};

}  // namespace windfall::postgres
