// The check that stands in every transaction that a leader of the past may be late with.
#pragma once

#include <fmt/format.h>

#include <cstdint>

#include "adapters/postgres/database.hpp"

namespace windfall::postgres {

/// Throws conflict unless this is the newest term; it stays so until the transaction ends.
inline void hold_term(Connection& db, std::uint64_t term) {
  Rows rows = db.select("select token from leader for share");
  const std::uint64_t newest = rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
  if (newest != term) {
    throw SqlError(FailureCode::conflict,
                   fmt::format("postgres: the leader of term {} is late: term {} has begun", term, newest));
  }
}

}  // namespace windfall::postgres
