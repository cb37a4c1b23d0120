#include "adapters/codec/event_codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <variant>

#include "codec/any_event.hpp"

namespace windfall {
namespace {

using test::any;
using test::any_recorded;

std::string encoded(const Recorded& recorded) {
  std::string out;
  codec::encode(recorded, out);
  return out;
}

/// What a busy promotion writes.
Recorded usual_participation() {
  return {.partition = {12},
          .epoch = {1},
          .sequence = {1'234'567},
          .time = {1'750'464'000'000},
          .revision = {3},
          .command = {},
          .event = Participated{.user = {0x0123456789abcdef, 0xfedcba9876543210},
                                .day = {20'260},
                                .day_index = 300,
                                .amount = 500,
                                .test = false}};
}

RC_GTEST_PROP(EventCodec, EveryEventComesBackAsItWas, ()) {
  for (std::size_t kind = 0; kind < std::variant_size_v<Event>; ++kind) {
    const Recorded recorded = any_recorded(kind);
    const std::string bytes = encoded(recorded) + "next";
    std::string_view in = bytes;
    const auto back = codec::decode(in);
    RC_ASSERT(back.has_value());
    RC_ASSERT(recorded == *back);
    RC_ASSERT(in == "next");
    RC_ASSERT(encoded(*back) + "next" == bytes);
  }
}

RC_GTEST_PROP(EventCodec, ARecordCutShortAnywhereIsDamagedAndNothingIsTaken, ()) {
  for (std::size_t kind = 0; kind < std::variant_size_v<Event>; ++kind) {
    const std::string bytes = encoded(any_recorded(kind));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::string cut = bytes.substr(0, size);
      std::string_view in = cut;
      const auto outer = codec::decode(in);
      RC_ASSERT(!outer.has_value());
      RC_ASSERT(outer.error().code == FailureCode::damaged);
      RC_ASSERT(in.size() == size);
      if (size < 4) continue;
      // The same with a length that agrees: the body itself is short.
      const auto length = static_cast<std::uint32_t>(size - 4);
      std::memcpy(cut.data(), &length, sizeof length);
      in = cut;
      RC_ASSERT(!codec::decode(in).has_value());
      RC_ASSERT(in.size() == size);
    }
  }
}

RC_GTEST_PROP(EventCodec, AnyChangedByteIsDamageOrAnotherRecordThatEncodesToTheSameBytes, ()) {
  const auto kind = *rc::gen::inRange<std::size_t>(0, std::variant_size_v<Event>);
  std::string bytes = encoded(any_recorded(kind));
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(any<std::uint8_t>());
  std::string_view in = bytes;
  const auto decoded = codec::decode(in);
  if (decoded) RC_ASSERT(encoded(*decoded) == bytes.substr(0, bytes.size() - in.size()));
}

RC_GTEST_PROP(EventCodec, AnEventAloneComesBackAsItWasAndCutShortIsDamaged, ()) {
  for (std::size_t kind = 0; kind < std::variant_size_v<Event>; ++kind) {
    const Event event = test::any_event(kind);
    std::string bytes;
    codec::encode_event(event, bytes);
    const auto back = codec::decode_event(bytes);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == event);
    RC_ASSERT(!codec::decode_event(bytes + "x").has_value());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = codec::decode_event(std::string_view(bytes).substr(0, size));
      RC_ASSERT(!cut.has_value());
      RC_ASSERT(cut.error().code == FailureCode::damaged);
    }
  }
}

TEST(EventCodec, AParticipationIsCompact) {
  EXPECT_EQ(encoded(usual_participation()).size(), 51U);
  Recorded largest = usual_participation();
  largest.partition = {1'000'000};
  largest.epoch = {9'999};
  largest.revision = {9'999};
  std::get<Participated>(largest.event).day_index = 767;
  std::get<Participated>(largest.event).amount = 1'000'000'000'000;
  EXPECT_LE(encoded(largest).size(), 64U);
}

TEST(EventCodec, TheBytesOfVersionOneStayAsTheyAre) {
  std::string hex;
  for (const char c : encoded(usual_participation())) {
    static constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<std::uint8_t>(c) >> 4U];
    hex += kDigits[static_cast<std::uint8_t>(c) & 15U];
  }
  EXPECT_EQ(hex,
            "2f000000"
            "010100"
            "0c"
            "01"
            "03"
            "87d6120000000000"
            "00f0c88f97010000"
            "efcdab8967452301"
            "1032547698badcfe"
            "244f0000"
            "ac02"
            "e807"
            "00");
}

TEST(EventCodec, UnknownTypesVersionsAndFlagsAreNamed) {
  const auto complaint = [](std::size_t at, char value) {
    std::string bytes = encoded(usual_participation());
    bytes[at] = value;
    std::string_view in = bytes;
    const auto decoded = codec::decode(in);
    return decoded ? std::string{"accepted"} : decoded.error().message;
  };
  EXPECT_EQ(complaint(4, 2), "event record: unknown version 2");
  EXPECT_EQ(complaint(5, 99), "event record: unknown type 99");
  EXPECT_EQ(complaint(5, 0), "event record: unknown type 0");
  EXPECT_EQ(complaint(6, 4), "event record: unknown flags 0x4");
  EXPECT_EQ(complaint(3, 0x7f), "event record: impossible length 2130706479");
  EXPECT_EQ(complaint(50, 2), "event record: malformed body of type 1");
}

TEST(EventCodec, BytesLeftOverInARecordAreDamage) {
  std::string bytes = encoded(usual_participation()) + "x";
  bytes[0] = static_cast<char>(bytes[0] + 1);
  std::string_view in = bytes;
  const auto decoded = codec::decode(in);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "event record: 1 bytes too many in a body of type 1");
}

TEST(EventCodec, RecordsFollowOneAnother) {
  std::string bytes;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    Recorded recorded = usual_participation();
    recorded.sequence = {i};
    codec::encode(recorded, bytes);
  }
  std::string_view in = bytes;
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(codec::decode(in).value().sequence, Sequence{i});
  EXPECT_TRUE(in.empty());
}

}  // namespace
}  // namespace windfall
