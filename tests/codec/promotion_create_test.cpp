#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "codec/bad_input.hpp"

namespace windfall::codec {
namespace {

/// A complete body with `more` members added; a member of the base that `more` also has is left out.
std::string body_with(const std::string& more) {
  std::string body = "{";
  const std::vector<std::pair<std::string, std::string>> base{{"title", "\"T\""},
                                                              {"startDate", "\"2025-06-20\""},
                                                              {"endDate", "\"2025-06-30\""},
                                                              {"rewardAmount", "500"},
                                                              {"limitJoinCount", "50"}};
  for (const auto& [name, value] : base) {
    if (!more.starts_with("\"" + name + "\"")) body += "\"" + name + "\":" + value + ",";
  }
  if (more.empty()) body.pop_back();
  return body + more + "}";
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::string identifiers(int count) {
  std::string list;
  for (int i = 0; i < count; ++i) list += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\"";
  return list;
}

TEST(CreatePromotion, TheLeastBodyHasDefaults) {
  const auto decoded = decode_create(body_with(""));
  ASSERT_TRUE(decoded) << refusal_of(decoded);
  EXPECT_EQ(decoded->id, "");
  EXPECT_EQ(decoded->title, "T");
  EXPECT_EQ(decoded->content, std::nullopt);
  EXPECT_EQ(decoded->image_url, std::nullopt);
  EXPECT_EQ(decoded->reward_amount, 500);
  EXPECT_EQ(decoded->limit_join_count, 50);
  EXPECT_EQ(decoded->daily_limit_join_count, std::nullopt);
  EXPECT_EQ(to_text(decoded->start), "2025-06-20");
  EXPECT_EQ(to_text(decoded->end), "2025-06-30");
  EXPECT_EQ(decoded->timezone, "Asia/Seoul");
  EXPECT_EQ(decoded->lifecycle, Lifecycle::open);
  EXPECT_EQ(decoded->mode, Mode::live);
  EXPECT_TRUE(decoded->join_types.empty());
}

TEST(CreatePromotion, EveryMemberArrives) {
  const auto decoded =
      decode_create(R"({"id":"summer_2025-A","title":"프로모션","content":"내용","imageUrl":"https://e.com/a.jpg",
      "rewardAmount":0,"limitJoinCount":1000000000000,"dailyLimitJoinCount":7,"startDate":"2025-06-20","endDate":"2025-06-20",
      "timezone":"America/New_York","status":"DRAFT","mode":"TEST","lottery":null,"joinTypes":[
        {"joinType":"N_DUP_LIMIT","limitDupJoinCount":3},{"joinType":"LEADING","leadPromoId":["2","3"]},
        {"joinType":"LEADING","leadPromoId":["4"],"match":"ANY"},{"joinType":"FIRST_TIME"},
        {"joinType":"MIN_JOIN_COUNT","minJoinCount":2},{"joinType":"SEGMENT","segments":["vip","new"]}]})");
  ASSERT_TRUE(decoded) << refusal_of(decoded);
  EXPECT_EQ(decoded->id, "summer_2025-A");
  EXPECT_EQ(decoded->content, "내용");
  EXPECT_EQ(decoded->image_url, "https://e.com/a.jpg");
  EXPECT_EQ(decoded->limit_join_count, kMaxAmount);
  EXPECT_EQ(decoded->daily_limit_join_count, 7);
  EXPECT_EQ(decoded->timezone, "America/New_York");
  EXPECT_EQ(decoded->lifecycle, Lifecycle::draft);
  EXPECT_EQ(decoded->mode, Mode::test);
  ASSERT_EQ(decoded->join_types.size(), 6U);
  EXPECT_EQ(std::get<DupLimit>(decoded->join_types[0]).limit, 3);
  EXPECT_EQ(std::get<Leading>(decoded->join_types[1]).promotions, (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(std::get<Leading>(decoded->join_types[1]).match, Leading::Match::all);
  EXPECT_EQ(std::get<Leading>(decoded->join_types[2]).match, Leading::Match::any);
  EXPECT_TRUE(std::holds_alternative<FirstTime>(decoded->join_types[3]));
  EXPECT_EQ(std::get<MinJoinCount>(decoded->join_types[4]).count, 2);
  EXPECT_EQ(std::get<InSegment>(decoded->join_types[5]).segments, (std::vector<std::string>{"vip", "new"}));
}

TEST(CreatePromotion, AnEmptyBodyLacksAllThatIsRequired) {
  for (const char* body : {"", "{}"}) {
    EXPECT_EQ(refusal_of(decode_create(body)),
              "/title: is required; /rewardAmount: is required; /limitJoinCount: is required; /startDate: is required; "
              "/endDate: is required");
  }
}

TEST(CreatePromotion, EachRuleIsRefusedAtItsMember) {
  const std::string count = "must be an integer from 1 to 1000000000000";
  const std::string fraction = "must be an integer, written without fraction and exponent";
  const std::string identifier = "must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -";
  const std::string zone = "must be a name of the IANA time zone database, such as Asia/Seoul";
  const std::string url = "must be an http or https URL";
  const std::string no_draft = "must be DRAFT or left out: the dates decide";
  struct Row {
    std::string member;
    std::string refusal;
  };
  const std::vector<Row> rows{
      {R"("title":"")", "/title: must have 1 to 200 characters"},
      {"\"title\":\"" + repeated("가", 200) + "\"", "accepted"},
      {"\"title\":\"" + repeated("가", 201) + "\"", "/title: must have 1 to 200 characters"},
      {R"("title":null)", "/title: is required"},
      {R"("title":5)", "/title: must be a string"},
      {"\"content\":\"" + repeated("😀", 10'000) + "\"", "accepted"},
      {"\"content\":\"" + repeated("x", 10'001) + "\"", "/content: must have 0 to 10000 characters"},
      {R"("content":null)", "accepted"},
      {"\"imageUrl\":\"https://e.com/" + repeated("x", 2'034) + "\"", "accepted"},
      {"\"imageUrl\":\"https://e.com/" + repeated("x", 2'035) + "\"", "/imageUrl: must have 1 to 2048 characters"},
      {R"("imageUrl":"HTTP://e.com")", "accepted"},
      {R"("imageUrl":"https://e.com/사진.jpg?a=%20#x")", "accepted"},
      {R"("imageUrl":null)", "accepted"},
      {R"("imageUrl":"")", "/imageUrl: must have 1 to 2048 characters"},
      {R"("imageUrl":"ftp://e.com/a")", "/imageUrl: " + url},
      {R"j("imageUrl":"javascript:alert(1)")j", "/imageUrl: " + url},
      {R"("imageUrl":"https://")", "/imageUrl: " + url},
      {R"("imageUrl":"https:///a")", "/imageUrl: " + url},
      {R"("imageUrl":"/a.jpg")", "/imageUrl: " + url},
      {R"("imageUrl":"https://e.com/a b")", "/imageUrl: " + url},
      {R"("imageUrl":"https://e.com/\"")", "/imageUrl: " + url},
      {R"("rewardAmount":0)", "accepted"},
      {R"("rewardAmount":1000000000000)", "accepted"},
      {R"("rewardAmount":1000000000001)", "/rewardAmount: must be an integer from 0 to 1000000000000"},
      {R"("rewardAmount":-1)", "/rewardAmount: must be an integer from 0 to 1000000000000"},
      {R"("rewardAmount":500.0)", "/rewardAmount: " + fraction},
      {R"("rewardAmount":5e2)", "/rewardAmount: " + fraction},
      {R"("rewardAmount":99999999999999999999)", "/rewardAmount: must be an integer from 0 to 1000000000000"},
      {R"("rewardAmount":"500")", "/rewardAmount: must be an integer"},
      {R"("rewardAmount":null)", "/rewardAmount: is required"},
      {R"("limitJoinCount":0)", "/limitJoinCount: " + count},
      {R"("limitJoinCount":1)", "accepted"},
      {R"("limitJoinCount":1000000000001)", "/limitJoinCount: " + count},
      {R"("limitJoinCount":null)", "/limitJoinCount: is required"},
      {R"("dailyLimitJoinCount":null)", "accepted"},
      {R"("dailyLimitJoinCount":0)", "/dailyLimitJoinCount: " + count},
      {R"("dailyLimitJoinCount":1.5)", "/dailyLimitJoinCount: " + fraction},
      {R"("startDate":"2025-6-20")", "/startDate: must be a date, written YYYY-MM-DD"},
      {R"("startDate":"2025-07-01")", "/endDate: must not be before startDate"},
      {R"("startDate":"2025-06-30")", "accepted"},
      {R"("startDate":"2024-06-30")", "accepted"},
      {R"("startDate":"2024-06-29")", "/endDate: the period must not be longer than 366 days"},
      {R"("endDate":"2025-06-31")", "/endDate: must be a date, written YYYY-MM-DD"},
      {R"("endDate":20250630)", "/endDate: must be a date, written YYYY-MM-DD"},
      {R"("endDate":"2025-06-20")", "accepted"},
      {R"("endDate":"2026-06-20")", "accepted"},
      {R"("endDate":"2026-06-21")", "/endDate: the period must not be longer than 366 days"},
      {R"("timezone":"UTC")", "accepted"},
      {R"("timezone":"US/Eastern")", "accepted"},
      {R"("timezone":null)", "accepted"},
      {R"("timezone":"asia/seoul")", "/timezone: " + zone},
      {R"("timezone":"Asia/Pyeongyang")", "/timezone: " + zone},
      {R"("timezone":"+09:00")", "/timezone: " + zone},
      {R"("timezone":"localtime")", "/timezone: " + zone},
      {R"("timezone":"posix/Asia/Seoul")", "/timezone: " + zone},
      {R"("timezone":"../../etc/passwd")", "/timezone: " + zone},
      {R"("timezone":"")", "/timezone: must have 1 to 64 characters"},
      {R"("id":"a.b")", "/id: " + identifier},
      {R"("id":"")", "/id: " + identifier},
      {"\"id\":\"" + repeated("x", 65) + "\"", "/id: " + identifier},
      {"\"id\":\"" + repeated("x", 64) + "\"", "accepted"},
      {R"("id":7)", "/id: " + identifier},
      {R"("status":"DRAFT")", "accepted"},
      {R"("status":"ACTIVE")", "/status: " + no_draft},
      {R"("status":"draft")", "/status: " + no_draft},
      {R"("status":1)", "/status: " + no_draft},
      {R"("mode":"LIVE")", "accepted"},
      {R"("mode":"live")", "/mode: must be one of LIVE, TEST"},
      {R"("lottery":null)", "accepted"},
      {R"("lottery":{})",
       "/lottery/grants: is required; /lottery/prizes: is required; /rewardAmount: must be absent or null beside "
       "lottery; /limitJoinCount: must be absent or null beside lottery"},
      {R"("leftJoinCount":1)", "/leftJoinCount: read-only"},
      {R"("leftTodayCount":null)", "/leftTodayCount: read-only"},
      {R"("createdDate":"2025-06-20T00:00:00.000Z")", "/createdDate: read-only"},
      {R"("lastModifiedDate":"x")", "/lastModifiedDate: read-only"},
      {R"("revision":1)", "/revision: read-only"},
      {R"("Title":"x")", "/Title: unknown member"},
      {R"("a/b~c":null)", "/a~1b~0c: unknown member"},
      {R"("secondChance":true)", "/secondChance: unknown member"},
      {R"("joinTypes":null)", "accepted"},
      {R"("joinTypes":{})", "/joinTypes: must be a list"},
      {"\"joinTypes\":[" + repeated(R"({"joinType":"FIRST_TIME"},)", 9) + R"({"joinType":"FIRST_TIME"}])", "accepted"},
      {"\"joinTypes\":[" + repeated(R"({"joinType":"FIRST_TIME"},)", 10) + R"({"joinType":"FIRST_TIME"}])",
       "/joinTypes: must have 0 to 10 items"},
      {R"("warnings":[])", "/warnings: unknown member"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal_of(decode_create(body_with(row.member))), row.refusal) << row.member;
}

TEST(CreatePromotion, APeriodHasADayInTheZonesCalendar) {
  const auto judged = [](const std::string& end) {
    return refusal_of(decode_create(R"({"title":"T","rewardAmount":1,"limitJoinCount":1,"timezone":"Pacific/Apia",
        "startDate":"2011-12-30","endDate":")" +
                                    end + "\"}"));
  };
  EXPECT_EQ(judged("2011-12-30"), "/endDate: the time zone skips every day of the period");
  EXPECT_EQ(judged("2011-12-31"), "accepted");
}

TEST(CreatePromotion, EachJoinTypeHasExactlyItsMembers) {
  const std::string names = "N_DUP_LIMIT, LEADING, FIRST_TIME, MIN_JOIN_COUNT, SEGMENT";
  const std::string count = "must be an integer from 1 to 1000000000000";
  const std::string identifier = "must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -";
  struct Row {
    std::string join_type;
    std::string refusal;
  };
  const std::vector<Row> rows{
      {R"({})", "/joinTypes/0/joinType: is required"},
      {R"("FIRST_TIME")", "/joinTypes/0: must be an object"},
      {R"({"joinType":"first_time"})", "/joinTypes/0/joinType: must be one of " + names},
      {R"({"joinType":"TOP","x":1})", "/joinTypes/0/joinType: must be one of " + names},
      {R"({"joinType":"FIRST_TIME","limitDupJoinCount":1})", "/joinTypes/0/limitDupJoinCount: unknown member"},
      {R"({"joinType":"N_DUP_LIMIT"})", "/joinTypes/0/limitDupJoinCount: is required"},
      {R"({"joinType":"N_DUP_LIMIT","limitDupJoinCount":0})", "/joinTypes/0/limitDupJoinCount: " + count},
      {R"({"joinType":"N_DUP_LIMIT","limitDupJoinCount":1,"match":"ALL"})", "/joinTypes/0/match: unknown member"},
      {R"({"joinType":"MIN_JOIN_COUNT","minJoinCount":0})", "/joinTypes/0/minJoinCount: " + count},
      {R"({"joinType":"MIN_JOIN_COUNT","minJoinCount":1})", "accepted"},
      {R"({"joinType":"LEADING"})", "/joinTypes/0/leadPromoId: is required"},
      {R"({"joinType":"LEADING","leadPromoId":[]})", "/joinTypes/0/leadPromoId: must have 1 to 20 items"},
      {R"({"joinType":"LEADING","leadPromoId":[)" + identifiers(20) + "]}", "accepted"},
      {R"({"joinType":"LEADING","leadPromoId":[)" + identifiers(21) + "]}",
       "/joinTypes/0/leadPromoId: must have 1 to 20 items"},
      {R"({"joinType":"LEADING","leadPromoId":["a","a"]})", "/joinTypes/0/leadPromoId/1: is listed twice"},
      {R"({"joinType":"LEADING","leadPromoId":["a",2]})", "/joinTypes/0/leadPromoId/1: " + identifier},
      {R"({"joinType":"LEADING","leadPromoId":"a"})", "/joinTypes/0/leadPromoId: must be a list"},
      {R"({"joinType":"LEADING","leadPromoId":["a"],"match":"SOME"})", "/joinTypes/0/match: must be one of ALL, ANY"},
      {R"({"joinType":"LEADING","leadPromoId":["a","me"]})",
       "/joinTypes/0/leadPromoId/1: must not name the promotion itself"},
      {R"({"joinType":"SEGMENT"})", "/joinTypes/0/segments: is required"},
      {R"({"joinType":"SEGMENT","segments":["a b"]})", "/joinTypes/0/segments/0: " + identifier},
      {R"({"joinType":"SEGMENT","segments":["a","b","a"]})", "/joinTypes/0/segments/2: is listed twice"},
      {R"({"joinType":"SEGMENT","segments":[)" + identifiers(21) + "]}",
       "/joinTypes/0/segments: must have 1 to 20 items"},
      {R"({"joinType":"FIRST_TIME"},{"joinType":"FIRST_TIME","x":1})", "/joinTypes/1/x: unknown member"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(refusal_of(decode_create(body_with("\"id\":\"me\",\"joinTypes\":[" + row.join_type + "]"))), row.refusal)
        << row.join_type;
  }
}

TEST(CreatePromotion, WrongDatesAreNotComparedWithEachOther) {
  EXPECT_EQ(refusal_of(decode_create(
                R"({"title":"T","rewardAmount":1,"limitJoinCount":1,"startDate":"x","endDate":"2025-06-20"})")),
            "/startDate: must be a date, written YYYY-MM-DD");
}

TEST(CreatePromotion, EveryComplaintIsThereInKoreanToo) {
  const auto decoded = decode_create(R"({"title":"","startDate":"2025-06-20","endDate":"2025-06-19","mode":1,"x":1})");
  ASSERT_FALSE(decoded);
  ASSERT_EQ(decoded.error().errors.size(), 6U);
  for (const FieldError& error : decoded.error().errors) {
    // The lead bytes of Hangul syllables; clang 19 folds find_first_of() with bytes above 0x7f wrongly.
    const auto is_hangul = [](char c) {
      return (static_cast<unsigned char>(c) & 0xfcU) == 0xe8U || static_cast<unsigned char>(c) == 0xecU ||
             static_cast<unsigned char>(c) == 0xedU;
    };
    EXPECT_TRUE(std::ranges::any_of(error.detail_ko, is_hangul)) << error.detail_ko;
  }
}

}  // namespace
}  // namespace windfall::codec
