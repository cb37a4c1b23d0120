#include "adapters/journal/format.hpp"

#include <gtest/gtest.h>

#include "adapters/journal/crc32c.hpp"
#include "journal/journal_fixture.hpp"

namespace windfall::journal {
namespace {

std::string frame_of(std::string_view body, std::span<const Identity> identities, FrameHash previous = {}) {
  FrameDraft draft;
  draft.add(body, identities);
  return std::string(draft.seal(FrameKind::data, kLineage, 7, previous));
}

void store_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>((value >> (8 * i)) & 0xFF);
}

/// Makes frame checksum and trailer right again after a change in a frame without identities.
void reseal(std::string& frame) {
  const std::string_view bytes = frame;
  const std::uint32_t crc = crc32c(bytes.substr(12, bytes.size() - 16), crc32c(bytes.substr(0, 8)));
  store_u32(frame, 8, crc);
  store_u32(frame, frame.size() - 4, crc);
}

TEST(Frame, ComesBackAsItWasWritten) {
  const std::string longest(kMaxIdBytes, 'z');
  const std::vector<Identity> legal{{{0x0102030405060708, 0x1112131415161718}, "alice"}, {{9, 9}, longest}};
  const std::string bytes = frame_of("body", legal, {5, 6}) + "what follows";

  const auto frame = parse_frame(bytes, kLineage);

  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, FrameKind::data);
  EXPECT_EQ(frame->sequence, 7U);
  EXPECT_EQ(frame->previous, (FrameHash{5, 6}));
  EXPECT_EQ(frame->body, "body");
  EXPECT_FALSE(frame->has_unsound_identity);
  std::vector<SeenIdentity> found;
  for (const StoredIdentity identity : frame->identities) {
    found.push_back({identity.ref, std::string(identity.id), identity.state});
  }
  EXPECT_EQ(found, (std::vector<SeenIdentity>{{legal[0].ref, "alice", IdentityState::sound},
                                              {legal[1].ref, longest, IdentityState::sound}}));
}

TEST(Frame, HasTheBytesThatTheDocumentPromises) {
  const std::vector<Identity> identities{{{0x0102030405060708, 0x1112131415161718}, "al"}};
  const std::string bytes = frame_of("B", identities, {0x21, 0x31});

  ASSERT_EQ(bytes.size(), 64U + 1 + 21 + 2 + 4);
  EXPECT_EQ(bytes.substr(0, 4), "WFJF");
  EXPECT_EQ(bytes.substr(4, 4), std::string("\x5C\0\0\0", 4));
  EXPECT_EQ(bytes.substr(12, 4), std::string("\x01\x01\0\0", 4));
  EXPECT_EQ(bytes[16], 1);
  EXPECT_EQ(bytes[31], 16);
  EXPECT_EQ(bytes.substr(32, 8), std::string("\x07\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(40, 16), std::string("\x21\0\0\0\0\0\0\0\x31\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(bytes.substr(56, 8), std::string("\x01\0\0\0\x01\0\0\0", 8));
  EXPECT_EQ(bytes[64], 'B');
  EXPECT_EQ(bytes.substr(65, 17), "\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11\x02");
  EXPECT_EQ(bytes.substr(86, 2), "al");
  EXPECT_EQ(bytes.substr(88), bytes.substr(8, 4));
  std::string expected(4, '\0');
  store_u32(expected, 0, crc32c(bytes.substr(65, 17) + "al"));
  EXPECT_EQ(bytes.substr(82, 4), expected);
  store_u32(expected, 0, crc32c(bytes.substr(0, 8) + bytes.substr(12, 53) + bytes.substr(65, 17)));
  EXPECT_EQ(bytes.substr(8, 4), expected);
}

TEST(Frame, IsRecognisedOnlyWhole) {
  const std::vector<Identity> identities{{{1, 2}, "alice"}};
  const std::string whole = frame_of("body", identities);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::string torn = whole.substr(0, length);
    EXPECT_FALSE(parse_frame(torn, kLineage)) << length;
    torn.resize(whole.size() + 10, '\0');
    if (torn.substr(0, whole.size()) != whole) EXPECT_FALSE(parse_frame(torn, kLineage)) << length << " and zeros";
  }
}

TEST(Frame, ShowsEveryFlippedBitInItselfOrInTheIdentity) {
  const std::vector<Identity> identities{{{1, 2}, "alice"}};
  const std::string whole = frame_of("body", identities);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto frame = parse_frame(flipped, kLineage);
    EXPECT_TRUE(!frame || frame->has_unsound_identity) << bit;
  }
}

TEST(Frame, KeepsItsChecksumAndHashWhenAnIdentityIsErased) {
  const std::vector<Identity> identities{{{1, 2}, "alice"}};
  std::string bytes = frame_of("body", identities);
  const FrameHash before = hash_of(*parse_frame(bytes, kLineage));
  const StoredIdentity identity = *parse_frame(bytes, kLineage)->identities.begin();
  bytes.replace(identity.erasable_offset, identity.erasable_bytes, identity.erasable_bytes, '\0');

  const auto erased = parse_frame(bytes, kLineage);

  ASSERT_TRUE(erased);
  EXPECT_EQ(hash_of(*erased), before);
  EXPECT_EQ((*erased->identities.begin()).state, IdentityState::erased);
  EXPECT_EQ((*erased->identities.begin()).ref, (UserRef{1, 2}));
}

TEST(Frame, OfAnotherLineageVersionOrKindIsToldApartFromDamage) {
  std::string bytes = frame_of("body", {});
  EXPECT_EQ(parse_frame(bytes, kOtherLineage).error(), FrameFault::other_lineage);
  for (const std::size_t at : {12U, 13U, 14U, 15U}) {
    std::string newer = bytes;
    newer[at] = 9;
    EXPECT_EQ(parse_frame(newer, kLineage).error(), FrameFault::checksum);
    reseal(newer);
    EXPECT_EQ(parse_frame(newer, kLineage).error(), FrameFault::unknown_version) << at;
  }
}

TEST(Frame, WithLengthsThatDoNotAddUpIsRefused) {
  const std::string bytes = frame_of("body", {});
  for (const std::uint32_t lie : {0U, 3U, 5U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    for (const std::size_t at : {56U, 60U}) {
      if (at == 60 && lie == 0) continue;  // the truth
      std::string lying = bytes;
      store_u32(lying, at, lie);
      reseal(lying);
      EXPECT_FALSE(parse_frame(lying, kLineage)) << lie << " at " << at;
    }
  }
}

TEST(LineageFile, ComesBackAsItWasWritten) {
  const auto record = decode_lineage(encode_lineage({kFormatVersion, kLineage, kFingerprint}), "lineage");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->version, kFormatVersion);
  EXPECT_EQ(record->lineage, kLineage);
  EXPECT_EQ(record->fingerprint, kFingerprint);
}

TEST(LineageFile, OfAVersionThatIsNotReadIsRefusedByName) {
  for (const std::uint32_t version : {kOldestReadableVersion - 1, kFormatVersion + 1, 77U}) {
    const auto record = decode_lineage(encode_lineage({version, kLineage, kFingerprint}), "lineage");
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().code, FailureCode::invalid);
    EXPECT_NE(record.error().message.find("version " + std::to_string(version)), std::string::npos);
  }
}

TEST(LineageFile, WithAnyFlippedByteOrLengthIsRefused) {
  const std::string good = encode_lineage({kFormatVersion, kLineage, kFingerprint});
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_FALSE(decode_lineage(bad, "lineage")) << at;
    EXPECT_FALSE(decode_lineage(good.substr(0, at), "lineage")) << at;
  }
  EXPECT_FALSE(decode_lineage(good + '\0', "lineage"));
}

}  // namespace
}  // namespace windfall::journal
