// The audit log's chain: each row carries a SHA-256 over the previous row's and all its own columns, so that no row can
// be changed, taken out or put in without the rest contradicting it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/sqlite/database.hpp"

namespace windfall::sqlite {

struct AuditEntry {
  Instant at;
  std::string_view actor;
  std::string_view action;
  std::string_view subject = {};
  std::optional<UserRef> subject_user = std::nullopt;  ///< a person, by reference, since it may be erased
  std::string before = {};
  std::string after = {};
  std::string_view reason;
};

/// Hex digest of an entry as row `seq` after a row with the chain `previous`.
[[nodiscard]] std::string chain_of(std::string_view previous, std::int64_t seq, const AuditEntry& entry);

/// Goes through all rows, from `genesis` to what `progress` says the last one is; seq of the first row that does not
/// fit, or missing.
[[nodiscard]] std::optional<std::int64_t> first_broken_row(Connection& connection, std::string_view genesis);

}  // namespace windfall::sqlite
