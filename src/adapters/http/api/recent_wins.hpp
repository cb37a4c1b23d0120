// Wins by day for all who watch: counting them reads every win of a lottery, and each watcher asks every second.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "application/port/blocking.hpp"
#include "application/port/clock.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::http {

class RecentWins {
 public:
  /// As old as the figures may be, and as often as they are counted: a watcher looks that often.
  static constexpr std::int64_t kKeptMs = 1000;

  using Count = std::function<Result<std::vector<DailyWins>>(PartitionNo)>;  ///< called by `reads`
  RecentWins(Count count, Blocking& reads, const Clock& clock)
      : count_(std::move(count)), reads_(reads), clock_(clock) {}
  RecentWins(const RecentWins&) = delete;
  RecentWins& operator=(const RecentWins&) = delete;

  /// Those of the last second; whoever comes while they are counted gets that count, or its failure.
  Task<Result<std::vector<DailyWins>>> of(PartitionNo partition) {
    Kept& kept = kept_[partition];
    if (kept.counting) {
      auto turn = std::make_shared<Completion<bool>>();
      kept.waiting.push_back(turn);
      co_await *turn;
      co_return kept.wins;
    }
    const std::int64_t now = clock_.monotonic_ms();
    if (kept.wins && now < kept.until) co_return kept.wins;
    kept.counting = true;
    kept.wins = co_await reads_.run([this, partition] { return count_(partition); });
    kept.counting = false;
    kept.until = now + kKeptMs;
    const std::vector<std::shared_ptr<Completion<bool>>> waiting = std::exchange(kept.waiting, {});
    for (const auto& turn : waiting) turn->complete(true);
    co_return kept.wins;
  }

 private:
  struct Kept {
    Result<std::vector<DailyWins>> wins = fail(FailureCode::unavailable, "not counted yet");
    std::int64_t until = 0;
    bool counting = false;
    std::vector<std::shared_ptr<Completion<bool>>> waiting;
  };

  Count count_;
  Blocking& reads_;
  const Clock& clock_;
  std::map<PartitionNo, Kept> kept_;  ///< never erased: a promotion has few bytes here, and none is ever deleted
};

}  // namespace windfall::http
