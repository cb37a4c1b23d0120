// Invite tokens: the same on every call, and nothing but what this installation made is understood.
#include "adapters/vault/invite_tokens.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>

#include "adapters/codec/encoding.hpp"
#include "vault/vault_fixture.hpp"

namespace windfall::vault {
namespace {

using Invite = InviteTokens::Invite;

std::string unhex(std::string_view text) { return codec::from_hex(text).value(); }
std::string hex(std::string_view bytes) { return codec::to_hex(codec::bytes_of(bytes)); }

// --- SIV against its RFC

TEST(Siv, IsThatOfRfc5297A1) {
  const std::string key = unhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const std::string header = unhex("101112131415161718191a1b1c1d1e1f2021222324252627");
  const std::string_view associated[] = {header};
  const auto siv = Siv::make(codec::bytes_of(key), associated).value();
  const std::string message = unhex("112233445566778899aabbccddee");
  const std::string expected = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c";
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(hex(siv->seal(message)), expected);
    EXPECT_EQ(siv->open(unhex(expected)), message);
    EXPECT_EQ(siv->open(unhex("05" + expected.substr(2))), std::nullopt);
  }
}

TEST(Siv, IsThatOfRfc5297A2) {
  const std::string key = unhex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f");
  const std::string first = unhex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100");
  const std::string second = unhex("102030405060708090a0");
  const std::string nonce = unhex("09f911029d74e35bd84156c5635688c0");
  const std::string_view associated[] = {first, second, nonce};
  const auto siv = Siv::make(codec::bytes_of(key), associated).value();
  const std::string message = "this is some plaintext to encrypt using SIV-AES";
  const std::string expected =
      "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad54"
      "4a272e9c485b62a3fd5c0d";
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(hex(siv->seal(message)), expected);
    EXPECT_EQ(siv->open(unhex("7a" + expected.substr(2))), std::nullopt);
    EXPECT_EQ(siv->open(unhex(expected)), message);
    EXPECT_EQ(siv->open(unhex(expected).substr(0, 20)), std::nullopt);
  }
}

// The RFC has vectors for keys of 32 bytes only. For 64 bytes: its section 2 once more, made of AES-256-CBC and -CTR.

using Block = std::array<std::uint8_t, 16>;

std::string run(const EVP_CIPHER* cipher, std::string_view key, const Block& iv, std::string_view in) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  std::string out(in.size() + 16, '\0');
  int wrote = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, cipher, nullptr, reinterpret_cast<const unsigned char*>(key.data()), iv.data()),
            1);
  EVP_CIPHER_CTX_set_padding(context, 0);
  EXPECT_EQ(EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &wrote,
                              reinterpret_cast<const unsigned char*>(in.data()), static_cast<int>(in.size())),
            1);
  EVP_CIPHER_CTX_free(context);
  out.resize(in.size());
  return out;
}

Block doubled(const Block& in) {
  Block out{};
  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned carried = i < 15 && (in[i + 1] & 0x80U) != 0 ? 1 : 0;
    out[i] = static_cast<std::uint8_t>((unsigned{in[i]} << 1U) | carried);
  }
  if ((in[0] & 0x80U) != 0) out[15] = static_cast<std::uint8_t>(out[15] ^ 0x87U);
  return out;
}

Block block_of(std::string_view text) {
  Block block{};
  std::ranges::copy(text.substr(0, 16), reinterpret_cast<char*>(block.data()));
  return block;
}

Block cmac(std::string_view key, std::string message) {
  Block sub = doubled(block_of(run(EVP_aes_256_ecb(), key, {}, std::string(16, '\0'))));
  if (message.empty() || message.size() % 16 != 0) {
    sub = doubled(sub);
    message += '\x80';
    message.resize((message.size() + 15) / 16 * 16, '\0');
  }
  for (std::size_t i = 0; i < 16; ++i) {
    char& byte = message[message.size() - 16 + i];
    byte = static_cast<char>(byte ^ static_cast<char>(sub[i]));
  }
  const std::string chained = run(EVP_aes_256_cbc(), key, {}, message);
  return block_of(std::string_view{chained}.substr(chained.size() - 16));
}

/// S2V of one string, and the ciphertext behind it.
std::string siv_by_the_book(std::string_view key, const std::string& message) {
  Block d = cmac(key.substr(0, 32), std::string(16, '\0'));
  std::string last = message;
  if (message.size() >= 16) {
    for (std::size_t i = 0; i < 16; ++i) {
      char& byte = last[last.size() - 16 + i];
      byte = static_cast<char>(byte ^ static_cast<char>(d[i]));
    }
  } else {
    d = doubled(d);
    last += '\x80';
    last.resize(16, '\0');
    for (std::size_t i = 0; i < 16; ++i) last[i] = static_cast<char>(last[i] ^ static_cast<char>(d[i]));
  }
  const Block v = cmac(key.substr(0, 32), last);
  Block q = v;
  q[8] &= 0x7FU;
  q[12] &= 0x7FU;
  return std::string(reinterpret_cast<const char*>(v.data()), v.size()) +
         run(EVP_aes_256_ctr(), key.substr(32), q, message);
}

TEST(Siv, OfTwoKeysOf256BitsIsTheOneOfTheRfcsText) {
  std::string key;
  for (int i = 0; i < 64; ++i) key.push_back(static_cast<char>(i * 37 + 11));
  const auto siv = Siv::make(codec::bytes_of(key), {}).value();
  for (std::size_t length = 1; length <= 100; ++length) {
    std::string message;
    for (std::size_t i = 0; i < length; ++i) message.push_back(static_cast<char>(i * 7 + length));
    const std::string expected = siv_by_the_book(key, message);
    EXPECT_EQ(hex(siv->seal(message)), hex(expected)) << length;
    EXPECT_EQ(siv->open(expected), message) << length;
  }
}

TEST(Siv, TakesKeysOf32And64BytesOnly) {
  for (const std::size_t length : {0U, 16U, 31U, 48U, 65U}) {
    EXPECT_EQ(Siv::make(std::vector<std::uint8_t>(length), {}).error().code, FailureCode::invalid);
  }
}

// --- Tokens

class Tokens : public testing::Test {
 protected:
  static std::unique_ptr<SivInviteTokens> under(std::string_view letters, std::uint32_t first = 1) {
    return SivInviteTokens::make(keys_of(letters, first)).value();
  }
  const std::unique_ptr<SivInviteTokens> tokens_ = under("k");
  const Invite invite_{.promotion_id = "spring-2025",
                       .inviter = {.hi = 0x0123456789abcdefU, .lo = 0xfedcba9876543210U}};
};

TEST_F(Tokens, AreTheSameOnEveryCallAndInEveryProcess) {
  const std::string token = tokens_->encode(invite_);
  EXPECT_EQ(token, tokens_->encode(invite_));
  EXPECT_EQ(token, under("k")->encode(invite_));
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_EQ(tokens_->decode(token), invite_);
}

TEST_F(Tokens, OfAnyInviteComeBack) {
  const bool held = rc::check("a token says what was put in", [&] {
    static constexpr std::string_view kLetters = "abcXYZ019_-";
    const auto length = *rc::gen::inRange<std::size_t>(1, 65);
    Invite invite{.promotion_id = {},
                  .inviter = {.hi = *rc::gen::arbitrary<std::uint64_t>(), .lo = *rc::gen::arbitrary<std::uint64_t>()}};
    for (std::size_t i = 0; i < length; ++i) invite.promotion_id += kLetters[*rc::gen::inRange<std::size_t>(0, 11)];
    const std::string token = tokens_->encode(invite);
    RC_ASSERT(token.size() >= 46U && token.size() <= 130U);
    RC_ASSERT(tokens_->decode(token) == invite);
  });
  EXPECT_TRUE(held);
}

TEST_F(Tokens, WithAnyAlteredBitAreForged) {
  const std::string token = tokens_->encode(invite_);
  const std::string sealed = codec::from_base64url(token).value();
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string altered = sealed;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(tokens_->decode(codec::to_base64url(codec::bytes_of(altered))), std::nullopt) << bit;
    EXPECT_EQ(tokens_->decode(token), invite_) << "a forged one must not spoil the next";
  }
}

TEST_F(Tokens, WithAnyAlteredCharacterAreForged) {
  const std::string token = tokens_->encode(invite_);
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char c : std::string_view{"AZaz09-_=+/ \0%", 14}) {
      std::string altered = token;
      if (altered[i] == c) continue;
      altered[i] = c;
      EXPECT_EQ(tokens_->decode(altered), std::nullopt) << altered;
    }
  }
}

TEST_F(Tokens, OfAWrongLengthAreForged) {
  const std::string token = tokens_->encode(invite_);
  for (std::size_t length = 0; length < token.size(); ++length) {
    EXPECT_EQ(tokens_->decode(token.substr(0, length)), std::nullopt) << length;
  }
  EXPECT_EQ(tokens_->decode(token + "A"), std::nullopt);
  EXPECT_EQ(tokens_->decode(token + token), std::nullopt);
  EXPECT_EQ(tokens_->decode(std::string(1'000'000, 'A')), std::nullopt);
}

TEST_F(Tokens, OfAnotherInstallationOrOfSomethingElseUnderTheSameKeyAreForged) {
  EXPECT_EQ(under("other")->decode(tokens_->encode(invite_)), std::nullopt);
  EXPECT_EQ(tokens_->decode(tokens_->encode({.promotion_id = "not an id", .inviter = {}})), std::nullopt);
  EXPECT_EQ(tokens_->decode(tokens_->encode({.promotion_id = "", .inviter = {}})), std::nullopt);
}

TEST_F(Tokens, OfDifferentInvitesDiffer) {
  std::set<std::string> seen;
  for (std::uint64_t user = 0; user < 200; ++user) {
    for (const char* promotion : {"a", "b", "aa"}) {
      EXPECT_TRUE(seen.insert(tokens_->encode({.promotion_id = promotion, .inviter = {.hi = user, .lo = 1}})).second);
    }
  }
}

TEST_F(Tokens, OfAnEarlierKeyAreUnderstoodWhileItIsThere) {
  const std::string old = tokens_->encode(invite_);
  const auto both = under("kl");
  EXPECT_EQ(both->decode(old), invite_);
  EXPECT_NE(both->encode(invite_), old);
  EXPECT_EQ(both->decode(both->encode(invite_)), invite_);
  EXPECT_EQ(under("l", 2)->decode(old), std::nullopt);
}

/// Printed, since it depends on the machine: some microseconds would be felt at a million opens an hour.
TEST_F(Tokens, CostLittle) {
  const std::string token = tokens_->encode(invite_);
  std::string forged = token;
  forged.back() = forged.back() == 'A' ? 'Q' : 'A';
  forged.front() = forged.front() == 'A' ? 'B' : 'A';
  constexpr int kTimes = 100'000;
  const auto us_of = [&](auto work) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTimes; ++i) work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 1e6 / kTimes;
  };
  int good = 0;
  const double decode = us_of([&] { good += tokens_->decode(token) ? 1 : 0; });
  const double refuse = us_of([&] { good += tokens_->decode(forged) ? 1 : 0; });
  const double encode = us_of([&] { good += tokens_->encode(invite_).empty() ? 1 : 0; });
  std::cout << "decode " << decode << " us, refuse " << refuse << " us, encode " << encode << " us\n";
  EXPECT_EQ(good, kTimes);
}

}  // namespace
}  // namespace windfall::vault
