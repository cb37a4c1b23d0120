// Remembers tokens that were found good: a signature costs 50 µs to check, a look here 1 µs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/http/auth/token.hpp"

namespace windfall::http {

/// By SHA-256 of the whole token, so that no token lies in memory longer than its request. One thread.
class VerifiedTokens {
 public:
  /// Users active within the life of a token; at 200 bytes each some 2 MiB.
  static constexpr std::size_t kMaxTokens = 10'000;
  using Digest = std::array<std::uint8_t, 32>;

  [[nodiscard]] static Digest digest_of(std::string_view token);

  /// The claims if the token is known and good at `now`; what has expired is forgotten. Valid until the next call.
  const TokenVerifier::Claims* find(const Digest& digest, Instant now);
  /// The oldest makes room.
  void keep(const Digest& digest, Grant grant);
  void clear();
  [[nodiscard]] std::size_t size() const { return grants_.size(); }

 private:
  struct FirstBytes {
    std::size_t operator()(const Digest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  std::unordered_map<Digest, Grant, FirstBytes> grants_;
  std::vector<Digest> order_;  ///< a ring: who came when; some of them may be forgotten already
  std::size_t oldest_ = 0;
};

}  // namespace windfall::http
