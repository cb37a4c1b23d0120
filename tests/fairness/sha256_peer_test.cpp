// Our SHA-256 and HMAC against OpenSSL's, over messages and keys of many lengths.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "domain/kernel/sha256.hpp"

namespace windfall {
namespace {

/// Bytes that look arbitrary and are always the same.
std::vector<std::uint8_t> bytes(std::uint64_t seed, std::size_t size) {
  std::vector<std::uint8_t> out(size);
  std::uint64_t state = (seed * 0x9e3779b97f4a7c15U) + 1;
  for (std::uint8_t& byte : out) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<std::uint8_t>(state >> 32U);
  }
  return out;
}

TEST(Sha256, agrees_with_openssl) {
  for (std::uint64_t n = 0; n < 3000; ++n) {
    const auto message = bytes(n, n < 600 ? n : (n * 7919) % 20'000);
    Digest theirs{};
    ASSERT_EQ(EVP_Digest(message.data(), message.size(), theirs.data(), nullptr, EVP_sha256(), nullptr), 1);
    ASSERT_EQ(sha256(message), theirs) << message.size() << " bytes, seed " << n;
  }
}

TEST(HmacSha256, agrees_with_openssl) {
  for (std::uint64_t n = 0; n < 3000; ++n) {
    const auto key = bytes(n, n % 200);
    const auto message = bytes(n + 1'000'000, (n * 31) % 500);
    Digest theirs{};
    unsigned length = 0;
    // OpenSSL takes a null key for "the last one"
    const std::uint8_t none = 0;
    ASSERT_NE(HMAC(EVP_sha256(), key.empty() ? &none : key.data(), static_cast<int>(key.size()), message.data(),
                   message.size(), theirs.data(), &length),
              nullptr);
    ASSERT_EQ(hmac_sha256(key, message), theirs) << key.size() << " and " << message.size() << " bytes, seed " << n;
  }
}

}  // namespace
}  // namespace windfall
