// A lottery's figures for operators: tickets, draws, and winners against the plan. The plan is shown, never a running
// deck: nobody may learn from here where the next prize lies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "application/on_request/show_tickets.hpp"
#include "application/port/lottery_ledger.hpp"

namespace windfall::http {

struct LotteryFigures {
  ShowTickets::Totals tickets;  ///< by the hot state
  LotteryTotals ledger;
  std::vector<DailyWins> wins;
};

/// Points and values of what was won so far, without voided wins; nothing of a TEST, which pays nobody.
struct LotterySpend {
  Amount points = 0;
  Amount gifticons = 0;
};
[[nodiscard]] LotterySpend spend_of(const Promotion& promotion, const std::vector<DailyWins>& wins);

/// Items that nobody got; nullopt while somebody still may.
[[nodiscard]] std::optional<std::int64_t> shortfall_of(const Lottery& lottery, const LotteryFigures& figures);

void append_lottery_stats(std::string& out, const Promotion& promotion, const LotteryFigures& figures);

}  // namespace windfall::http
