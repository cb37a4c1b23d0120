// Drawing a ticket: which segment a moment belongs to, the terms of a segment's deck, and the proposals of a draw, of
// opening a segment and of closing. Whether a draw wins follows from its serial (deck.hpp); nothing here knows it.
#pragma once

#include <cstdint>
#include <optional>

#include "domain/lottery/deck.hpp"
#include "domain/lottery/tickets.hpp"

namespace windfall {

/// The segment of a moment within the promotion's days, by the wall clock.
[[nodiscard]] SegmentNo segment_at(const Definition& definition, Instant at);

/// What a draw was prepared from; all of it stands in the guards.
struct DrawFacts {
  std::uint32_t draws = 0;  ///< of the user so far
  std::int64_t wins = 0;    ///< among them, voided ones included; not counted while the draws are fewer than may win
  SegmentNo segment;        ///< that is open
};
[[nodiscard]] LotteryDecision propose_draw(const Definition& definition, const LotteryRequest& request,
                                           const DrawFacts& facts);

/// The segment that was open last, when another one is opened.
struct OpenSegment {
  std::optional<SegmentNo> segment;  ///< nullopt before the first
  std::int64_t serials = 0;          ///< drawn in it
};
/// Fixes the deck of the segment at `now`, unless anyone drew or opened meanwhile, or by the store's clock it is
/// another one's turn.
[[nodiscard]] Proposal propose_segment(const Definition& definition, const OpenSegment& last, const DeckTerms& terms,
                                       Instant now);

/// Whether a lottery's plan stands for good: from its first day on, or since it was ended before that.
[[nodiscard]] bool plan_stands(const Promotion& promotion, LocalDay today);

/// The plan of a lottery, as it was when the promotion began.
[[nodiscard]] Plan plan_of(const Promotion& promotion);

}  // namespace windfall
