// How the methods of PostgresLedger reach the database.
#pragma once

#include "adapters/postgres/database.hpp"
#include "adapters/postgres/postgres_ledger.hpp"

namespace windfall::postgres {

template <class Work>
auto PostgresLedger::write(Work work) {
  return attempt([&] {
    return pool_->with([&](Connection& connection) {
      Transaction transaction(connection, Transaction::Kind::change);
      auto result = work(connection);
      transaction.commit();
      return result;
    });
  });
}

template <class Work>
auto PostgresLedger::read(Work work) {
  return attempt([&] { return pool_->with([&](Connection& connection) { return work(connection); }); });
}

template <class Work>
auto PostgresLedger::snapshot(Work work) {
  return attempt([&] {
    return pool_->with([&](Connection& connection) {
      Transaction view(connection, Transaction::Kind::snapshot);
      connection.lift_limit();
      auto result = work(connection);
      view.commit();
      return result;
    });
  });
}

/// A negative LIMIT is an error in SQL; here it means no rows.
inline std::int64_t at_least_zero(int limit) { return limit < 0 ? 0 : limit; }

}  // namespace windfall::postgres
