#include "adapters/http/auth/token.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/utf8.hpp"
#include "adapters/http/auth/json.hpp"

namespace windfall::http {

namespace {

/// The year 9999: a date beyond is a mistake, and its milliseconds would not fit a double.
constexpr double kMaxNumericDate = 253'402'300'799.0;

constexpr std::size_t kEs256SignatureBytes = 64;
constexpr std::size_t kHs256SignatureBytes = 32;

/// Header, payload and signature, still encoded; nullopt unless there are exactly three.
std::optional<std::array<std::string_view, 3>> split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return std::array{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

/// Media types compare without regard to case (RFC 7515 section 4.1.9).
bool is_jwt_type(std::string_view type) {
  std::string lower(type);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return lower == "jwt" || lower == "at+jwt";
}

/// cjose splits an ES256 signature in the middle, whatever its length: r and s with zeros before them would be a second
/// spelling.
bool has_possible_size(Algorithm algorithm, std::string_view signature) {
  switch (algorithm) {
    case Algorithm::rs256:
      return signature.size() >= KeySet::kMinRsaBits / 8;  // the key's own size is checked with the key
    case Algorithm::es256:
      return signature.size() == kEs256SignatureBytes;
    case Algorithm::hs256:
      return signature.size() == kHs256SignatureBytes;
  }
  return false;
}

/// A NumericDate (RFC 7519 section 2): seconds, with a fraction or without.
std::optional<Instant> date_of(const json_t* value) {
  if (!json_is_number(value)) return std::nullopt;
  const double seconds = json_number_value(value);
  if (!(std::fabs(seconds) <= kMaxNumericDate)) return std::nullopt;
  return Instant{static_cast<std::int64_t>(std::floor(seconds * 1000.0))};
}

/// Moves `from` to the date of the claim less the skew; false if the claim is there and no date.
bool not_before(const json_t* claim, Instant& from) {
  if (claim == nullptr) return true;
  const std::optional<Instant> date = date_of(claim);
  if (!date) return false;
  from = std::max(from, Instant{date->ms - kClockSkewMs});
  return true;
}

bool names_audience(const json_t* claim, std::string_view audience) {
  if (const std::optional<std::string_view> one = text_of(claim)) return *one == audience;
  if (!json_is_array(claim)) return false;
  bool found = false;
  for (std::size_t i = 0; i < json_array_size(claim); ++i) {
    const std::optional<std::string_view> one = text_of(json_array_get(claim, i));
    if (!one) return false;
    found = found || *one == audience;
  }
  return found;
}

bool read_segments(const json_t* claim, std::vector<std::string>& out) {
  if (claim == nullptr) return true;
  if (!json_is_array(claim) || json_array_size(claim) > kMaxTokenSegments) return false;
  for (std::size_t i = 0; i < json_array_size(claim); ++i) {
    const std::optional<std::string_view> segment = text_of(json_array_get(claim, i));
    if (!segment || !codec::is_identifier(*segment)) return false;
    out.emplace_back(*segment);
  }
  return true;
}

tl::unexpected<TokenFault> faulty(TokenFault fault) { return tl::unexpected(fault); }

}  // namespace

tl::expected<UnverifiedToken, TokenFault> read_token(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return faulty(TokenFault::malformed);
  const auto parts = split(token);
  if (!parts) return faulty(TokenFault::unknown);
  const std::optional<std::string> header_text = codec::from_base64url((*parts)[0]);
  std::optional<std::string> payload = codec::from_base64url((*parts)[1]);
  const std::optional<std::string> signature = codec::from_base64url((*parts)[2]);
  if (!header_text || !payload || !signature) return faulty(TokenFault::malformed);

  const Json header = parse_object(*header_text);
  if (!header) return faulty(TokenFault::malformed);
  // An extension that must be understood is not; an unencoded payload would be one (RFC 7797).
  if (json_object_get(header.get(), "crit") != nullptr || json_object_get(header.get(), "b64") != nullptr)
    return faulty(TokenFault::malformed);
  if (const json_t* type = json_object_get(header.get(), "typ"); type != nullptr) {
    const std::optional<std::string_view> text = text_of(type);
    if (!text || !is_jwt_type(*text)) return faulty(TokenFault::malformed);
  }
  const std::optional<Algorithm> algorithm =
      algorithm_named(text_of(json_object_get(header.get(), "alg")).value_or(std::string_view{}));
  if (!algorithm) return faulty(TokenFault::algorithm);
  if (!has_possible_size(*algorithm, *signature)) return faulty(TokenFault::signature);

  UnverifiedToken read{.algorithm = *algorithm, .kid = std::nullopt, .payload = std::move(*payload)};
  if (const json_t* kid = json_object_get(header.get(), "kid"); kid != nullptr) {
    const std::optional<std::string_view> text = text_of(kid);
    if (!text) return faulty(TokenFault::malformed);
    read.kid = std::string(*text);
  }
  return read;
}

tl::expected<Grant, TokenFault> read_payload(std::string_view payload, const Expected& expected) {
  const Json document = parse_object(payload);
  if (!document) return faulty(TokenFault::malformed);
  const auto claim = [&](const char* name) { return json_object_get(document.get(), name); };

  if (text_of(claim("iss")) != expected.issuer) return faulty(TokenFault::issuer);
  if (!names_audience(claim("aud"), expected.audience)) return faulty(TokenFault::audience);
  const std::optional<Instant> expires = date_of(claim("exp"));
  if (!expires) return faulty(TokenFault::expired);
  Grant grant{.claims = {}, .from = kBeginningOfTime, .until = {expires->ms + kClockSkewMs}};
  if (!not_before(claim("nbf"), grant.from) || !not_before(claim("iat"), grant.from)) {
    return faulty(TokenFault::not_yet);
  }

  const std::optional<std::string_view> subject = text_of(claim("sub"));
  if (!subject || subject->empty()) return faulty(TokenFault::subject);
  grant.claims.subject = *subject;
  if (!read_segments(claim("segments"), grant.claims.segments)) return faulty(TokenFault::segments);
  return grant;
}

}  // namespace windfall::http
