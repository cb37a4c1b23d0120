#include "adapters/codec/event_ids.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>

namespace windfall::codec {

namespace {

/// SHA-256 of parts, each preceded by its length as u32, little-endian.
class PartHash {
 public:
  PartHash() { crypto_hash_sha256_init(&state_); }
  void part(Bytes bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(&length), sizeof length);
    crypto_hash_sha256_update(&state_, bytes.data(), bytes.size());
  }
  template <std::unsigned_integral T>
  void part(T value) {
    part(Bytes{reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> take() {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256_final(&state_, digest.data());
    return digest;
  }

 private:
  crypto_hash_sha256_state state_{};
};

Uuid version_8(const std::uint8_t* bytes) {
  Uuid uuid{};
  std::copy_n(bytes, uuid.size(), uuid.begin());
  uuid[6] = static_cast<std::uint8_t>(0x80U | (uuid[6] & 0x0FU));
  uuid[8] = static_cast<std::uint8_t>(0x80U | (uuid[8] & 0x3FU));
  return uuid;
}

}  // namespace

EventIds event_ids(const EventPlace& place) {
  PartHash hash;
  hash.part(Bytes{place.lineage});
  hash.part(bytes_of(place.promotion));
  hash.part(place.epoch.value);
  hash.part(place.sequence.value);
  hash.part(place.index);
  const auto digest = hash.take();
  return {.event = version_8(digest.data()), .effect = version_8(digest.data() + sizeof(Uuid))};
}

}  // namespace windfall::codec
