// The schema, forward only: numbered SQL scripts, each applied once and remembered with its checksum. Several processes
// may start at once: the first one applies what is missing, the others wait for it.
#pragma once

#include <span>
#include <string_view>

#include "adapters/postgres/database.hpp"

namespace windfall::postgres {

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

/// All that this program knows, ascending from 1 without gaps.
[[nodiscard]] std::span<const Migration> migrations();

/// Applies what is missing in the connection's schema, all or nothing. Throws conflict if the schema holds tables of
/// somebody else or is newer than `known`, damaged if an applied script was another one.
void migrate(Connection& connection, std::span<const Migration> known);

}  // namespace windfall::postgres
