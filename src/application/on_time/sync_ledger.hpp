// The 30 s sync: brings leftJoinCount and totals of every promotion to its ledger document, for those who read the
// database. Promotions that cannot be read keep the document that they have; the job has failed then, and the others
// are up to date.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "application/on_request/browse.hpp"
#include "application/port/blocking.hpp"
#include "application/port/ledger.hpp"

namespace windfall {

class SyncLedger {
 public:
  static constexpr std::int64_t kIntervalMs = 30'000;

  SyncLedger(PromotionStore& store, Ledger& ledger, Blocking& writer)
      : store_(store), ledger_(ledger), writer_(writer) {}

  Task<Result<std::string>> operator()();

 private:
  struct Seen {
    std::vector<std::optional<PromotionView>> views;  ///< in the order asked for; none of what cannot be read
    std::optional<Failure> failure;                   ///< why one of them cannot
  };
  Task<Seen> look(std::vector<DefinitionPtr> promotions);

  PromotionStore& store_;
  Ledger& ledger_;
  Blocking& writer_;
};

}  // namespace windfall
