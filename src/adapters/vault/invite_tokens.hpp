// Invite tokens: base64url(AES-256-SIV(key, promotion id ‖ 0 ‖ user reference)), the key derived from a master key.
#pragma once

#include <memory>
#include <vector>

#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/siv.hpp"
#include "application/port/seals.hpp"

namespace windfall::vault {

class SivInviteTokens final : public InviteTokens {
 public:
  /// unavailable: libcrypto lacks what is needed.
  static Result<std::unique_ptr<SivInviteTokens>> make(const MasterKeys& keys);

  std::string encode(const Invite& invite) override;
  std::optional<Invite> decode(std::string_view token) override;

 private:
  SivInviteTokens() = default;

  std::vector<std::unique_ptr<Siv>> keys_;  ///< the current one first
};

}  // namespace windfall::vault
