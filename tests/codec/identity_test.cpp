// Who, which command, which event: references and ids.
#include <gtest/gtest.h>
#include <sodium.h>

#include <set>
#include <string>
#include <vector>

#include "adapters/codec/command_hash.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/user_ref.hpp"

namespace windfall::codec {
namespace {

constexpr UserHasher::Key kKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

TEST(UserHasher, IsSipHash24With128Bits) {
  // First vector of the reference implementation: empty input under the key 00..0f gives
  // a3817f04ba25a8e66df67214c7550293.
  EXPECT_EQ(UserHasher(kKey).of(""), (UserRef{.hi = 0xe6a825ba047f81a3, .lo = 0x930255c71472f66d}));
}

TEST(UserHasher, TellsUsersAndKeysApart) {
  UserHasher::Key other = kKey;
  other[15] ^= 1U;
  EXPECT_EQ(UserHasher(kKey).of("user"), UserHasher(kKey).of("user"));
  EXPECT_NE(UserHasher(kKey).of("user"), UserHasher(kKey).of("User"));
  EXPECT_NE(UserHasher(kKey).of("user"), UserHasher(other).of("user"));
  EXPECT_EQ(UserHasher(kKey).key_fingerprint(), UserHasher(kKey).key_fingerprint());
  EXPECT_NE(UserHasher(kKey).key_fingerprint(), UserHasher(other).key_fingerprint());
}

TEST(CommandHash, NoTwoScopesOfDifferentPartsCollide) {
  const std::vector<CommandScope> scopes{
      {"user:a", "POST", "/v1/x", "k"}, {"user:b", "POST", "/v1/x", "k"},
      {"user:a", "PUT", "/v1/x", "k"},  {"user:a", "POST", "/v1/y", "k"},
      {"user:a", "POST", "/v1/x", "l"}, {"user:", "aPOST", "/v1/x", "k"},
      {"user:aPOST", "", "/v1/x", "k"}, {"user:a", "POST/v1/", "x", "k"},
      {"user:a", "POST", "/v1/xk", ""}, {"", "", "", ""},
  };
  std::set<CommandHash> seen;
  for (const CommandScope& scope : scopes) {
    EXPECT_EQ(command_hash(scope), command_hash(scope));
    EXPECT_TRUE(seen.insert(command_hash(scope)).second) << scope.caller << scope.method << scope.path << scope.key;
  }
}

TEST(BodyFingerprint, IsXxh3) {
  EXPECT_EQ(body_fingerprint(""), 0x2d06800538d394c2U);
  EXPECT_NE(body_fingerprint("{}"), body_fingerprint("{ }"));
}

TEST(EventIds, AreTheHalvesOfOneHashMarkedAsVersion8) {
  const Uuid lineage{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const EventIds ids = event_ids({.lineage = lineage, .promotion = "p1", .epoch = {1}, .sequence = {2}, .index = 3});

  // The same message, spelled out.
  std::string message("\x10\0\0\0", 4);
  message.append(reinterpret_cast<const char*>(lineage.data()), lineage.size());
  message += std::string("\x02\0\0\0p1", 6);
  message += std::string("\x04\0\0\0\x01\0\0\0", 8);
  message += std::string("\x08\0\0\0\x02\0\0\0\0\0\0\0", 12);
  message += std::string("\x04\0\0\0\x03\0\0\0", 8);
  std::array<std::uint8_t, 32> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(message.data()), message.size());

  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned mask = i == 6 ? 0x0FU : i == 8 ? 0x3FU : 0xFFU;
    EXPECT_EQ(ids.event[i] & mask, digest[i] & mask) << i;
    EXPECT_EQ(ids.effect[i] & mask, digest[16 + i] & mask) << i;
  }
  for (const Uuid& id : {ids.event, ids.effect}) {
    EXPECT_EQ(id[6] >> 4U, 8);
    EXPECT_EQ(id[8] >> 6U, 2);
  }
}

TEST(EventIds, DifferInEveryPartOfThePlace) {
  const EventPlace place{.lineage = {}, .promotion = "p1", .epoch = {1}, .sequence = {2}, .index = 3};
  std::vector<EventPlace> places(6, place);
  places[1].lineage[15] = 1;
  places[2].promotion = "p2";
  places[3].epoch = {2};
  places[4].sequence = {3};
  places[5].index = 4;
  std::set<Uuid> seen;
  for (const EventPlace& each : places) {
    EXPECT_TRUE(seen.insert(event_ids(each).event).second);
    EXPECT_TRUE(seen.insert(event_ids(each).effect).second);
  }
}

}  // namespace
}  // namespace windfall::codec
