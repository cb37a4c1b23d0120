// The deck of one segment: which serials of its draws win, and what. A pure function of the seed and of what was
// committed when the segment opened, so no crash, retry or second store can draw again.
//
// All items go out in one order (item_order). Because unwon items of earlier segments lead a segment's list, and a
// segment's wins are always the first items of its list, its list is the contiguous range [first_item, first_item + Q),
// first_item being the number of wins in all earlier segments: nothing else is carried.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/lottery/plan.hpp"

namespace windfall {

/// What `SegmentOpened` commits to, and the wins before it.
struct DeckTerms {
  SegmentNo segment;
  std::uint32_t quota = 0;       ///< Q: items in the deck, at most `length`
  std::uint32_t length = 0;      ///< L: positions in the deck; serials from L on lose
  std::uint32_t first_item = 0;  ///< wins in all earlier segments
  bool operator==(const DeckTerms&) const = default;
};

class Deck {
 public:
  [[nodiscard]] const DeckTerms& terms() const { return terms_; }

  /// The item that the draw with this serial (from 0) wins; none if it loses. O(log Q).
  [[nodiscard]] std::optional<std::uint32_t> win_at(std::uint64_t serial) const;
  /// Consecutive serials [from, until).
  struct Serials {
    std::uint64_t from = 0;
    std::uint64_t until = 0;
    [[nodiscard]] bool holds(std::uint64_t serial) const { return from <= serial && serial < until; }
  };
  /// The serials around this losing one that lose, too: up to the wins on both sides. O(log Q).
  [[nodiscard]] Serials losing_around(std::uint64_t serial) const;
  /// How many of the first `taken` draws win. O(log Q).
  [[nodiscard]] std::uint32_t wins(std::uint64_t taken) const;
  /// Serials that win, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& winning_serials() const { return winning_; }

 private:
  friend Deck make_deck(const Seed& seed, std::string_view promotion, const DeckTerms& terms);
  Deck(const DeckTerms& terms, std::vector<std::uint32_t> winning) : terms_(terms), winning_(std::move(winning)) {}

  DeckTerms terms_;
  std::vector<std::uint32_t> winning_;
};

/// K = HMAC-SHA-256(seed, promotion ‖ segment ‖ Q ‖ L), the numbers as 4 bytes big-endian; the winning serials are the
/// first Q places of the shuffle of [0, L) by K.
[[nodiscard]] Deck make_deck(const Seed& seed, std::string_view promotion, const DeckTerms& terms);

/// K alone.
[[nodiscard]] Digest deck_key(const Seed& seed, std::string_view promotion, const DeckTerms& terms);

}  // namespace windfall
