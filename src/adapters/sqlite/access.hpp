// How the methods of SqliteLedger reach the database.
#pragma once

#include <mutex>

#include "adapters/sqlite/database.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"

namespace windfall::sqlite {

template <class Work>
auto SqliteLedger::write(Work work) {
  return attempt([&] {
    const std::lock_guard lock(writing_);
    Transaction transaction(*writer_, Access::write);
    auto result = work(*writer_);
    transaction.commit();
    return result;
  });
}

template <class Work>
auto SqliteLedger::read(Work work) {
  return attempt([&] {
    return readers_->with([&](Connection& connection) {
      const Transaction view(connection, Access::read);
      return work(connection);
    });
  });
}

/// A negative LIMIT means none in SQL; here it means no rows.
inline std::int64_t at_least_zero(int limit) { return limit < 0 ? 0 : limit; }

}  // namespace windfall::sqlite
