#include "adapters/partner/webhook_signature.hpp"

#include <sodium.h>

#include <array>
#include <charconv>
#include <cstdlib>

namespace windfall::partner {

namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::string_view kVersion = "v1,";
constexpr int kBase64 = sodium_base64_VARIANT_ORIGINAL;

void add(crypto_auth_hmacsha256_state& state, std::string_view text) {
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  if (sodium_init() < 0) return fail(FailureCode::unavailable, "libsodium does not start");
  const auto bad = fail(FailureCode::invalid, "the partner's secret must be whsec_ followed by base64");
  if (!text.starts_with(kPrefix)) return bad;
  text.remove_prefix(kPrefix.size());
  if (text.empty()) return bad;
  std::vector<unsigned char> key(text.size());
  std::size_t length = 0;
  const char* end = nullptr;
  const int read = sodium_base642bin(key.data(), key.size(), text.data(), text.size(), nullptr, &length, &end, kBase64);
  if (read != 0 || end != text.data() + text.size() || length == 0) return bad;
  key.resize(length);
  return WebhookSecret(std::move(key));
}

std::string WebhookSecret::sign(std::string_view id, std::int64_t timestamp_s, std::string_view body) const {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key_.data(), key_.size());
  add(state, id);
  add(state, ".");
  add(state, std::to_string(timestamp_s));
  add(state, ".");
  add(state, body);
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_final(&state, mac.data());
  std::array<char, sodium_base64_ENCODED_LEN(crypto_auth_hmacsha256_BYTES, kBase64)> text{};
  sodium_bin2base64(text.data(), text.size(), mac.data(), mac.size(), kBase64);
  return std::string(kVersion) + text.data();
}

bool WebhookSecret::accepts(const SignedCall& call, std::int64_t now_s) const {
  std::int64_t timestamp = 0;
  const char* const end = call.timestamp.data() + call.timestamp.size();
  const auto [stop, error] = std::from_chars(call.timestamp.data(), end, timestamp);
  if (error != std::errc{} || stop != end || timestamp < now_s - kToleranceS || timestamp > now_s + kToleranceS)
    return false;
  const std::string right = sign(call.id, timestamp, call.body);
  for (std::string_view rest = call.signature; !rest.empty();) {
    const std::size_t space = rest.find(' ');
    const std::string_view one = rest.substr(0, space);
    if (one.size() == right.size() && sodium_memcmp(one.data(), right.data(), right.size()) == 0) return true;
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return false;
}

}  // namespace windfall::partner
