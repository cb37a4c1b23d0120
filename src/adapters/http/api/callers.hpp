// Who is calling: JWT, gateway, development header, or operator's key. Deny is the default.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/codec/user_ref.hpp"
#include "adapters/http/api/call.hpp"
#include "adapters/http/auth/token_verifier.hpp"
#include "application/port/clock.hpp"
#include "application/port/promotion_store.hpp"

namespace windfall::http {

/// Why a caller was turned away.
struct CallerRefused {
  std::string_view code;                           ///< UNAUTHENTICATED, FORBIDDEN or INVALID_REQUEST
  std::vector<InputError> errors;                  ///< for INVALID_REQUEST, and for a token that opens nothing
  std::optional<TokenFault> token = std::nullopt;  ///< with UNAUTHENTICATED: why the token that was sent opens nothing
};

class Callers {
 public:
  struct Options {
    bool dev = false;         ///< X-User-Id alone is believed
    std::string admin_key;    ///< from the environment; empty if none
    std::string gateway_key;  ///< from the environment; empty if none
  };
  /// `tokens` may be null: no JWT is then accepted.
  Callers(PromotionStore& store, const Clock& clock, codec::UserHasher hasher, TokenVerifier* tokens, Options options);

  /// Other keys from the environment; those before open nothing any more.
  void change_keys(std::string admin_key, std::string gateway_key) {
    options_.admin_key = std::move(admin_key);
    options_.gateway_key = std::move(gateway_key);
    keys_revision_.reset();
  }

  /// Identifies the caller as far as the route asks; `out` is filled only if this returns nullopt.
  std::optional<CallerRefused> identify(const Request& request, Access access, Caller& out);

  [[nodiscard]] UserRef ref_of(std::string_view user_id) const { return hasher_.of(user_id); }

  static std::array<std::uint8_t, 32> digest_of(std::string_view secret);

 private:
  struct Known {
    Role role;
    std::string id;
  };
  std::optional<CallerRefused> participant(const Request& request, Caller& out);
  std::optional<CallerRefused> sender(const Request& request, Caller& out);
  std::optional<CallerRefused> operator_(const Request& request, Access access, Caller& out);
  std::optional<CallerRefused> user_from_headers(const Request& request, Caller& out);
  const Known* key(std::string_view secret);
  void reload_keys();

  PromotionStore& store_;
  const Clock& clock_;
  codec::UserHasher hasher_;
  TokenVerifier* tokens_;
  Options options_;
  std::vector<std::pair<std::array<std::uint8_t, 32>, Known>> keys_;
  std::optional<Revision> keys_revision_;
  // The last key used, most often the gateway's: compared in constant time, it saves a digest for every request.
  std::string last_secret_;
  Known last_known_{};
};

}  // namespace windfall::http
