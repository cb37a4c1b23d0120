// What came of a simulation, for people and for programs.
#pragma once

#include <string>

#include "app/simulate/simulation.hpp"

namespace windfall::simulate {

/// {seed, planned, winners, secondChance, shortfall, draws, tickets, days, invariants}
[[nodiscard]] std::string as_json(const SimulationResult& result);
[[nodiscard]] std::string as_text(const SimulationResult& result);
/// One page of HTML with plots, which needs nothing from anywhere.
[[nodiscard]] std::string as_html(const Campaign& campaign, const SimulationResult& result);

/// "VISIT", "INVITE_SENT", …, by GrantCause.
[[nodiscard]] const char* name_of_cause(std::size_t cause);

}  // namespace windfall::simulate
