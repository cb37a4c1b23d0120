// What came of a simulation, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "app/simulate/simulation.hpp"

namespace windfall::simulate {

/// All that the page shows: {seed, users, demand, planned, winners, secondChance, shortfall, draws, worth, tickets,
/// refusals:{CODE: n}, partner, codes, days, hours:[{date, hour, draws, wins, odds}], invariants}; `worth` of what was
/// given, odds in percent.
[[nodiscard]] std::string as_json(const Campaign& campaign, const SimulationResult& result);
[[nodiscard]] std::string as_text(const SimulationResult& result);
/// One page of HTML with plots, which needs nothing from anywhere.
[[nodiscard]] std::string as_html(const Campaign& campaign, const SimulationResult& result);

/// A segment of the lottery, of which each day has 24: what of it was drawn, and how often a draw won.
struct Hour {
  LocalDay date;
  std::size_t hour;
  std::int64_t draws;
  std::int64_t wins;
  double odds;  ///< in percent, to two places; 0 without a draw
};
[[nodiscard]] std::vector<Hour> hours_of(const SimulationResult& result);

/// "VISIT", "INVITE_SENT", …, by GrantCause.
[[nodiscard]] const char* name_of_cause(std::size_t cause);

}  // namespace windfall::simulate
