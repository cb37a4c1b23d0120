// From a user id to the reference that the hot state keeps.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "domain/kernel/ids.hpp"

namespace windfall::codec {

/// Keyed 128-bit hash (SipHash-2-4): without the key nobody can tell whose reference it is, nor make two ids collide.
/// Safe from any thread.
class UserHasher {
 public:
  using Key = std::array<std::uint8_t, 16>;
  explicit UserHasher(const Key& key) : key_(key) {}

  /// Never zero, which means "no user".
  [[nodiscard]] UserRef of(std::string_view user_id) const;

  /// Tells keys apart without giving one away; kept beside the data, so that a wrong key is noticed before it makes
  /// strangers of everyone.
  using Fingerprint = std::array<std::uint8_t, 8>;
  [[nodiscard]] Fingerprint key_fingerprint() const;

 private:
  Key key_;
};

}  // namespace windfall::codec
