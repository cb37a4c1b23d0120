#include "adapters/http/api/callers.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "adapters/codec/key_list.hpp"
#include "adapters/codec/utf8.hpp"

namespace windfall::http {

namespace {

/// RFC 6750 leaves the size open; a token beyond this is an attack on whoever parses it.
constexpr std::size_t kMaxToken = 8192;
/// As many segments as any promotion could ask for.
constexpr std::size_t kMaxSegments = 64;

/// Equal, without telling by its time where two differ. A key of 43 characters takes libsodium's comparison of any
/// length 57 ns, byte by byte, and the one of 64 bytes 13; every request with a key pays it.
bool same_secret(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  std::array<unsigned char, crypto_verify_64_BYTES> left{};
  std::array<unsigned char, crypto_verify_64_BYTES> right{};
  if (one.size() > left.size()) return sodium_memcmp(one.data(), other.data(), one.size()) == 0;
  std::ranges::copy(one, left.begin());
  std::ranges::copy(other, right.begin());
  return crypto_verify_64(left.data(), right.data()) == 0;
}

/// The token; empty if there is none, or another scheme.
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = value[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != kScheme[i]) return {};
  }
  return value.substr(kScheme.size());
}

CallerRefused unauthenticated() { return {.code = "UNAUTHENTICATED", .errors = {}}; }

CallerRefused bad_token(TokenFault fault) {
  const TokenFaultText& text = text_of(fault);
  return {
      .code = "UNAUTHENTICATED",
      .errors = {{.pointer = "/Authorization", .detail_ko = std::string(text.ko), .detail_en = std::string(text.en)}},
      .token = fault};
}

/// Two of them: whoever stands in front may have looked at the other one.
bool is_one_token(const Request::Lines& authorization, std::string_view token) {
  return authorization.count == 1 && token.size() <= kMaxToken;
}

CallerRefused bad_header(std::string_view name, std::string_view ko, std::string_view en) {
  return {.code = "INVALID_REQUEST",
          .errors = {{.pointer = "/" + std::string(name), .detail_ko = std::string(ko), .detail_en = std::string(en)}}};
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// "a, b" → {a, b}; false if one of them is no identifier.
bool read_segments(std::string_view value, std::vector<std::string>& out) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view segment = trim(value.substr(0, comma));
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    if (segment.empty()) continue;
    if (!codec::is_identifier(segment) || out.size() == kMaxSegments) return false;
    out.emplace_back(segment);
  }
  return true;
}

}  // namespace

Callers::Callers(PromotionStore& store, const Clock& clock, codec::UserHasher hasher, TokenVerifier* tokens,
                 Options options)
    : store_(store), clock_(clock), hasher_(hasher), tokens_(tokens), options_(std::move(options)) {}

std::array<std::uint8_t, 32> Callers::digest_of(std::string_view secret) {
  std::array<std::uint8_t, 32> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return digest;
}

std::optional<CallerRefused> Callers::identify(const Request& request, Access access, Caller& out) {
  switch (access) {
    case Access::anyone:
      return std::nullopt;
    case Access::dev:
      if (options_.dev) return std::nullopt;
      return CallerRefused{.code = "NOT_FOUND", .errors = {}};
    case Access::participant:
      return participant(request, out);
    case Access::sender:
      return sender(request, out);
    case Access::viewer:
    case Access::operator_:
    case Access::admin:
      break;
  }
  return operator_(request, access, out);
}

std::optional<CallerRefused> Callers::participant(const Request& request, Caller& out) {
  const Request::Lines authorization = request.header_lines("authorization");
  if (authorization.count == 0) {
    if (!options_.dev) return unauthenticated();
    return user_from_headers(request, out);
  }
  const std::string_view token = bearer(authorization.first);
  if (token.empty()) return unauthenticated();
  if (!is_one_token(authorization, token)) return bad_token(TokenFault::malformed);
  if (const Known* known = key(token)) {
    if (known->role != Role::gateway) return bad_token(TokenFault::role);
    return user_from_headers(request, out);
  }
  if (tokens_ == nullptr) {
    const bool like_a_jwt = std::ranges::count(token, '.') == 2;
    return bad_token(like_a_jwt ? TokenFault::no_jwks : TokenFault::unknown);
  }
  tl::expected<TokenVerifier::Claims, TokenFault> claims = tokens_->verify(token, clock_.now());
  if (!claims) return bad_token(claims.error());
  if (request.header_count("x-user-id") != 0) {
    return bad_header("X-User-Id", "JWT와 함께 쓸 수 없습니다", "must not be sent beside a JWT");
  }
  if (!codec::visible_user_id(claims->subject)) {
    return bad_header("sub", "토큰의 사용자 ID는 공백과 제어 문자가 없는 1~128바이트의 UTF-8이어야 합니다",
                      "the token's user id must be 1..128 bytes of printable, non-space UTF-8");
  }
  out.kind = Caller::Kind::participant;
  out.user_id = std::move(claims->subject);
  out.user = hasher_.of(out.user_id);
  out.segments = std::move(claims->segments);
  return std::nullopt;
}

std::optional<CallerRefused> Callers::sender(const Request& request, Caller& out) {
  const Request::Lines authorization = request.header_lines("authorization");
  if (authorization.count == 1 && request.header_count("x-user-id") == 0) {
    const std::string_view token = bearer(authorization.first);
    const Known* known = token.empty() || token.size() > kMaxToken ? nullptr : key(token);
    if (known != nullptr && known->role == Role::gateway) {
      out.kind = Caller::Kind::operator_;
      out.role = known->role;
      out.key_id = known->id;
      return std::nullopt;
    }
  }
  return participant(request, out);
}

std::optional<CallerRefused> Callers::user_from_headers(const Request& request, Caller& out) {
  const auto [ids, id] = request.header_lines("x-user-id");
  if (ids > 1) return bad_header("X-User-Id", "한 번만 보낼 수 있습니다", "must be sent once");
  if (ids == 0 || id.empty()) return unauthenticated();
  if (!codec::visible_user_id(id)) {
    return bad_header("X-User-Id", "공백과 제어 문자가 없는 1~128바이트의 UTF-8이어야 합니다",
                      "must be 1..128 bytes of printable, non-space UTF-8");
  }
  const Request::Lines segments = request.header_lines("x-user-segments");
  if (segments.count > 1 || !read_segments(segments.first, out.segments)) {
    return bad_header("X-User-Segments", "쉼표로 나눈 [A-Za-z0-9_-]{1,64} 목록이어야 합니다",
                      "must be a comma-separated list of [A-Za-z0-9_-]{1,64}");
  }
  out.kind = Caller::Kind::participant;
  out.user_id = id;
  out.user = hasher_.of(id);
  return std::nullopt;
}

std::optional<CallerRefused> Callers::operator_(const Request& request, Access access, Caller& out) {
  const Request::Lines authorization = request.header_lines("authorization");
  const std::string_view token = bearer(authorization.first);
  if (token.empty()) return unauthenticated();
  if (!is_one_token(authorization, token)) return bad_token(TokenFault::malformed);
  const Known* known = key(token);
  if (known == nullptr) return bad_token(TokenFault::unknown);
  const Role needed = access == Access::viewer      ? Role::viewer
                      : access == Access::operator_ ? Role::operator_
                                                    : Role::admin;
  if (known->role < needed) return CallerRefused{.code = "FORBIDDEN", .errors = {}};
  out.kind = Caller::Kind::operator_;
  out.role = known->role;
  out.key_id = known->id;
  return std::nullopt;
}

const Callers::Known* Callers::key(std::string_view secret) {
  reload_keys();
  if (!secret.empty() && same_secret(secret, last_secret_)) return &last_known_;
  const std::array<std::uint8_t, 32> digest = digest_of(secret);
  for (const auto& [known_digest, known] : keys_) {
    if (sodium_memcmp(digest.data(), known_digest.data(), digest.size()) != 0) continue;
    last_secret_ = secret;
    last_known_ = known;
    return &last_known_;
  }
  return nullptr;
}

void Callers::reload_keys() {
  if (keys_revision_ == store_.system_revision()) return;
  keys_revision_ = store_.system_revision();
  keys_.clear();
  last_secret_.clear();
  if (!options_.admin_key.empty()) {
    keys_.emplace_back(digest_of(options_.admin_key), Known{.role = Role::admin, .id = "env-admin"});
  }
  if (!options_.gateway_key.empty()) {
    keys_.emplace_back(digest_of(options_.gateway_key), Known{.role = Role::gateway, .id = "env-gateway"});
  }
  const Result<std::vector<Key>> kept = codec::decode_keys(store_.system_definition());
  if (!kept) {
    // Nobody but those of the environment gets in until somebody has looked.
    std::fprintf(stderr, "windfall: %s\n", kept.error().message.c_str());
    return;
  }
  for (const Key& key : *kept) keys_.emplace_back(key.digest, Known{.role = key.role, .id = key.id});
}

}  // namespace windfall::http
