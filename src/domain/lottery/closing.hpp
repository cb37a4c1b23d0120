// The end of a lottery: when draws are over, and the proposals that close it and give out what is left. Each of them
// finds by its guards how far the closing has come, so whoever takes over after a crash goes on where it stopped.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/lottery/draw.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall {

/// The second chance begins that long after the end: draws that came at the last moment are told to their people
/// first, and the contract allows half a minute more until it is over.
inline constexpr std::int64_t kSecondChanceDelayMs = 60'000;
/// Wins of the second chance decided in one step: few enough that no join or draw waits for them noticeably.
inline constexpr std::size_t kSecondWinsAtOnce = 256;

struct LotteryEnd {
  Instant at;
  bool second_chance = false;
};
/// The end of a lottery if it has come at `now`: its last day is over, or an operator has ended it. A draft has none.
[[nodiscard]] std::optional<LotteryEnd> end_of(const Definition& definition, Instant now);

/// How far a lottery has got, as the hot state says; all of it stands in guards.
struct LotteryTally {
  OpenSegment last;
  std::int64_t wins = 0;    ///< of draws, voided ones included
  std::int64_t voided = 0;  ///< of all wins
};
/// Ends the draws, unless anyone drew, opened a segment or voided a win meanwhile. Without a second chance it says what
/// nobody got.
[[nodiscard]] Proposal propose_close(const Definition& definition, const LotteryEnd& end, const LotteryTally& tally);

/// What the second chance gives to whom, in its order.
struct SecondChanceList {
  std::uint32_t prizes = 0;  ///< items that are left
  std::uint32_t pool = 0;    ///< users that take part
  struct Win {
    UserRef user;
    std::uint32_t item = 0;
  };
  std::vector<Win> wins;
};
/// `users`: who takes part, in any order; `items`: as items_left() gives them.
[[nodiscard]] SecondChanceList second_chance_list(const Seed& seed, const std::vector<UserRef>& users,
                                                  const std::vector<std::uint32_t>& items);

/// Settles who takes part and what is given out, not before kSecondChanceDelayMs after the end. `voided`: wins that
/// were voided when the list was made.
[[nodiscard]] Proposal propose_second_start(const Definition& definition, const LotteryEnd& end,
                                            const SecondChanceList& list, std::int64_t voided);
/// The next wins of the list, at most kSecondWinsAtOnce; `place` of them are given. At least one more is to come.
[[nodiscard]] Proposal propose_second_wins(const Definition& definition, const SecondChanceList& list,
                                           std::uint32_t place);
/// All of the list is given.
[[nodiscard]] Proposal propose_second_end(const Definition& definition, const SecondChanceList& list);

}  // namespace windfall
