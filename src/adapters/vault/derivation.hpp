// Keys made of a master key, one for each purpose: what leaks of one says nothing of another.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "domain/kernel/result.hpp"

namespace windfall::vault {

/// HKDF-SHA-256 (RFC 5869) without salt. unavailable: libcrypto lacks it.
Result<bool> derive(std::span<const std::uint8_t> master, std::string_view purpose, std::span<std::uint8_t> key);

}  // namespace windfall::vault
