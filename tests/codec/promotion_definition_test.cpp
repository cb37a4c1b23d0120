// A promotion as it is shown and as it is kept.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"

namespace windfall::codec {
namespace {

Definition sample() {
  Definition definition;
  definition.partition = {1};
  definition.revision = {1};
  definition.created = parse_instant("2025-06-21T00:00:00.000Z").value();
  definition.modified = parse_instant("2025-06-21T01:00:00.000Z").value();
  definition.promotion =
      Promotion{.id = "1",
                .title = "프로모션 A",
                .content = "친구 초대하면 적립!",
                .image_url = "https://image.example.com/adv-a.jpg",
                .reward_amount = 500,
                .limit_join_count = 50,
                .daily_limit_join_count = std::nullopt,
                .start = parse_day("2025-06-20").value(),
                .end = parse_day("2025-06-30").value(),
                .timezone = "Asia/Seoul",
                .lifecycle = Lifecycle::open,
                .mode = Mode::live,
                .join_types = {DupLimit{3}, Leading{.promotions = {"2", "3", "4"}, .match = Leading::Match::all}}};
  return definition;
}

TEST(PromotionText, TheContractsSampleIsMetByteForByte) {
  std::string out = "x";
  PromotionText(sample()).append_to(out, {.status = Status::active, .left_join_count = 12, .left_today = std::nullopt});
  EXPECT_EQ(
      out,
      R"(x{"id":"1","title":"프로모션 A","content":"친구 초대하면 적립!","imageUrl":"https://image.example.com/adv-a.jpg",)"
      R"("rewardAmount":500,"limitJoinCount":50,"leftJoinCount":12,"dailyLimitJoinCount":null,"leftTodayCount":null,)"
      R"("startDate":"2025-06-20","endDate":"2025-06-30","timezone":"Asia/Seoul","status":"ACTIVE","mode":"LIVE",)"
      R"("joinTypes":[{"joinType":"N_DUP_LIMIT","limitDupJoinCount":3},{"joinType":"LEADING","leadPromoId":["2","3","4"]}],)"
      R"("lottery":null,"createdDate":"2025-06-21T00:00:00.000Z","lastModifiedDate":"2025-06-21T01:00:00.000Z","revision":1})");
}

TEST(PromotionText, ShowsWhatIsSetAndTheWarnings) {
  Definition definition = sample();
  definition.revision = {7};
  definition.promotion.title = "a\"b\n";
  definition.promotion.content = std::nullopt;
  definition.promotion.image_url = std::nullopt;
  definition.promotion.daily_limit_join_count = 10;
  definition.promotion.mode = Mode::test;
  definition.promotion.join_types = {Leading{.promotions = {"2"}, .match = Leading::Match::any}, FirstTime{},
                                     MinJoinCount{4}, InSegment{{"vip", "new"}}};
  const std::vector<std::string> warnings{"promotion 2 does not exist yet"};
  std::string out;
  PromotionText(definition).append_to(out, {.status = Status::paused, .left_join_count = 0, .left_today = 3}, warnings);
  EXPECT_EQ(
      out,
      R"({"id":"1","title":"a\"b\n","content":null,"imageUrl":null,"rewardAmount":500,"limitJoinCount":50,"leftJoinCount":0,)"
      R"("dailyLimitJoinCount":10,"leftTodayCount":3,"startDate":"2025-06-20","endDate":"2025-06-30","timezone":"Asia/Seoul",)"
      R"("status":"PAUSED","mode":"TEST","joinTypes":[{"joinType":"LEADING","leadPromoId":["2"],"match":"ANY"},)"
      R"({"joinType":"FIRST_TIME"},{"joinType":"MIN_JOIN_COUNT","minJoinCount":4},{"joinType":"SEGMENT","segments":["vip","new"]}],)"
      R"("lottery":null,"createdDate":"2025-06-21T00:00:00.000Z","lastModifiedDate":"2025-06-21T01:00:00.000Z","revision":7,)"
      R"("warnings":["promotion 2 does not exist yet"]})");
}

TEST(PromotionText, OneTextServesEveryView) {
  const PromotionText text(sample());
  const auto shown = [&text](const PromotionView& view) {
    std::string out;
    text.append_to(out, view);
    return out;
  };
  const PromotionView active{.status = Status::active, .left_join_count = 12, .left_today = std::nullopt};
  const PromotionView paused{.status = Status::paused, .left_join_count = 0, .left_today = 3};
  const std::string first = shown(active);
  EXPECT_NE(first.find(R"("leftJoinCount":12,"dailyLimitJoinCount":null,"leftTodayCount":null,)"), std::string::npos);
  const std::string second = shown(paused);
  EXPECT_NE(second.find(R"("leftJoinCount":0,"dailyLimitJoinCount":null,"leftTodayCount":3,)"), std::string::npos);
  EXPECT_NE(second.find(R"("status":"PAUSED")"), std::string::npos);
  EXPECT_EQ(shown(active), first);
}

TEST(KeptDefinition, IsTheseBytes) {
  EXPECT_EQ(
      encode_definition(sample().promotion),
      R"({"format":1,"id":"1","title":"프로모션 A","content":"친구 초대하면 적립!","imageUrl":"https://image.example.com/adv-a.jpg",)"
      R"("rewardAmount":500,"limitJoinCount":50,"dailyLimitJoinCount":null,"startDate":"2025-06-20","endDate":"2025-06-30",)"
      R"("timezone":"Asia/Seoul","lifecycle":"OPEN","mode":"LIVE",)"
      R"("joinTypes":[{"joinType":"N_DUP_LIMIT","limitDupJoinCount":3},{"joinType":"LEADING","leadPromoId":["2","3","4"]}]})");
}

TEST(KeptDefinition, WhatIsNoDefinitionIsDamaged) {
  const std::string good = encode_definition(sample().promotion);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto cut = decode_definition(good.substr(0, size));
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, FailureCode::damaged);
  }
  std::string newer = good;
  newer.replace(newer.find("\"format\":1"), 10, "\"format\":2");
  ASSERT_FALSE(decode_definition(newer));
  EXPECT_EQ(decode_definition(newer).error().message, "definition: /format must be an integer from 1 to 1");
  std::string unknown = good;
  unknown.insert(1, "\"surprise\":1,");
  EXPECT_EQ(decode_definition(unknown).error().message, "definition: /surprise unknown member");
}

// Any promotion that decode_create could have let in.

std::string any_text() {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "\"", "\\", "\n", "\x01", "\x7f", "가", "😀", "/", "~", "\xe2\x80\xa8", " "));
  std::string text;
  for (const std::string& part : parts) text += part;
  return text;
}
std::optional<std::string> maybe_text() {
  return *rc::gen::arbitrary<bool>() ? std::optional{any_text()} : std::nullopt;
}
std::int64_t any_count() { return *rc::gen::inRange<std::int64_t>(1, kMaxAmount + 1); }
std::vector<std::string> any_identifiers() {
  const auto set = *rc::gen::resize(
      20, rc::gen::nonEmpty(rc::gen::container<std::set<std::string>>(
              rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('a', 'Z', '0', '_', '-'))))));
  std::vector<std::string> list{set.begin(), set.end()};
  list.resize(std::min({list.size(), kMaxSegments, kMaxLeadPromotions}));
  return list;
}
JoinType any_join_type() {
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      return DupLimit{any_count()};
    case 1:
      return Leading{.promotions = any_identifiers(),
                     .match = *rc::gen::element(Leading::Match::all, Leading::Match::any)};
    case 2:
      return FirstTime{};
    case 3:
      return MinJoinCount{any_count()};
    default:
      return InSegment{any_identifiers()};
  }
}
Promotion any_promotion() {
  Promotion promotion;
  promotion.id = any_identifiers().front();
  promotion.title = any_text();
  promotion.content = maybe_text();
  promotion.image_url = maybe_text();
  promotion.reward_amount = *rc::gen::inRange<std::int64_t>(0, kMaxAmount + 1);
  promotion.limit_join_count = any_count();
  if (*rc::gen::arbitrary<bool>()) promotion.daily_limit_join_count = any_count();
  promotion.start = {*rc::gen::inRange(-719'528, 2'932'897)};
  promotion.end = {*rc::gen::inRange(-719'528, 2'932'897)};
  promotion.timezone = *rc::gen::element<std::string>("Asia/Seoul", "UTC", "America/Argentina/Buenos_Aires");
  promotion.lifecycle = *rc::gen::element(Lifecycle::draft, Lifecycle::open, Lifecycle::paused, Lifecycle::ended);
  promotion.mode = *rc::gen::element(Mode::live, Mode::test);
  const int types = *rc::gen::inRange(0, static_cast<int>(kMaxJoinTypes) + 1);
  for (int i = 0; i < types; ++i) promotion.join_types.push_back(any_join_type());
  return promotion;
}

bool same(const JoinType& a, const JoinType& b) {
  if (a.index() != b.index()) return false;
  struct Same {
    const JoinType& b;
    bool operator()(const DupLimit& a) const { return a.limit == std::get<DupLimit>(b).limit; }
    bool operator()(const Leading& a) const {
      return a.promotions == std::get<Leading>(b).promotions && a.match == std::get<Leading>(b).match;
    }
    bool operator()(const FirstTime&) const { return true; }
    bool operator()(const MinJoinCount& a) const { return a.count == std::get<MinJoinCount>(b).count; }
    bool operator()(const InSegment& a) const { return a.segments == std::get<InSegment>(b).segments; }
  };
  return std::visit(Same{b}, a);
}

RC_GTEST_PROP(KeptDefinition, ReadsBackAsThePromotionItWas, ()) {
  const Promotion a = any_promotion();
  const auto back = decode_definition(encode_definition(a));
  if (!back) RC_FAIL(back.error().message);
  const Promotion& b = *back;
  RC_ASSERT(a.id == b.id && a.title == b.title && a.content == b.content && a.image_url == b.image_url);
  RC_ASSERT(a.reward_amount == b.reward_amount && a.limit_join_count == b.limit_join_count);
  RC_ASSERT(a.daily_limit_join_count == b.daily_limit_join_count);
  RC_ASSERT(a.start == b.start && a.end == b.end && a.timezone == b.timezone);
  RC_ASSERT(a.lifecycle == b.lifecycle && a.mode == b.mode);
  RC_ASSERT(std::ranges::equal(a.join_types, b.join_types, same));
  RC_ASSERT(encode_definition(b) == encode_definition(a));
}

TEST(KeepPromotion, ThatItWasEndedAsADraftIsKept) {
  Promotion ended = sample().promotion;
  ended.lifecycle = Lifecycle::ended;
  const std::string before = encode_definition(ended);
  ended.secrets.ended = parse_instant("2025-06-21T01:00:00.000Z").value();
  const auto again = decode_definition(encode_definition(ended));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->secrets.ended, ended.secrets.ended);
  EXPECT_FALSE(known_to_participants(*again));
  const auto published = decode_definition(before);
  ASSERT_TRUE(published);
  EXPECT_TRUE(known_to_participants(*published)) << "as every promotion was that was kept before";
}

}  // namespace
}  // namespace windfall::codec
