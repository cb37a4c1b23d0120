// What the ledger's states of an effect mean beside the journal's word on it.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>

#include "app/proof/settlements.hpp"

namespace windfall::proof {

/// States of an effect as stored: 0 PENDING, 1 SENDING, 2 UNKNOWN, 3 DONE, 4 DEAD.
inline constexpr std::array<const char*, 5> kEffectStates{"PENDING", "SENDING", "UNKNOWN", "DONE", "DEAD"};

inline std::string state_text(std::int64_t state) {
  return state >= 0 && state < std::int64_t{kEffectStates.size()} ? kEffectStates.at(static_cast<std::size_t>(state))
                                                                  : fmt::format("state {}", state);
}

[[nodiscard]] constexpr bool fits(Fate fate, std::int64_t state) {
  switch (fate) {
    case Fate::done:
      return state == 3;
    case Fate::dead:
      return state == 4;
    case Fate::open:
      return state >= 0 && state <= 2;
  }
  return false;
}

[[nodiscard]] constexpr const char* text_of(Fate fate) {
  return fate == Fate::done ? "DONE" : fate == Fate::dead ? "DEAD" : "not settled";
}

}  // namespace windfall::proof
