#include "adapters/sqlite/text.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace windfall::sqlite {

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

std::string uuid_text(const Bytes16& id) {
  std::string text = hex(id);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

std::string hex(UserRef user) { return fmt::format("{:016x}{:016x}", user.hi, user.lo); }

}  // namespace windfall::sqlite
