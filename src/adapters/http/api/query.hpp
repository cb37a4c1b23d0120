// Query strings and cursors. Unknown, repeated and malformed parameters are errors, never ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall::http {

/// Every list is limited to this, so that one answer stays small.
inline constexpr int kMaxLimit = 100;
inline constexpr int kDefaultLimit = 50;
inline constexpr int kDefaultPromotionsLimit = 10;

/// One thing wrong with a request: where, and why in both languages.
struct InputError {
  std::string pointer;
  std::string detail_ko;
  std::string detail_en;
};

/// The parameters of one request. Read them by name, then ask errors(): what was not read is unknown.
class Query {
 public:
  explicit Query(std::string_view raw);

  std::optional<std::string> text(std::string_view name);
  /// [A-Za-z0-9_-]{1,64}
  std::optional<std::string> identifier(std::string_view name);
  /// 1..kMaxLimit
  int limit(int by_default);
  std::optional<LocalDay> day(std::string_view name);

  void add_error(std::string_view name, std::string_view ko, std::string_view en);
  /// All that is wrong, in the order of the query; to be asked last.
  std::vector<InputError> errors();

 private:
  struct Parameter {
    std::string name;
    std::string value;
    bool read = false;
  };
  std::vector<Parameter> parameters_;
  std::vector<InputError> errors_;
};

/// A cursor is opaque to clients: base64url of its parts, each with a length, after a kind that tells one list's
/// cursors from another's.
[[nodiscard]] std::string make_cursor(std::string_view kind, const std::vector<std::string>& parts);
/// nullopt unless this is a cursor of that kind with that many parts.
[[nodiscard]] std::optional<std::vector<std::string>> read_cursor(std::string_view kind, std::string_view cursor,
                                                                  std::size_t parts);

/// A whole decimal integer, no sign but '-'.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace windfall::http
