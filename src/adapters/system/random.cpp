#include "adapters/system/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace windfall::system {

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::perror("getrandom");
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::array<std::uint8_t, 16> make_uuid7(Instant now) {
  std::array<std::uint8_t, 16> uuid{};
  random_bytes(uuid);
  const auto ms = static_cast<std::uint64_t>(now.ms);
  for (std::size_t i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(ms >> (40 - (8 * i)));
  uuid[6] = static_cast<std::uint8_t>(0x70U | (uuid[6] & 0x0FU));
  uuid[8] = static_cast<std::uint8_t>(0x80U | (uuid[8] & 0x3FU));
  return uuid;
}

std::string make_promotion_id(Instant now) {
  static constexpr char kCrockford[] = "0123456789abcdefghjkmnpqrstvwxyz";
  static constexpr std::size_t kLength =
      26;  // 128 bits by five, rounded up; the first character holds the three left over
  const std::array<std::uint8_t, 16> uuid = make_uuid7(now);
  std::string id(kLength, '0');
  __extension__ using Wide = unsigned __int128;
  Wide bits = 0;
  for (const std::uint8_t byte : uuid) bits = (bits << 8U) | byte;
  for (std::size_t i = kLength; i-- > 0; bits >>= 5U) id[i] = kCrockford[static_cast<std::size_t>(bits & 31U)];
  return id;
}

}  // namespace windfall::system
