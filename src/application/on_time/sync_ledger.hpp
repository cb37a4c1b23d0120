// The 30 s sync: brings leftJoinCount and totals of every promotion to its ledger document, for those who read the
// database.
#pragma once

#include <string>

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
  PromotionStore& store_;
  Ledger& ledger_;
  Blocking& writer_;
};

}  // namespace windfall
