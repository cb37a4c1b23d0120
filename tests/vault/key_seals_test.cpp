// What is sealed opens where it was sealed, under a key that is there, and nowhere else.
#include "adapters/vault/key_seals.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/vault/derivation.hpp"
#include "vault/vault_fixture.hpp"

namespace windfall::vault {
namespace {

constexpr std::string_view kHere = "seed of promotion p";
constexpr std::string_view kBlob = "PLANTED-SECRET-0123456789abcdef!";

class Sealing : public testing::Test {
 protected:
  static std::unique_ptr<KeySeals> under(std::string_view letters, std::uint32_t first = 1) {
    return KeySeals::make(keys_of(letters, first)).value();
  }
  static FailureCode failure_of(const Result<std::string>& opened) {
    EXPECT_FALSE(opened);
    if (opened) return FailureCode::invalid;
    EXPECT_EQ(opened.error().message.find(kBlob), std::string::npos);
    return opened.error().code;
  }
  const std::unique_ptr<KeySeals> seals_ = under("a");
};

TEST_F(Sealing, GivesTheBlobBackAndShowsNothingOfIt) {
  for (const std::string& blob : {std::string{kBlob}, std::string{}, std::string(Seals::kMostBytes, 'x')}) {
    const std::string sealed = seals_->seal(kHere, blob);
    EXPECT_EQ(sealed.size(), blob.size() + Seals::kOverhead);
    EXPECT_EQ(seals_->open(kHere, sealed).value(), blob);
    if (blob.size() >= 8) EXPECT_EQ(sealed.find(blob.substr(0, 8)), std::string::npos);
    EXPECT_NE(seals_->seal(kHere, blob), sealed) << "two seals of one blob show that it is one";
  }
  const std::string sealed = seals_->seal("", kBlob);
  EXPECT_EQ(seals_->open("", sealed).value(), kBlob);
}

TEST_F(Sealing, NoticesEveryFlippedBit) {
  const std::string sealed = seals_->seal(kHere, kBlob);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string altered = sealed;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    // The first four bytes name the key: with another name it is a key that is not there.
    EXPECT_EQ(failure_of(seals_->open(kHere, altered)), bit < 32 ? FailureCode::conflict : FailureCode::damaged);
  }
  for (std::size_t length = 0; length < sealed.size(); ++length) {
    EXPECT_EQ(failure_of(seals_->open(kHere, sealed.substr(0, length))), FailureCode::damaged);
  }
  EXPECT_EQ(failure_of(seals_->open(kHere, sealed + "x")), FailureCode::damaged);
}

TEST_F(Sealing, BindsABlobToItsPlace) {
  const std::string sealed = seals_->seal(kHere, kBlob);
  EXPECT_EQ(failure_of(seals_->open("seed of promotion q", sealed)), FailureCode::damaged);
  EXPECT_EQ(failure_of(seals_->open("", sealed)), FailureCode::damaged);
}

TEST_F(Sealing, NamesTheKeyThatIsMissing) {
  const auto later = under("ab");
  const std::string sealed = later->seal(kHere, kBlob);
  EXPECT_EQ(later->key_of(sealed), KeyId{2});
  const auto opened = seals_->open(kHere, sealed);
  EXPECT_EQ(failure_of(opened), FailureCode::conflict);
  EXPECT_NE(opened.error().message.find("master key 2"), std::string::npos) << opened.error().message;
  EXPECT_EQ(failure_of(under("ax")->open(kHere, sealed)), FailureCode::damaged) << "another key of that id";
  EXPECT_EQ(seals_->key_of("short"), std::nullopt);
}

TEST_F(Sealing, OpensWhatAnEarlierKeySealed) {
  const std::string sealed = seals_->seal(kHere, kBlob);
  const auto later = under("abc");
  EXPECT_EQ(later->open(kHere, sealed).value(), kBlob);
  EXPECT_EQ(later->current(), KeyId{3});
  EXPECT_EQ(later->keys(), (std::vector<KeyId>{{1}, {2}, {3}}));
  EXPECT_EQ(under("bc", 2)->open(kHere, later->seal(kHere, kBlob)).value(), kBlob);
}

TEST_F(Sealing, DigestsAndFingerprintsTellKeysApart) {
  const auto both = under("ab");
  EXPECT_EQ(both->digest({1}, "code"), seals_->digest({1}, "code"));
  EXPECT_NE(both->digest({1}, "code"), both->digest({2}, "code"));
  EXPECT_NE(both->digest({1}, "code"), both->digest({1}, "codf"));
  EXPECT_EQ(both->digest({3}, "code"), std::nullopt);
  EXPECT_EQ(both->fingerprint({1}), seals_->fingerprint({1}));
  EXPECT_NE(both->fingerprint({1}), both->fingerprint({2}));
  EXPECT_EQ(both->fingerprint({3}), std::nullopt);
}

TEST_F(Sealing, MayBeDoneByManyThreadsAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string blob = std::to_string(t * 1000 + i);
        if (seals_->open(blob, seals_->seal(blob, blob)).value() == blob) ++right;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, 2000);
}

/// RFC 5869, test case 3: no salt. (Cases 1 and 2 have one.)
TEST(Derivation, IsThatOfTheRfc) {
  const std::vector<std::uint8_t> secret(22, 0x0b);
  std::vector<std::uint8_t> key(42);
  ASSERT_TRUE(derive(secret, "", key));
  EXPECT_EQ(codec::to_hex(key), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

}  // namespace
}  // namespace windfall::vault
