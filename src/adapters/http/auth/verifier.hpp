// The verifier itself, over any source of keys.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "adapters/http/auth/key_source.hpp"
#include "adapters/http/auth/token.hpp"
#include "adapters/http/auth/token_verifier.hpp"
#include "adapters/http/auth/verified_tokens.hpp"

namespace windfall::http {

class JwtVerifier final : public TokenVerifier {
 public:
  JwtVerifier(std::unique_ptr<KeySource> source, Expected expected);

  tl::expected<Claims, TokenFault> verify(std::string_view token, Instant now) override;

  [[nodiscard]] const VerifiedTokens& verified() const { return verified_; }

 private:
  tl::expected<Claims, TokenFault> verify_now(std::string_view token, Instant now);
  void use_current_keys();
  /// Nothing if one of the keys that the token may have been signed with did sign it.
  [[nodiscard]] std::optional<TokenFault> fault_of_signature(std::string_view token, const UnverifiedToken& read);

  std::unique_ptr<KeySource> source_;
  const Expected expected_;
  std::shared_ptr<const KeySet> keys_;
  VerifiedTokens verified_;  ///< by keys_
};

}  // namespace windfall::http
