#include "adapters/vault/invite_tokens.hpp"

#include <sodium.h>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/vault/derivation.hpp"

namespace windfall::vault {

namespace {

constexpr std::string_view kPurpose = "windfall 1 invite";  ///< part of every link that was ever shared
constexpr std::size_t kKeyBytes = 64;                       ///< AES-256-SIV takes two keys of 32
constexpr std::size_t kRefBytes = 16;

// Characters of base64url without padding for so many bytes.
constexpr std::size_t characters(std::size_t bytes) { return (4 * bytes + 2) / 3; }
constexpr std::size_t kShortest = characters(Siv::kTagBytes + 1 + 1 + kRefBytes);
constexpr std::size_t kLongest = characters(Siv::kTagBytes + codec::kMaxIdentifier + 1 + kRefBytes);
static_assert(kShortest == 46 && kLongest == 130);

std::string message_of(const InviteTokens::Invite& invite) {
  std::string message = invite.promotion_id;
  message.push_back('\0');
  for (const std::uint64_t half : {invite.inviter.hi, invite.inviter.lo}) {
    for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<char>((half >> shift) & 0xFFU));
  }
  return message;
}

std::optional<InviteTokens::Invite> invite_of(std::string_view message) {
  if (message.size() < 1 + 1 + kRefBytes) return std::nullopt;
  const std::string_view id = message.substr(0, message.size() - kRefBytes - 1);
  if (message[id.size()] != '\0' || !codec::is_identifier(id)) return std::nullopt;
  InviteTokens::Invite invite{.promotion_id = std::string{id}, .inviter = {}};
  const std::string_view ref = message.substr(id.size() + 1);
  for (std::size_t i = 0; i < kRefBytes; ++i) {
    std::uint64_t& half = i < kRefBytes / 2 ? invite.inviter.hi : invite.inviter.lo;
    half = (half << 8U) | static_cast<std::uint8_t>(ref[i]);
  }
  return invite;
}

}  // namespace

Result<std::unique_ptr<SivInviteTokens>> SivInviteTokens::make(const MasterKeys& keys) {
  std::unique_ptr<SivInviteTokens> tokens(new SivInviteTokens);
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    std::array<std::uint8_t, kKeyBytes> derived{};
    if (const auto done = derive(key->bytes, kPurpose, derived); !done) return tl::unexpected(done.error());
    auto siv = Siv::make(derived, {});
    sodium_memzero(derived.data(), derived.size());
    if (!siv) return tl::unexpected(siv.error());
    tokens->keys_.push_back(std::move(*siv));
  }
  return tokens;
}

std::string SivInviteTokens::encode(const Invite& invite) {
  return codec::to_base64url(codec::bytes_of(keys_.front()->seal(message_of(invite))));
}

std::optional<InviteTokens::Invite> SivInviteTokens::decode(std::string_view token) {
  if (token.size() < kShortest || token.size() > kLongest) return std::nullopt;
  const std::optional<std::string> sealed = codec::from_base64url(token);
  if (!sealed) return std::nullopt;
  for (const std::unique_ptr<Siv>& key : keys_) {
    if (const std::optional<std::string> message = key->open(*sealed)) return invite_of(*message);
  }
  return std::nullopt;
}

}  // namespace windfall::vault
