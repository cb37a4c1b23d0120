#include "adapters/codec/event_json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <variant>

#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/event_members.hpp"
#include "adapters/codec/event_message.hpp"
#include "adapters/codec/utf8.hpp"
#include "codec/any_event.hpp"

namespace windfall {
namespace {

using test::any_recorded;

const codec::NameOf kNobody = [](UserRef) { return std::string_view{}; };

std::string json_of(const Recorded& recorded, std::string_view promotion = "p", const codec::NameOf& names = kNobody) {
  std::string out;
  codec::append_event_json(out, recorded, promotion, names);
  return out;
}

Recorded usual_participation() {
  return {.partition = {12},
          .epoch = {1},
          .sequence = {1'234'567},
          .time = {1'750'464'000'000},
          .revision = {3},
          .command = Command{.hash = {1, 2}, .fingerprint = 3},
          .event = Participated{.user = {0x0123456789abcdef, 0xfedcba9876543210},
                                .day = {20'260},
                                .day_index = 300,
                                .amount = 500,
                                .test = false}};
}

std::string complaint(std::string_view json) {
  const auto read = codec::read_event_json(json);
  return read ? std::string{"accepted"} : read.error().message;
}
/// The usual event, with a piece of its JSON replaced.
std::string complaint_with(std::string_view piece, std::string_view by) {
  std::string json = json_of(usual_participation());
  const std::size_t at = json.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  json.replace(at, piece.size(), by);
  return complaint(json);
}

RC_GTEST_PROP(EventJson, EveryEventComesBackAsItWasAndIsWrittenInTheSameBytes, ()) {
  for (std::size_t kind = 0; kind < std::variant_size_v<Event>; ++kind) {
    const Recorded recorded = any_recorded(kind);
    const std::string json = json_of(recorded);
    RC_ASSERT(codec::is_utf8(json));
    const auto back = codec::read_event_json(json);
    if (!back) RC_FAIL(back.error().message + "\n" + json);
    RC_ASSERT(back->recorded == recorded);
    RC_ASSERT(back->promotion_id == "p");
    RC_ASSERT(back->identities.empty());
    RC_ASSERT(json_of(back->recorded) == json);
  }
}

RC_GTEST_PROP(EventJson, AnyChangedByteIsRefusedOrAnotherEventInItsOneSpelling, ()) {
  const auto kind = *rc::gen::inRange<std::size_t>(0, std::variant_size_v<Event>);
  std::string json = json_of(any_recorded(kind));
  json[*rc::gen::inRange<std::size_t>(0, json.size())] = *rc::gen::arbitrary<char>();
  const auto read = codec::read_event_json(json);
  if (!read) return RC_ASSERT(read.error().code == FailureCode::invalid);
  // White space and escapes are JSON's own freedom; the event itself has no second spelling.
  const std::string again = json_of(read->recorded, read->promotion_id);
  const auto twice = codec::read_event_json(again);
  RC_ASSERT(twice.has_value());
  RC_ASSERT(twice->recorded == read->recorded);
}

RC_GTEST_PROP(EventJson, CutShortAnywhereItIsRefused, ()) {
  const auto kind = *rc::gen::inRange<std::size_t>(0, std::variant_size_v<Event>);
  const std::string json = json_of(any_recorded(kind));
  for (std::size_t size = 0; size < json.size(); ++size) {
    RC_ASSERT(!codec::read_event_json(std::string_view(json).substr(0, size)).has_value());
  }
}

TEST(EventJson, PeopleCanReadIt) {
  const codec::NameOf names = [](UserRef) { return std::string_view{"앨리스"}; };
  EXPECT_EQ(
      json_of(usual_participation(), "coffee", names),
      R"({"type":"windfall.participated.v1","promotionId":"coffee","partition":12,"epoch":1,"sequence":1234567,)"
      R"("time":"2025-06-21T00:00:00.000Z","revision":3,"user":"앨리스",)"
      R"("userRef":"0123456789abcdeffedcba9876543210","day":"2025-06-21","dayIndex":300,"amount":500,"test":false,)"
      R"("command":{"hash":"00000000000000010000000000000002","fingerprint":"0000000000000003"}})");
}

TEST(EventJson, NamedUsersComeBackAsIdentities) {
  const codec::NameOf names = [](UserRef user) -> std::string_view { return user.lo == 1 ? "friend" : ""; };
  Recorded recorded = usual_participation();
  recorded.event = InviteOpened{.invited = {9, 1}, .inviter = {9, 2}};
  const auto read = codec::read_event_json(json_of(recorded, "p", names));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->identities.size(), 1U);
  EXPECT_EQ(read->identities[0].user, (UserRef{9, 1}));
  EXPECT_EQ(read->identities[0].id, "friend");
}

TEST(EventJson, AnIdThatIsNoUserIdIsLeftOut) {
  const codec::NameOf names = [](UserRef) { return std::string_view{"two words"}; };
  EXPECT_EQ(json_of(usual_participation(), "p", names), json_of(usual_participation()));
}

TEST(EventJson, IntegersThatReadersWouldRoundAreStrings) {
  Recorded recorded = usual_participation();
  const auto amount = [&recorded](std::int64_t value) {
    std::get<Participated>(recorded.event).amount = value;
    const std::string json = json_of(recorded);
    EXPECT_EQ(codec::read_event_json(json)->recorded, recorded);
    const std::size_t at = json.find("\"amount\":") + 9;
    return json.substr(at, json.find(",\"test\"") - at);
  };
  EXPECT_EQ(amount(9'007'199'254'740'991), "9007199254740991");
  EXPECT_EQ(amount(9'007'199'254'740'992), "\"9007199254740992\"");
  EXPECT_EQ(amount(-9'007'199'254'740'991), "-9007199254740991");
  EXPECT_EQ(amount(-9'007'199'254'740'992), "\"-9007199254740992\"");
  EXPECT_EQ(amount(INT64_MIN), "\"-9223372036854775808\"");
}

TEST(EventJson, WhatIsWrongIsNamed) {
  const std::string kOf = "event: windfall.participated.v1: ";
  EXPECT_EQ(complaint_with("participated.v1", "participated.v2"),
            "event: type \"windfall.participated.v2\" is not known");
  EXPECT_EQ(complaint_with("\"test\":false", "\"test\":false,\"extra\":1"), kOf + "member \"extra\" is not known");
  EXPECT_EQ(complaint_with(",\"test\":false", ""), kOf + "member \"test\" is missing");
  EXPECT_EQ(complaint_with("\"test\":false", "\"test\":null"), kOf + "member \"test\" must be true or false");
  EXPECT_EQ(complaint_with("\"dayIndex\":300", "\"dayIndex\":4294967296"), kOf + "member \"dayIndex\" is out of range");
  EXPECT_EQ(complaint_with("\"dayIndex\":300", "\"dayIndex\":3e2"), kOf + "member \"dayIndex\" must be an integer");
  EXPECT_EQ(complaint_with("0123456789abcdef", "0123456789ABCDEF"),
            kOf + "member \"userRef\" must have 32 lower-case hex digits");
  EXPECT_EQ(complaint_with("00.000Z", "00Z"), kOf + "member \"time\" must be a time as 2025-06-21T00:00:00.000Z");
  EXPECT_EQ(complaint_with("\"amount\":500", "\"amount\":\"500\""),
            kOf + "member \"amount\" must be an integer up to 2^53 - 1, or a longer one as a string");
  EXPECT_EQ(complaint_with("\"amount\":500", "\"amount\":9007199254740992"),
            kOf + "member \"amount\" must be an integer up to 2^53 - 1, or a longer one as a string");
  EXPECT_EQ(complaint_with("\"fingerprint\":\"0", "\"fingerprint\":\"x"),
            kOf + "member \"command\" member \"fingerprint\" must have 16 lower-case hex digits");
  EXPECT_EQ(complaint_with("\"promotionId\":\"p\"", "\"promotionId\":\"a b\""),
            "event: member \"promotionId\" must be a promotion id");
  EXPECT_EQ(complaint_with("false,", "false,\"taken\":[1],"),
            "event: windfall.participated.v1: member \"taken\" does not belong here");
  EXPECT_EQ(complaint("[]"), "event: is no object");
  EXPECT_EQ(complaint("{}"), "event: member \"type\" is missing");
  EXPECT_NE(complaint("{\"type\":\"a\",\"type\":\"a\"}"), "accepted");
  EXPECT_NE(complaint("{\"type\":\"\xff\"}"), "accepted");
}

TEST(EventJson, EveryTypeHasANameOfItsOwn) {
  const std::set<std::string_view> names(codec::kEventTypes.begin(), codec::kEventTypes.end());
  EXPECT_EQ(names.size(), std::variant_size_v<Event>);
  for (const std::string_view name : names) {
    EXPECT_TRUE(name.starts_with("windfall.") && name.ends_with(".v1")) << name;
  }
}

TEST(EventMessage, ItsHeadersAreThoseOfACloudEvent) {
  const codec::Uuid lineage{1};
  const Recorded recorded = usual_participation();
  const codec::Uuid id = codec::event_ids({lineage, "coffee", recorded.epoch, recorded.sequence}).event;
  codec::EventMessage message;
  for (int twice = 0; twice < 2; ++twice) {
    codec::write_event_message(message, recorded, "coffee", id, "/windfall/test", kNobody);
    EXPECT_EQ(message.key, "coffee");
    EXPECT_EQ(message.value, json_of(recorded, "coffee"));
    std::string headers;
    for (const auto& header : message.headers) {
      headers.append(header.name).append("=").append(header.value).append("\n");
    }
    EXPECT_EQ(headers, "ce_specversion=1.0\nce_id=" + codec::to_uuid_text(id) +
                           "\nce_source=/windfall/test\nce_type=windfall.participated.v1\n"
                           "ce_time=2025-06-21T00:00:00.000Z\nce_subject=coffee\nce_partitionkey=coffee\n"
                           "ce_dataschema=urn:windfall:event:participated.v1\ncontent-type=application/json\n");
  }
}

TEST(EventMessage, WhatBelongsToNoPromotionHasAKeyThatNoPromotionCanHave) {
  Recorded recorded = usual_participation();
  recorded.partition = kSystemPartition;
  recorded.event = PausedAll{.paused = true, .audit = {}};
  codec::EventMessage message;
  codec::write_event_message(message, recorded, "", {}, "/", kNobody);
  EXPECT_EQ(message.key, "{windfall}");
  EXPECT_FALSE(codec::is_identifier(message.key));
  EXPECT_EQ(codec::read_event_json(message.value)->promotion_id, "");
}

}  // namespace
}  // namespace windfall
