// How far the codes of each prize may have been given out, kept outside the data directory: after a restore, the data
// knows nothing of what was given out since the backup, and a code must never be given twice. `windfall recover` burns
// every code below the mark.
//
// Marks are reserved ahead, so that one write covers many assignments: whoever is about to assign asks covers(), which
// costs nothing, and calls raise() through Blocking where the answer is no. All methods are thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "application/port/code_vault.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

class HighWater {
 public:
  /// Ordinals that one raise() reserves beyond what was asked for; recovery burns at most that many codes of a prize
  /// that nobody has seen. One synced write for so many assignments.
  static constexpr std::uint64_t kAhead = 64;

  struct Mark {
    PrizeOfCodes prize;
    std::uint64_t below = 0;  ///< every ordinal that may have been assigned is below this
  };

  virtual ~HighWater() = default;

  /// True if a synced mark of the prize lies above the ordinal: it may be assigned. Does not block.
  [[nodiscard]] virtual bool covers(const PrizeOfCodes& prize, std::uint64_t ordinal) = 0;
  /// Brings the mark of the prize to at least ordinal + 1 + kAhead, durably; a mark never goes down. Blocking.
  /// disk_full and unavailable: nothing is covered that was not before; the same call may be made again.
  virtual Result<bool> raise(const PrizeOfCodes& prize, std::uint64_t ordinal) = 0;
  /// All marks, by promotion and prize.
  [[nodiscard]] virtual std::vector<Mark> marks() = 0;
};

}  // namespace windfall
