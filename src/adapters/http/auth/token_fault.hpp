// Why what stands in Authorization opens nothing. The name goes into WWW-Authenticate and labels a metric, so that the
// set stays small; nothing of the token is ever repeated. Claims are looked at after the signature only: whoever cannot
// sign learns nothing about them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace windfall::http {

enum class TokenFault : std::uint8_t {
  unknown,    ///< neither a key of this server nor a JWT
  role,       ///< a key of an operator on a call of participants
  malformed,  ///< too long, given twice, or no well-formed JWT
  no_jwks,    ///< a JWT where none is configured
  algorithm,
  kid,
  signature,
  issuer,
  audience,
  expired,
  not_yet,
  subject,
  segments,
};

struct TokenFaultText {
  TokenFault fault;
  std::string_view name;  ///< of the claim or header member where there is one
  std::string_view ko;
  std::string_view en;
};

// clang-format off
inline constexpr std::array kTokenFaults{
    TokenFaultText{TokenFault::unknown,   "unknown",   "이 서버의 키도 JWT도 아닙니다",                   "is neither a key of this server nor a JWT"},
    TokenFaultText{TokenFault::role,      "role",      "운영자 키로는 참여자 호출을 할 수 없습니다",      "is an operator’s key, which does not work for participants’ calls"},
    TokenFaultText{TokenFault::malformed, "malformed", "올바른 형식의 토큰 하나만 한 번 보내야 합니다",   "must be one well-formed token, sent once"},
    TokenFaultText{TokenFault::no_jwks,   "no_jwks",   "이 서버에는 JWT 설정(auth.jwt)이 없습니다",       "is a JWT, which this server is not configured for (auth.jwt)"},
    TokenFaultText{TokenFault::algorithm, "alg",       "alg가 없거나 이 서버의 키에 쓰이지 않습니다",     "its alg is missing or that of no key"},
    TokenFaultText{TokenFault::kid,       "kid",       "kid에 해당하는 키가 없습니다",                    "its kid names no known key"},
    TokenFaultText{TokenFault::signature, "signature", "서명이 맞지 않습니다",                            "its signature does not verify"},
    TokenFaultText{TokenFault::issuer,    "iss",       "iss가 이 서버가 신뢰하는 발급자가 아닙니다",      "its iss is not the issuer that is trusted here"},
    TokenFaultText{TokenFault::audience,  "aud",       "aud에 이 서버가 없습니다",                        "its aud does not name this server"},
    TokenFaultText{TokenFault::expired,   "exp",       "만료되었거나 exp가 없습니다",                     "it has expired or has no exp"},
    TokenFaultText{TokenFault::not_yet,   "nbf",       "nbf나 iat가 미래이거나 올바르지 않습니다",        "its nbf or iat lies in the future or is no date"},
    TokenFaultText{TokenFault::subject,   "sub",       "sub가 없거나 비어 있습니다",                      "its sub is missing or empty"},
    TokenFaultText{TokenFault::segments,  "segments",  "segments가 [A-Za-z0-9_-]{1,64} 목록이 아닙니다",  "its segments are no list of [A-Za-z0-9_-]{1,64}"},
};
// clang-format on

static_assert(std::ranges::is_sorted(kTokenFaults, {}, &TokenFaultText::fault));
static_assert(kTokenFaults.size() == static_cast<std::size_t>(TokenFault::segments) + 1);

[[nodiscard]] constexpr const TokenFaultText& text_of(TokenFault fault) {
  return kTokenFaults.at(static_cast<std::size_t>(fault));
}

}  // namespace windfall::http
