// The secret of one lottery and what is derived from it; published at the close, so that a stranger can derive it too.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "domain/kernel/sha256.hpp"

namespace windfall {

/// 32 unpredictable bytes, made outside when the lottery is created, and kept encrypted until the close.
struct Seed {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const Seed&) const = default;
};

// What the seed is the HMAC key of. A deck's message is longer than any of these (domain/lottery/deck.hpp), so no two
// uses can share a key.
inline constexpr std::string_view kPrizesLabel = "prizes";
inline constexpr std::string_view kSecondChanceLabel = "second";
inline constexpr std::string_view kPseudonymLabel = "pseudonym";

[[nodiscard]] inline Digest key_for(const Seed& seed, std::string_view label) {
  return hmac_sha256(seed.bytes, bytes_of_text(label));
}

}  // namespace windfall
