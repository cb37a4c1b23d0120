// CRC-32C (Castagnoli, as in iSCSI): finds torn and flipped bytes. In hardware where the compiler may use SSE 4.2, else
// by table.
#pragma once

#include <cstdint>
#include <string_view>

namespace windfall::journal {

/// The checksum of `bytes`, or, given the checksum of what went before, of both together.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same without special instructions; what other processors run, and what the tests compare with.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0);

}  // namespace windfall::journal
