// A PostgreSQL ledger in a schema of its own.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/postgres_epoch_book.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "ledger/ledger_under_test.hpp"
#include "ledger/postgres_server.hpp"

namespace windfall::postgres {

/// The one server of this process, made when it is first asked for; null if this machine has none. Anything but that is
/// a failure of the test that asked.
inline contract::PostgresServer* shared_server() {
  static contract::PostgresServer server;
  static const std::string why = server.make();
  if (why == contract::PostgresServer::kMissing) return nullptr;
  EXPECT_EQ(why, "");
  return why.empty() ? &server : nullptr;
}

inline Options test_options(const std::string& connection) {
  return {.connection = connection,
          .lineage = {7},
          .event_ids = contract::test_event_ids,
          .open_seed = contract::open_test_seed};
}

/// Runs SQL the way anybody may; the first column of each row of the last statement.
inline std::vector<std::string> sql(const std::string& connection, const std::string& script) {
  PGconn* server = PQconnectdb(connection.c_str());
  PGresult* result = PQexec(server, script.c_str());
  const ExecStatusType status = PQresultStatus(result);
  EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) << script << ": " << PQerrorMessage(server);
  std::vector<std::string> rows;
  for (int row = 0; row < PQntuples(result); ++row) rows.emplace_back(PQgetvalue(result, row, 0));
  PQclear(result);
  PQfinish(server);
  return rows;
}

class PostgresUnderTest final : public contract::LedgerUnderTest {
 public:
  PostgresUnderTest(std::string connection, contract::LedgerSetup setup)
      : connection_(std::move(connection)), options_(test_options(connection_)) {
    options_.rebuild_until_position = setup.rebuild_until;
    options_.event_ids = std::move(setup.event_ids);
    options_.alarm = [this](std::string_view line) { alarms.emplace_back(line); };
    ledger_ = PostgresLedger::open(options_).value();
  }
  LedgerStore& store() override { return *ledger_; }
  void reopen() override {
    ledger_.reset();
    options_.rebuild_until_position = 0;  // kept in the database
    ledger_ = PostgresLedger::open(options_).value();
  }
  std::vector<std::string> sql(const std::string& script) override { return postgres::sql(connection_, script); }
  std::optional<Result<bool>> begin_later_epoch(PartitionNo partition, Sequence last) override {
    PostgresEpochBook book(connection_, "leader");
    const auto granted = book.grant(book.begin_term().value(), {{.partition = partition, .epoch = {1}}}).value();
    return ledger_->begin_epoch(partition, granted.at(0).epoch, last);
  }

 private:
  const std::string connection_;
  Options options_;
  std::unique_ptr<PostgresLedger> ledger_;
};

}  // namespace windfall::postgres
