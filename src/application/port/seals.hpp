// What is kept secret at rest, and the tokens that only this installation can make. The keys stand in a file outside
// the data directory, so a copy of the data alone shows nothing. Not blocking (about a microsecond a call),
// thread-safe.
//
// No message of a failure holds anything of what was sealed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// Number of a master key, from 1; the highest one that is there is the current one.
struct KeyId {
  std::uint32_t value = 0;
  auto operator<=>(const KeyId&) const = default;
};

/// Tells master keys apart without giving one away; kept beside what was sealed, so that a wrong key is noticed at
/// start.
using KeyFingerprint8 = std::array<std::uint8_t, 8>;

/// Small blobs, sealed so that reading or changing one needs the key.
class Seals {
 public:
  /// Longest blob: what is sealed here are seeds and codes, never documents.
  static constexpr std::size_t kMostBytes = 4096;
  /// What sealing adds: key id, nonce, tag.
  static constexpr std::size_t kOverhead = 4 + 12 + 16;
  using Digest = std::array<std::uint8_t, 32>;

  virtual ~Seals() = default;

  /// Seals under the current key; `context` says what the blob is and where it stands, and is needed to open it: a
  /// sealed blob that was moved elsewhere does not open. Equal blobs seal differently each time. At most kMostBytes,
  /// anything longer is a bug.
  [[nodiscard]] virtual std::string seal(std::string_view context, std::string_view blob) = 0;
  /// The blob. damaged: the bytes or the context are not what was sealed. conflict: it was sealed under a key that is
  /// not there; the message names its id.
  virtual Result<std::string> open(std::string_view context, std::string_view sealed) = 0;
  /// The key that a sealed blob names; nullopt if it is too short to be one.
  [[nodiscard]] virtual std::optional<KeyId> key_of(std::string_view sealed) const = 0;

  /// Equal for equal texts and keys, and says nothing of the text to whoever lacks the key. nullopt: no such key.
  [[nodiscard]] virtual std::optional<Digest> digest(KeyId key, std::string_view text) = 0;

  [[nodiscard]] virtual KeyId current() const = 0;
  /// All keys that are there, ascending.
  [[nodiscard]] virtual std::vector<KeyId> keys() const = 0;
  /// nullopt: no such key.
  [[nodiscard]] virtual std::optional<KeyFingerprint8> fingerprint(KeyId key) const = 0;
};

/// Invite tokens: stateless, so an invite needs no row; deterministic, so a user's link is the same on every call. A
/// token of an earlier key is understood while that key is there.
class InviteTokens {
 public:
  struct Invite {
    std::string promotion_id;
    UserRef inviter;
    bool operator==(const Invite&) const = default;
  };

  virtual ~InviteTokens() = default;

  /// Base64url, 46 to 130 characters. `promotion_id` is a valid id.
  [[nodiscard]] virtual std::string encode(const Invite& invite) = 0;
  /// nullopt for anything that encode() did not make under one of the keys; nothing says why.
  [[nodiscard]] virtual std::optional<Invite> decode(std::string_view token) = 0;
};

}  // namespace windfall
