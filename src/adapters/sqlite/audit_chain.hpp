// The audit log's chain, checked against the rows of a ledger file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "adapters/codec/audit_chain.hpp"
#include "adapters/sqlite/database.hpp"

namespace windfall::sqlite {

using codec::AuditEntry;
using codec::chain_of;

/// Goes through all rows, from `genesis` to what `progress` says the last one is; seq of the first row that does not
/// fit, or missing.
[[nodiscard]] std::optional<std::int64_t> first_broken_row(Connection& connection, std::string_view genesis);

}  // namespace windfall::sqlite
