// The second act of the demo: the lucky dice. The 24 days of a campaign pass in a minute, unless asked otherwise, of
// the development clock; a crowd visits and draws; after the last day the second chance gives out what is left; and the
// export that anyone may check is checked.
#pragma once

#include <cstdint>

#include "app/demo/screen.hpp"
#include "app/demo/signals.hpp"
#include "app/demo/stage.hpp"
#include "app/demo/words.hpp"

namespace windfall::demo {

struct DiceScript {
  double seconds = 60;            ///< in which the 24 days pass; 0 = this act is left out
  std::uint32_t people = 60'000;  ///< each visits and draws once; a third of them can win
};

/// All that is compared at the end.
struct DiceVerdict {
  std::int64_t planned = 0;
  std::int64_t told = 0;  ///< draws whose answer was WIN
  std::int64_t wins = 0;  ///< of draws, by the export
  std::int64_t second_chance = 0;
  std::int64_t shortfall = 0;
  std::int64_t draws = 0;      ///< by the export
  std::int64_t answered = 0;   ///< draws that were answered 201
  std::int64_t unknown = 0;    ///< answers that were lost
  std::uint64_t problems = 0;  ///< that the verification of the export found
  [[nodiscard]] bool good() const;
};

/// Failure: the act could not be brought to its end. Interrupted by a signal, it says nothing of who won.
Result<DiceVerdict> play_dice(const DiceScript& script, Stage& stage, Screen& screen, Signals& signals,
                              const Words& words);

}  // namespace windfall::demo
