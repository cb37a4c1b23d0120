// SHA-256 and HMAC against published vectors: FIPS 180-4 examples, NIST's long message, RFC 4231.
#include "domain/kernel/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace windfall::test {
namespace {

std::string sha_hex(std::string_view text) { return hex_of(sha256(bytes_of_text(text))); }

TEST(Sha256, gives_the_published_digests) {
  EXPECT_EQ(sha_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsm"
                    "nopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(sha_hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, does_not_care_how_a_message_is_cut) {
  std::string message;
  for (int i = 0; i < 300; ++i) message += static_cast<char>('a' + (i % 26));
  for (std::size_t length = 0; length <= message.size(); ++length) {
    const std::string_view text = std::string_view(message).substr(0, length);
    const Digest whole = sha256(bytes_of_text(text));
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, length / 2, std::size_t{63}, std::size_t{64}}) {
      if (cut > length) continue;
      Sha256 hash;
      hash.add(bytes_of_text(text.substr(0, cut))).add(bytes_of_text(text.substr(cut)));
      ASSERT_EQ(hash.finish(), whole) << length << " bytes cut at " << cut;
    }
  }
}

struct HmacCase {
  std::string key;
  std::string message;
  std::string_view digest;
};

TEST(HmacSha256, gives_the_digests_of_rfc_4231) {
  const std::vector<HmacCase> cases{
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const HmacCase& c : cases) {
    const HmacSha256 hmac(bytes_of_text(c.key));
    EXPECT_EQ(hex_of(hmac.of(bytes_of_text(c.message))), c.digest) << c.message;
    EXPECT_EQ(hex_of(hmac.of(bytes_of_text(c.message))), c.digest) << "a key serves more than once";
  }
}

}  // namespace
}  // namespace windfall::test
