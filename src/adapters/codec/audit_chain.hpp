// The audit log's chain, the same in every ledger: each row carries a SHA-256 over the previous row's and all its own
// columns, so that no row can be changed, taken out or put in without the rest contradicting it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

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

}  // namespace windfall::codec
