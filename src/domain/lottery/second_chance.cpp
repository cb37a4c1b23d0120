#include "domain/lottery/second_chance.hpp"

#include <algorithm>
#include <cassert>

#include "domain/lottery/choices.hpp"

namespace windfall {

std::string to_text(const Pseudonym& pseudonym) { return hex_of(pseudonym.bytes); }

Pseudonym Pseudonyms::of(UserRef user) const {
  std::array<std::uint8_t, 16> reference{};
  for (std::size_t i = 0; i < 8; ++i) {
    const std::size_t shift = 56U - (8U * i);
    reference[i] = static_cast<std::uint8_t>(user.hi >> shift);
    reference[8 + i] = static_cast<std::uint8_t>(user.lo >> shift);
  }
  const Digest digest = hmac_.of(reference);
  Pseudonym pseudonym;
  std::copy_n(digest.begin(), pseudonym.bytes.size(), pseudonym.bytes.begin());
  return pseudonym;
}

std::vector<std::uint32_t> items_left(const std::vector<std::uint32_t>& voided, std::uint32_t won,
                                      std::uint32_t items) {
  assert(std::ranges::is_sorted(voided) && (voided.empty() || voided.back() < won));
  std::vector<std::uint32_t> left = voided;
  for (std::uint32_t item = won; item < items; ++item) left.push_back(item);
  return left;
}

std::vector<SecondWin> second_chance(const Seed& seed, std::uint32_t pool, const std::vector<std::uint32_t>& items) {
  const std::uint32_t count = std::min(pool, static_cast<std::uint32_t>(items.size()));
  Choices choices(key_for(seed, kSecondChanceLabel));
  const std::vector<std::uint32_t> places = shuffled(choices, pool, count);
  std::vector<SecondWin> wins;
  wins.reserve(count);
  for (std::uint32_t m = 0; m < count; ++m) wins.push_back({.place = places[m], .item = items[m]});
  return wins;
}

}  // namespace windfall
