// After the close: what nobody won, and what was voided until then, goes to people who lost, by the same committed
// seed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall {

/// How a person appears in public: stable within one promotion, different in every other, and no way back to the
/// user reference, which itself is a keyed hash of the user id.
struct Pseudonym {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Pseudonym&) const = default;
};
/// 32 lower-case hex digits; they sort like the bytes.
[[nodiscard]] std::string to_text(const Pseudonym& pseudonym);

/// Makes the pseudonyms of one promotion: the first 16 bytes of HMAC-SHA-256(HMAC-SHA-256(seed, "pseudonym"), user
/// reference), the reference as 16 bytes big-endian.
class Pseudonyms {
 public:
  explicit Pseudonyms(const Seed& seed) : hmac_(key_for(seed, kPseudonymLabel)) {}
  [[nodiscard]] Pseudonym of(UserRef user) const;

 private:
  HmacSha256 hmac_;
};

struct SecondWin {
  std::uint32_t place = 0;  ///< index into the pool
  std::uint32_t item = 0;
  bool operator==(const SecondWin&) const = default;
};

/// The items that are left when the lottery has closed: those voided so far and those from `won` on, ascending. `won`
/// is the number of wins, voided ones included; `voided` are items below it, ascending, each once.
[[nodiscard]] std::vector<std::uint32_t> items_left(const std::vector<std::uint32_t>& voided, std::uint32_t won,
                                                    std::uint32_t items);

/// The wins of the second chance, in order. `pool`: how many users have a losing draw and fewer wins than allowed;
/// places are their ranks by pseudonym. The winners are the first min(pool, items) places of the shuffle of [0, pool)
/// by HMAC(seed, "second"); the m-th takes the m-th of `items`.
[[nodiscard]] std::vector<SecondWin> second_chance(const Seed& seed, std::uint32_t pool,
                                                   const std::vector<std::uint32_t>& items);

}  // namespace windfall
