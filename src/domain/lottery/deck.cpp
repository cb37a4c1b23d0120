#include "domain/lottery/deck.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "domain/lottery/choices.hpp"

namespace windfall {

std::optional<std::uint32_t> Deck::win_at(std::uint64_t serial) const {
  const std::uint32_t before = wins(serial);
  if (before == winning_.size() || winning_[before] != serial) return std::nullopt;
  return terms_.first_item + before;
}

Deck::Serials Deck::losing_around(std::uint64_t serial) const {
  const std::uint32_t before = wins(serial);
  assert(before == winning_.size() || winning_[before] != serial);
  return {.from = before == 0 ? 0 : std::uint64_t{winning_[before - 1]} + 1,
          .until = before == winning_.size() ? UINT64_MAX : winning_[before]};
}

std::uint32_t Deck::wins(std::uint64_t taken) const {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(winning_, taken) - winning_.begin());
}

Deck make_deck(const Seed& seed, std::string_view promotion, const DeckTerms& terms) {
  assert(terms.quota <= terms.length);
  Choices choices(deck_key(seed, promotion, terms));
  std::vector<std::uint32_t> winning = shuffled(choices, terms.length, terms.quota);
  std::ranges::sort(winning);
  return {terms, std::move(winning)};
}

// The last twelve bytes are the numbers, so what stands before them is the id: no two decks share a message. An id has
// at least one byte, and thirteen are more than any label of seed.hpp has.
Digest deck_key(const Seed& seed, std::string_view promotion, const DeckTerms& terms) {
  std::vector<std::uint8_t> message(promotion.begin(), promotion.end());
  for (const std::uint32_t number : std::array{terms.segment.value, terms.quota, terms.length}) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) message.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return hmac_sha256(seed.bytes, message);
}

}  // namespace windfall
