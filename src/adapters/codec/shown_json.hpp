// What the ledger shows as JSON: of what stands in events, a promotion's own words for its document, and keys without
// their hashes; of an account of tickets, what an operator has changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace windfall::codec {

/// A definition that is no JSON is kept as it is; it only has nothing to show.
struct ShownDefinition {
  bool is_json = false;  ///< and has no NUL in it, which databases cannot hold
  std::string title;
  std::string status;
  std::int64_t limit = 0;
};
[[nodiscard]] ShownDefinition shown_definition(std::string_view definition);

/// What of keys is shown: an allow-list, since whatever else an encoding holds may be its hash. `[]` if there is
/// nothing.
[[nodiscard]] std::string shown_keys(std::string_view keys);
/// One of a list made by shown_keys(); empty if it is not there.
[[nodiscard]] std::string shown_key(std::string_view shown, std::string_view key_id);

/// What a row of the audit shows; empty: nothing.
struct BeforeAndAfter {
  std::string before;
  std::string after;
};
/// Tickets given (or, negative, taken) where that many were held.
[[nodiscard]] BeforeAndAfter shown_adjustment(std::string_view promotion_id, std::int64_t held, std::int64_t tickets);

}  // namespace windfall::codec
