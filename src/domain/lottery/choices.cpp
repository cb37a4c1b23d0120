#include "domain/lottery/choices.hpp"

#include <array>
#include <bit>
#include <cassert>
#include <limits>

namespace windfall {

namespace {

/// The places of a shuffle that do not hold their own number any more; open addressing, sized once.
class Displaced {
 public:
  explicit Displaced(std::uint32_t count) : slots_(std::bit_ceil((std::size_t{count} * 2) + 1)) {}

  [[nodiscard]] std::uint32_t at(std::uint32_t place) const {
    const Slot& slot = slots_[find(place)];
    return slot.place == place ? slot.value : place;
  }
  void put(std::uint32_t place, std::uint32_t value) { slots_[find(place)] = {.place = place, .value = value}; }

 private:
  /// No place: a shuffle has fewer than 2^32 - 1 of them.
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
  struct Slot {
    std::uint32_t place = kFree;
    std::uint32_t value = 0;
  };

  [[nodiscard]] std::size_t find(std::uint32_t place) const {
    const std::size_t mask = slots_.size() - 1;
    // Multiplying by an odd constant spreads neighbours, which are what the first places of a shuffle are.
    std::size_t at = ((std::uint64_t{place} * 0x9e3779b97f4a7c15U) >> 32U) & mask;
    while (slots_[at].place != place && slots_[at].place != kFree) at = (at + 1) & mask;
    return at;
  }

  std::vector<Slot> slots_;
};

}  // namespace

std::uint32_t Choices::below(std::uint32_t bound) {
  assert(bound >= 1);
  constexpr std::uint64_t kNumbers = std::uint64_t{1} << 32U;
  const std::uint64_t fair = kNumbers - (kNumbers % bound);
  for (;;) {
    const std::uint32_t number = next();
    if (number < fair) return number % bound;
  }
}

std::uint32_t Choices::next() {
  if (used_ == kNumbersPerBlock) {
    std::array<std::uint8_t, 8> counter{};
    for (std::size_t i = 0; i < counter.size(); ++i) {
      counter[i] = static_cast<std::uint8_t>(counter_ >> (56U - (8U * i)));
    }
    block_ = hmac_.of(counter);
    ++counter_;
    used_ = 0;
  }
  const std::size_t at = 4 * used_++;
  return (std::uint32_t{block_[at]} << 24U) | (std::uint32_t{block_[at + 1]} << 16U) |
         (std::uint32_t{block_[at + 2]} << 8U) | std::uint32_t{block_[at + 3]};
}

std::vector<std::uint32_t> shuffled(Choices& choices, std::uint32_t size, std::uint32_t count) {
  assert(count <= size);
  std::vector<std::uint32_t> first;
  first.reserve(count);
  Displaced displaced(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t j = i + choices.below(size - i);
    first.push_back(displaced.at(j));
    displaced.put(j, displaced.at(i));  // place i is final and never looked at again
  }
  return first;
}

}  // namespace windfall
