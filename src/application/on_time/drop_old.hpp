// Retention: what is kept for a limited time is dropped when it is over.
#pragma once

#include <string>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/ledger.hpp"

namespace windfall {

class DropOld {
 public:
  static constexpr std::int64_t kIntervalMs = 3'600'000;
  /// Refusals answer questions of customers about the last weeks.
  static constexpr std::int64_t kKeepRefusalsMs = std::int64_t{30} * 86'400'000;

  DropOld(const Clock& clock, Ledger& ledger, Blocking& writer) : clock_(clock), ledger_(ledger), writer_(writer) {}

  Task<Result<std::string>> operator()() {
    const Instant limit{clock_.now().ms - kKeepRefusalsMs};
    const Result<std::int64_t> dropped = co_await writer_.run([this, limit] { return ledger_.drop_older_than(limit); });
    if (!dropped) co_return tl::unexpected(dropped.error());
    co_return "dropped " + std::to_string(*dropped) + " rows";
  }

 private:
  const Clock& clock_;
  Ledger& ledger_;
  Blocking& writer_;
};

}  // namespace windfall
