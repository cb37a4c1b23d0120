// What draws win: the decks of one lottery, made when they are first asked for and kept. A value computed from the
// seed and from what the log says of segments; it holds nothing that could not be computed again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/lottery/deck.hpp"
#include "domain/lottery/lottery.hpp"

namespace windfall {

class Outcomes {
 public:
  Outcomes(const Seed& seed, std::string promotion, const Lottery& lottery)
      : seed_(seed), promotion_(std::move(promotion)), order_(item_order(seed, lottery.prizes)) {}

  /// The deck with these terms.
  const Deck& deck(const DeckTerms& terms) {
    std::optional<Deck>& kept = decks_[terms.segment.value];
    // Other terms for a segment that is known: its opening was taken back when it could not be stored.
    if (!kept || kept->terms() != terms) kept = make_deck(seed_, promotion_, terms);
    return *kept;
  }

  /// Index of the prize that the draw with this serial wins in the segment; nullopt if it loses.
  std::optional<std::uint32_t> prize_at(const DeckTerms& terms, std::int64_t serial) {
    const auto draw = static_cast<std::uint64_t>(serial);
    // Draws come serial after serial, and between two wins lie hundreds that lose: one search serves them all.
    if (terms == losing_in_ && losing_.holds(draw)) return std::nullopt;
    const Deck& drawn_from = deck(terms);
    if (const auto item = drawn_from.win_at(draw)) return prize_of(*item);
    losing_in_ = terms;
    losing_ = drawn_from.losing_around(draw);
    return std::nullopt;
  }

  /// Index of an item's prize.
  [[nodiscard]] std::uint32_t prize_of(std::uint32_t item) const { return order_[item]; }
  [[nodiscard]] std::uint32_t items() const { return static_cast<std::uint32_t>(order_.size()); }
  [[nodiscard]] const Seed& seed() const { return seed_; }

 private:
  Seed seed_;
  std::string promotion_;
  std::vector<std::uint16_t> order_;
  std::map<std::uint32_t, std::optional<Deck>> decks_;
  DeckTerms losing_in_;  ///< whose serials `losing_` speaks of
  Deck::Serials losing_;
};

}  // namespace windfall
