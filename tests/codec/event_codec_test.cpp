#include "adapters/codec/event_codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <variant>

#include "domain/kernel/changes.hpp"

namespace windfall {
namespace {

/// Any value, extremes more often than chance has them.
template <class T>
T any() {
  return *rc::gen::oneOf(rc::gen::arbitrary<T>(),
                         rc::gen::element(T{0}, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
bool any_bool() { return *rc::gen::arbitrary<bool>(); }
std::string any_text() { return *rc::gen::arbitrary<std::string>(); }
UserRef any_user() { return {.hi = any<std::uint64_t>(), .lo = any<std::uint64_t>()}; }
Audit any_audit() { return {.actor = any_text(), .action = any_text(), .reason = any_text()}; }

std::uint32_t any_number() { return any<std::uint32_t>(); }
std::int64_t any_count() { return any<std::int64_t>(); }
WinPlace any_win() { return {.segment = any_number(), .serial = any_count()}; }
std::array<std::uint8_t, 16> any_id() {
  std::array<std::uint8_t, 16> id{};
  for (auto& byte : id) byte = any<std::uint8_t>();
  return id;
}

constexpr std::size_t kFirstOfLotteries = 9;

Event any_lottery_event(std::size_t kind) {
  switch (kind) {
    case kFirstOfLotteries:
      return Visited{.user = any_user(), .tickets = any_count()};
    case 10:
      return InviteIssued{.user = any_user()};
    case 11:
      return InviteShared{.user = any_user()};
    case 12:
      return InviteOpened{.invited = any_user(),
                          .inviter = any_user(),
                          .friend_tickets = any_count(),
                          .inviter_tickets = any_count(),
                          .day_index = any_number(),
                          .inviter_limited = any_bool()};
    case 13:
      return OpenNotGranted{
          .invited = any_user(), .inviter = any_user(), .reason = static_cast<OpenReason>(*rc::gen::inRange(0, 4))};
    case 14:
      return TicketsAdjusted{.user = any_user(), .tickets = any_count(), .audit = any_audit()};
    case 15:
      return SegmentOpened{.segment = any_number(),
                           .previous = any_count(),
                           .quota = any_number(),
                           .length = any_number(),
                           .first_item = any_number()};
    case 16:
      return SegmentPaused{.segment = any_number()};
    case 17:
      return Drew{.user = any_user(), .segment = any_number(), .number = any_number()};
    case 18:
      return LotteryClosed{.second_chance = any_bool(), .shortfall = any_count()};
    case 19:
      return SecondChanceStarted{.prizes = any_number(), .pool = any_number()};
    case 20:
      return SecondChanceWon{.user = any_user(), .place = any_number(), .item = any_number()};
    case 21:
      return SecondChanceEnded{.shortfall = any_count()};
    case 22:
      return WinVoided{.user = any_user(), .win = any_win(), .audit = any_audit()};
    case 23:
      return CodesImported{.prize = any_number(), .count = any_count(), .audit = any_audit()};
    case 24:
      return CodeAssigned{.user = any_user(), .win = any_win(), .prize = any_number(), .issue = any_number()};
    case 25:
      return CouponReissued{.user = any_user(), .win = any_win(), .issue = any_number(), .audit = any_audit()};
    case 26:
      return CouponUsed{.user = any_user(), .win = any_win()};
    case 27:
      return Inbound{.id = any_id(),
                     .type = static_cast<Inbound::Type>(*rc::gen::inRange(0, 3)),
                     .user = any_user(),
                     .about = any_text()};
    default:
      return InboundSettled{.id = any_id(), .user = any_user(), .dropped = any_bool(), .reason = any_text()};
  }
}
static_assert(std::variant_size_v<Event> == 30, "a new event needs its generator above or below");

Event any_event(std::size_t kind) {
  switch (kind) {
    case 0:
      return Participated{.user = any_user(),
                          .day = {any<std::int32_t>()},
                          .day_index = any<std::uint32_t>(),
                          .amount = any<std::int64_t>(),
                          .test = any_bool()};
    case 1:
      return DefinitionChanged{.id = any_text(), .definition = any_text(), .audit = any_audit()};
    case 2:
      return PausedAll{.paused = any_bool(), .audit = any_audit()};
    case 3:
      return UserBlocked{.user = any_user(), .blocked = any_bool(), .audit = any_audit()};
    case 4:
      return KeyChanged{.key_id = any_text(), .keys = any_text(), .audit = any_audit()};
    case 5:
      return AnswerKept{.status = any<int>(), .headers = any_text(), .body = any_text()};
    case 6: {
      EffectSettled event;
      for (auto& byte : event.effect) byte = any<std::uint8_t>();
      event.outcome = static_cast<EffectSettled::Outcome>(*rc::gen::inRange(0, 3));
      event.detail = any_text();
      return event;
    }
    case 7:
      return Audited{.audit = any_audit(), .subject = any_text()};
    case 8:
      return UserErased{.user = any_user(), .audit = any_audit()};
    default:
      return any_lottery_event(kind);
  }
}

Recorded any_recorded(std::size_t kind) {
  Recorded recorded{.partition = {any<std::uint32_t>()},
                    .epoch = {any<std::uint32_t>()},
                    .sequence = {any<std::uint64_t>()},
                    .time = {any<std::int64_t>()},
                    .revision = {any<std::uint32_t>()},
                    .command = {},
                    .event = any_event(kind)};
  if (any_bool()) {
    recorded.command =
        Command{.hash = {any<std::uint64_t>(), any<std::uint64_t>()}, .fingerprint = any<std::uint64_t>()};
  }
  if (keeps_taken(recorded.event)) recorded.taken.assign(*rc::gen::inRange<std::size_t>(1, 4), any_count());
  return recorded;
}

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
