// Standard Webhooks signatures (https://www.standardwebhooks.com): a partner can check that a call comes from Windfall
// and is fresh.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::partner {

/// What the three headers of a signed call and its body say.
struct SignedCall {
  std::string_view id;         ///< webhook-id
  std::string_view timestamp;  ///< webhook-timestamp, decimal seconds
  std::string_view signature;  ///< webhook-signature: one or more, separated by spaces
  std::string_view body;
};

/// The shared secret. Immutable; safe from any thread.
class WebhookSecret {
 public:
  /// How far a timestamp may be off, as the standard's own libraries have it: replays end there.
  static constexpr std::int64_t kToleranceS = 300;

  /// "whsec_" and standard base64 of at least one byte. Failure: invalid; the message never shows the secret.
  static Result<WebhookSecret> parse(std::string_view text);

  /// The value of webhook-signature: "v1," and base64 of HMAC-SHA-256 over "id.timestamp.body".
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp_s, std::string_view body) const;

  /// True if one of the call's signatures is ours and its timestamp is within kToleranceS of `now_s`.
  [[nodiscard]] bool accepts(const SignedCall& call, std::int64_t now_s) const;

 private:
  explicit WebhookSecret(std::vector<unsigned char> key) : key_(std::move(key)) {}
  std::vector<unsigned char> key_;
};

}  // namespace windfall::partner
