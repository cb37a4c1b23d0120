// How ids read for people: UUIDs and hexadecimal digits, lower case.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "adapters/sqlite/database.hpp"

namespace windfall::sqlite {

[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
/// 8-4-4-4-12.
[[nodiscard]] std::string uuid_text(const Bytes16& id);
/// 32 digits.
[[nodiscard]] std::string hex(UserRef user);

}  // namespace windfall::sqlite
