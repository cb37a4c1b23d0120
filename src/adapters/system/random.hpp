// Dice from the operating system, and the ids made of them. Safe from any thread; a system without random bytes is a
// bug of its set-up and stops the process.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "domain/kernel/ids.hpp"

namespace windfall::system {

/// Fills `out` with random bytes fit for keys.
void random_bytes(std::span<std::uint8_t> out);

/// UUIDv7 (RFC 9562): 48 bits of `now` in milliseconds, then random bits. Ids made later sort later, to the
/// millisecond.
[[nodiscard]] std::array<std::uint8_t, 16> make_uuid7(Instant now);

/// A promotion's id where the operator gives none: a UUIDv7 as 26 characters of lower-case Crockford base32, which sort
/// by time of creation.
[[nodiscard]] std::string make_promotion_id(Instant now);

}  // namespace windfall::system
