#include "app/wiring/distributed_ledger.hpp"

#include <utility>

#include "adapters/mongo/mongo_ledger.hpp"

namespace windfall::app {

Result<std::unique_ptr<KeptLedger>> open_distributed_ledger(const Config& config, postgres::Options options,
                                                            const LedgerAway& away) {
  const bool in_mongodb = config.ledger == "mongodb";
  mongo::Options elsewhere{.uri = config.mongodb_uri,
                           .password = config.mongodb_password,
                           .lineage = options.lineage,
                           .event_ids = options.event_ids,
                           .alarm = options.alarm,
                           .open_seed = options.open_seed};
  if (in_mongodb) options.keeps = postgres::Options::Keeps::effects;
  Result<std::unique_ptr<postgres::PostgresLedger>> opened =
      away.postgres ? postgres::PostgresLedger::open_later(std::move(options))
                    : postgres::PostgresLedger::open(std::move(options));
  if (!opened) return fail(opened.error().code, "postgres.url: " + opened.error().message);
  if (!in_mongodb) return *std::move(opened);
  Result<std::unique_ptr<mongo::MongoLedger>> ledger =
      mongo::MongoLedger::open_later(std::move(elsewhere), *std::move(opened));
  if (!ledger) return fail(ledger.error().code, "mongodb.uri: " + ledger.error().message);
  const Result<bool> there = (*ledger)->prepare();
  if (!there && (!away.told || there.error().code != FailureCode::unavailable)) {
    return fail(there.error().code, "mongodb.uri: " + there.error().message);
  }
  if (!there) away.told(there.error().message);
  return *std::move(ledger);
}

}  // namespace windfall::app
