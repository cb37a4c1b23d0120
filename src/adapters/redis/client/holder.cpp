#include "adapters/redis/client/holder.hpp"

#include <array>
#include <cstdint>

#include "adapters/codec/encoding.hpp"
#include "adapters/system/random.hpp"

namespace windfall::redis {

std::string make_holder() {
  std::array<std::uint8_t, 16> dice{};
  system::random_bytes(dice);
  return codec::to_hex(dice);
}

}  // namespace windfall::redis
