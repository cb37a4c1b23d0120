// Retention: what is kept for a limited time is dropped when it is over.
#pragma once

#include <string>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/ledger.hpp"

namespace windfall {

class DropOld {
  static constexpr std::int64_t kDayMs = 86'400'000;

 public:
  static constexpr std::int64_t kIntervalMs = 3'600'000;
  /// Soon after the start, or a server that restarts every hour never drops anything; not in the midst of it.
  static constexpr std::int64_t kFirstMs = 10'000;
  /// How long each kind is kept.
  struct Days {
    std::int64_t refusals = 0;
    std::int64_t rejections = 0;
    std::int64_t attempts = 0;
  };

  DropOld(const Clock& clock, Ledger& ledger, Blocking& writer, Days days)
      : clock_(clock), ledger_(ledger), writer_(writer), days_(days) {}

  Task<Result<std::string>> operator()() {
    const auto before = [now = clock_.now()](std::int64_t days) { return Instant{now.ms - (days * kDayMs)}; };
    const Ledger::Retention limits{
        .refusals = before(days_.refusals), .rejections = before(days_.rejections), .attempts = before(days_.attempts)};
    const Result<std::int64_t> dropped =
        co_await writer_.run([this, limits] { return ledger_.drop_older_than(limits); });
    if (!dropped) co_return tl::unexpected(dropped.error());
    co_return "dropped " + std::to_string(*dropped) + (*dropped == 1 ? " row" : " rows");
  }

 private:
  const Clock& clock_;
  Ledger& ledger_;
  Blocking& writer_;
  const Days days_;
};

}  // namespace windfall
