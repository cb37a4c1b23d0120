// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and hex: what commitments and decks are made of. Our own, because the
// domain uses nothing but the standard library; compared with OpenSSL's in tests/fairness. Not hardened against
// side channels: what it works on is published after the close.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace windfall {

using ByteView = std::span<const std::uint8_t>;
using Digest = std::array<std::uint8_t, 32>;

/// The bytes of a text.
[[nodiscard]] inline ByteView bytes_of_text(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Lower-case hex, two digits a byte.
[[nodiscard]] std::string hex_of(ByteView bytes);

class Sha256 {
 public:
  Sha256();
  Sha256& add(ByteView bytes);
  /// The digest of all that was added; call it once.
  [[nodiscard]] Digest finish();

 private:
  static constexpr std::size_t kBlockBytes = 64;
  friend class HmacSha256;

  void take_block(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, kBlockBytes> block_{};
  std::size_t in_block_ = 0;
  std::uint64_t total_ = 0;  ///< bytes added
};

[[nodiscard]] Digest sha256(ByteView bytes);

/// One key for many messages: both padded key blocks are hashed once.
class HmacSha256 {
 public:
  explicit HmacSha256(ByteView key);
  [[nodiscard]] Digest of(ByteView message) const;

 private:
  Sha256 inner_;
  Sha256 outer_;
};

[[nodiscard]] Digest hmac_sha256(ByteView key, ByteView message);

}  // namespace windfall
