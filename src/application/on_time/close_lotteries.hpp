// Closes lotteries whose end has come and holds their second chance. Everything that was decided stands in the hot
// state, so a process that takes over after a crash does exactly what the last one would have done.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "application/on_request/draw_book.hpp"
#include "application/port/blocking.hpp"
#include "application/port/lottery_ledger.hpp"
#include "domain/lottery/closing.hpp"

namespace windfall {

class CloseLotteries {
 public:
  /// What is due is done within 2 s.
  static constexpr std::int64_t kIntervalMs = 1'000;
  /// Waits until the ledger has seen all that is decided in a partition; false if that takes too long.
  using CaughtUp = std::function<Task<Result<bool>>(PartitionNo)>;

  CloseLotteries(PromotionStore& store, DrawBook& book, LotteryLedger& ledger, Blocking& reads, CaughtUp caught_up)
      : store_(store), book_(book), ledger_(ledger), reads_(reads), caught_up_(std::move(caught_up)) {}

  Task<Result<std::string>> operator()();

 private:
  struct Stage {
    std::int64_t closed = 0;
    std::int64_t second_stage = 0;
    std::int64_t second = 0;
  };
  /// The red button: the close stands, but nobody is given anything until it is released.
  Task<Result<bool>> everything_is_paused();
  /// True if there was something to do.
  Task<Result<bool>> look_at(DefinitionPtr definition);
  Task<Result<bool>> close(DefinitionPtr definition, LotteryEnd end);
  Task<Result<bool>> second_chance(DefinitionPtr definition, LotteryEnd end, Stage stage);
  Task<Result<SecondChanceList>> list_of(DefinitionPtr definition, std::int64_t voided);
  /// Failure unavailable if it was not accepted: somebody else was faster, the next look shows how far they came.
  Task<Result<bool>> decide(Proposal proposal);

  PromotionStore& store_;
  DrawBook& book_;
  LotteryLedger& ledger_;
  Blocking& reads_;
  CaughtUp caught_up_;
};

}  // namespace windfall
