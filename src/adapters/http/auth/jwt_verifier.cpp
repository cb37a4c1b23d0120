#include "adapters/http/auth/jwt_verifier.hpp"

#include <cjose/cjose.h>
#include <openssl/err.h>

#include <exception>
#include <string>
#include <utility>

#include "adapters/http/auth/verifier.hpp"
#include "adapters/system/clock.hpp"
#include "adapters/system/log.hpp"

namespace windfall::http {

namespace {

struct JwsRelease {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};

/// The caller has made sure that the header's `alg` is the key's. A token is imported for each key anew: cjose keeps
/// what it computed for the last one.
bool verifies(const VerificationKey& key, std::string_view token) {
  cjose_err error{};
  const std::unique_ptr<cjose_jws_t, JwsRelease> jws(cjose_jws_import(token.data(), token.size(), &error));
  const bool good = jws != nullptr && cjose_jws_verify(jws.get(), key.jwk.get(), &error);
  ERR_clear_error();  // the transport's and the partner's TLS must not find ours
  return good;
}

/// A development clock that is further away than this has been set; the skew that tokens are granted is below it.
constexpr std::int64_t kSetClockMs = 3'600'000;

/// A verifier that owns the clock its file is looked at by: always real time, whatever a development clock says. Tokens
/// are dated by whoever issues them, which is mostly real time as well; while a development clock is set, a test may
/// have dated them by that.
class OpenedVerifier final : public TokenVerifier {
 public:
  OpenedVerifier(std::unique_ptr<system::RealClock> clock, std::unique_ptr<KeySource> source, Expected expected)
      : clock_(std::move(clock)), verifier_(std::move(source), std::move(expected)) {}

  tl::expected<Claims, TokenFault> verify(std::string_view token, Instant now) override {
    const Instant real = clock_->now();
    tl::expected<Claims, TokenFault> claims = verifier_.verify(token, real);
    const bool is_set = now.ms < real.ms - kSetClockMs || now.ms > real.ms + kSetClockMs;
    const bool untimely = !claims && (claims.error() == TokenFault::expired || claims.error() == TokenFault::not_yet);
    if (untimely && is_set) claims = verifier_.verify(token, now);
    return claims;
  }

 private:
  std::unique_ptr<system::RealClock> clock_;
  JwtVerifier verifier_;
};

}  // namespace

JwtVerifier::JwtVerifier(std::unique_ptr<KeySource> source, Expected expected)
    : source_(std::move(source)), expected_(std::move(expected)), keys_(source_->current()) {}

// Nothing here throws but for want of memory; then nobody is let in.
tl::expected<TokenVerifier::Claims, TokenFault> JwtVerifier::verify(std::string_view token, Instant now) {
  try {
    return verify_now(token, now);
  } catch (const std::exception& trouble) {
    system::log(system::LogLevel::error, "token_not_verified", {{"detail", std::string_view(trouble.what())}});
    return tl::unexpected(TokenFault::malformed);
  }
}

tl::expected<TokenVerifier::Claims, TokenFault> JwtVerifier::verify_now(std::string_view token, Instant now) {
  if (token.size() > kMaxTokenBytes) return tl::unexpected(TokenFault::malformed);
  use_current_keys();
  const VerifiedTokens::Digest digest = VerifiedTokens::digest_of(token);
  if (const Claims* known = verified_.find(digest, now)) return *known;

  const tl::expected<UnverifiedToken, TokenFault> read = read_token(token);
  if (!read) return tl::unexpected(read.error());
  if (const std::optional<TokenFault> fault = fault_of_signature(token, *read)) return tl::unexpected(*fault);
  tl::expected<Grant, TokenFault> grant = read_payload(read->payload, expected_);
  if (!grant) return tl::unexpected(grant.error());
  if (now >= grant->until) return tl::unexpected(TokenFault::expired);
  if (now < grant->from) return tl::unexpected(TokenFault::not_yet);
  Claims claims = grant->claims;
  verified_.keep(digest, std::move(*grant));
  return claims;
}

void JwtVerifier::use_current_keys() {
  std::shared_ptr<const KeySet> current = source_->current();
  if (current == keys_) return;
  keys_ = std::move(current);
  verified_.clear();
}

std::optional<TokenFault> JwtVerifier::fault_of_signature(std::string_view token, const UnverifiedToken& read) {
  if (read.kid && !keys_->has_kid(*read.kid)) {
    source_->missed();
    return TokenFault::kid;
  }
  TokenFault fault = TokenFault::algorithm;
  for (const VerificationKey& key : keys_->keys()) {
    if (key.algorithm != read.algorithm || (read.kid && key.kid != read.kid)) continue;
    if (verifies(key, token)) return std::nullopt;
    fault = TokenFault::signature;
  }
  return fault;
}

Result<std::unique_ptr<TokenVerifier>> open_jwt_verifier(JwtSettings settings) {
  if (settings.jwks.empty()) return fail(FailureCode::invalid, "jwks is empty: a file or an https URL is needed");
  if (settings.issuer.empty()) return fail(FailureCode::invalid, "issuer is empty");
  if (settings.audience.empty()) return fail(FailureCode::invalid, "audience is empty");
  auto clock = std::make_unique<system::RealClock>();
  const bool is_url = settings.jwks.find("://") != std::string::npos;
  Result<std::unique_ptr<KeySource>> source =
      is_url ? open_url_keys(settings.jwks) : open_file_keys(settings.jwks, *clock);
  if (!source) return tl::unexpected(source.error());
  return std::make_unique<OpenedVerifier>(
      std::move(clock), std::move(*source),
      Expected{.issuer = std::move(settings.issuer), .audience = std::move(settings.audience)});
}

}  // namespace windfall::http
