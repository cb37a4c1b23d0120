#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "codec/bad_input.hpp"

namespace windfall::codec {
namespace {

Promotion present() {
  return decode_create(
             R"({"id":"p","title":"T","content":"C","imageUrl":"https://e.com/a","rewardAmount":500,"limitJoinCount":50,
      "dailyLimitJoinCount":5,"startDate":"2025-06-20","endDate":"2025-06-30","timezone":"Europe/Paris",
      "joinTypes":[{"joinType":"LEADING","leadPromoId":["2"]}]})")
      .value();
}

PatchContext at(Status status) {
  const bool begun = status != Status::draft && status != Status::scheduled;
  return {.status = status, .begun = begun, .today = parse_day(begun ? "2025-06-25" : "2025-06-10").value()};
}

std::string patching(Status status, std::string_view body) {
  return refusal_of(apply_patch(present(), at(status), body));
}

TEST(PatchPromotion, AnEmptyPatchChangesNothing) {
  for (const char* body : {"", "{}"}) {
    const auto patched = apply_patch(present(), at(Status::active), body);
    ASSERT_TRUE(patched);
    EXPECT_EQ(encode_definition(patched->next), encode_definition(present()));
    EXPECT_EQ(patched->requested_status, std::nullopt);
  }
}

TEST(PatchPromotion, WhatIsNamedChangesAndAllElseStays) {
  const auto patched =
      apply_patch(present(), at(Status::active),
                  R"({"title":"새 제목","limitJoinCount":60,"rewardAmount":0,"endDate":"2025-07-05"})");
  ASSERT_TRUE(patched) << refusal_of(patched);
  Promotion expected = present();
  expected.title = "새 제목";
  expected.limit_join_count = 60;
  expected.reward_amount = 0;
  expected.end = parse_day("2025-07-05").value();
  EXPECT_EQ(encode_definition(patched->next), encode_definition(expected));
}

TEST(PatchPromotion, NullBringsBackTheDefault) {
  const auto patched = apply_patch(
      present(), at(Status::scheduled),
      R"({"content":null,"imageUrl":null,"dailyLimitJoinCount":null,"timezone":null,"joinTypes":null,"lottery":null})");
  ASSERT_TRUE(patched) << refusal_of(patched);
  Promotion expected = present();
  expected.content = std::nullopt;
  expected.image_url = std::nullopt;
  expected.daily_limit_join_count = std::nullopt;
  expected.timezone = "Asia/Seoul";
  expected.join_types.clear();
  EXPECT_EQ(encode_definition(patched->next), encode_definition(expected));
}

TEST(PatchPromotion, WhatIsRequiredCannotBeRemoved) {
  EXPECT_EQ(
      patching(
          Status::scheduled,
          R"({"title":null,"rewardAmount":null,"limitJoinCount":null,"startDate":null,"endDate":null,"status":null})"),
      "/title: is required; /rewardAmount: is required; /limitJoinCount: is required; /startDate: is required; "
      "/endDate: is required; /status: is required");
}

TEST(PatchPromotion, BeforeItBeginsEverythingButIdAndModeMayChange) {
  EXPECT_EQ(patching(Status::scheduled,
                     R"({"startDate":"2025-06-21","endDate":"2025-06-22","timezone":"UTC","joinTypes":[]})"),
            "accepted");
  EXPECT_EQ(
      patching(Status::draft, R"({"startDate":"2025-06-21","timezone":"UTC","joinTypes":[{"joinType":"FIRST_TIME"}]})"),
      "accepted");
  EXPECT_EQ(patching(Status::scheduled, R"({"id":"p","mode":"LIVE"})"),
            "/id: is fixed at creation; /mode: is fixed at creation");
  EXPECT_EQ(patching(Status::scheduled, R"({"id":null,"mode":null})"),
            "/id: is fixed at creation; /mode: is fixed at creation");
}

TEST(PatchPromotion, OnceBegunTheRulesOfTheGameStay) {
  const std::string why = ": cannot change once the promotion has begun";
  EXPECT_EQ(patching(Status::active, R"({"startDate":"2025-06-19"})"), "in progress: /startDate" + why);
  EXPECT_EQ(patching(Status::paused, R"({"timezone":"UTC"})"), "in progress: /timezone" + why);
  EXPECT_EQ(patching(Status::ended, R"({"joinTypes":[]})"), "in progress: /joinTypes" + why);
  EXPECT_EQ(patching(Status::active, R"({"joinTypes":[{"joinType":"LEADING","leadPromoId":["2"],"match":"ANY"}]})"),
            "in progress: /joinTypes" + why);
  EXPECT_EQ(patching(Status::active, R"({"startDate":"2025-06-19","timezone":"UTC","joinTypes":[]})"),
            "in progress: /startDate" + why + "; /timezone" + why + "; /joinTypes" + why);
}

TEST(PatchPromotion, RepeatingThePresentValueIsNoChange) {
  EXPECT_EQ(patching(Status::active, R"({"startDate":"2025-06-20","endDate":"2025-06-30","timezone":"Europe/Paris",
      "joinTypes":[{"leadPromoId":["2"],"match":"ALL","joinType":"LEADING"}]})"),
            "accepted");
}

TEST(PatchPromotion, TheEndMayMoveButNotIntoThePast) {
  EXPECT_EQ(patching(Status::active, R"({"endDate":"2025-06-25"})"), "accepted");
  EXPECT_EQ(patching(Status::active, R"({"endDate":"2025-06-24"})"), "/endDate: must not be before today, 2025-06-25");
  EXPECT_EQ(patching(Status::active, R"({"endDate":"2026-06-20"})"), "accepted");
  EXPECT_EQ(patching(Status::active, R"({"endDate":"2026-06-21"})"),
            "/endDate: the period must not be longer than 366 days");
  EXPECT_EQ(patching(Status::scheduled, R"({"endDate":"2025-06-19"})"), "/endDate: must not be before startDate");
  EXPECT_EQ(patching(Status::scheduled, R"({"startDate":"2025-07-01"})"), "/endDate: must not be before startDate");
  EXPECT_EQ(patching(Status::active, R"({"endDate":"soon"})"), "/endDate: must be a date, written YYYY-MM-DD");
}

TEST(PatchPromotion, ThePeriodKeepsADayInTheZonesCalendar) {
  const std::string none = "/endDate: the time zone skips every day of the period";
  EXPECT_EQ(
      patching(Status::scheduled, R"({"startDate":"2011-12-30","endDate":"2011-12-30","timezone":"Pacific/Apia"})"),
      none + "; /endDate: must not be before today, 2025-06-10");
  const Promotion skipped =
      decode_create(
          R"({"title":"T","rewardAmount":1,"limitJoinCount":1,"startDate":"2011-12-30","endDate":"2011-12-30"})")
          .value();
  const PatchContext before{.status = Status::scheduled, .begun = false, .today = parse_day("2011-12-01").value()};
  EXPECT_EQ(refusal_of(apply_patch(skipped, before, R"({"timezone":"Pacific/Apia"})")), none);
  EXPECT_EQ(refusal_of(apply_patch(skipped, before, R"({"timezone":"Pacific/Apia","endDate":"2011-12-31"})")),
            "accepted");
}

TEST(PatchPromotion, ValuesObeyTheSameRulesAsAtCreation) {
  EXPECT_EQ(patching(Status::active,
                     R"({"title":"","limitJoinCount":0,"rewardAmount":1.0,"imageUrl":"x","revision":2,"foo":1})"),
            "/title: must have 1 to 200 characters; /imageUrl: must be an http or https URL; "
            "/rewardAmount: must be an integer, written without fraction and exponent; "
            "/limitJoinCount: must be an integer from 1 to 1000000000000; "
            "/revision: read-only; /foo: unknown member");
  EXPECT_EQ(patching(Status::scheduled,
                     R"({"timezone":"Mars/Olympus","joinTypes":[{"joinType":"LEADING","leadPromoId":["p"]}]})"),
            "/timezone: must be a name of the IANA time zone database, such as Asia/Seoul; "
            "/joinTypes/0/leadPromoId/0: must not name the promotion itself");
}

TEST(PatchPromotion, WhetherItIsALotteryIsFixedWhichIsTheOneThingSaid) {
  const std::string fixed =
      "/lottery: whether a promotion is a lottery is fixed when it is created; register a new promotion";
  const Promotion lottery = decode_create(R"({"title":"L","startDate":"2025-06-20","endDate":"2025-06-30","lottery":{
    "grants":[{"cause":"VISIT","tickets":1}],"prizes":[{"prizeId":"p","name":"P","kind":"POINTS","value":1,"count":1}]}})")
                                .value();
  const char* const as_daily =
      R"({"lottery":null,"rewardAmount":5,"limitJoinCount":10,"dailyLimitJoinCount":2,"joinTypes":[{"joinType":"FIRST_TIME"}]})";
  const char* const as_lottery =
      R"({"lottery":{"grants":[]},"rewardAmount":null,"limitJoinCount":null,"dailyLimitJoinCount":null,"joinTypes":null})";
  for (const Status status : {Status::draft, Status::scheduled}) {
    EXPECT_EQ(refusal_of(apply_patch(lottery, at(status), R"({"lottery":null})")), fixed);
    EXPECT_EQ(refusal_of(apply_patch(lottery, at(status), as_daily)), fixed);
    EXPECT_EQ(patching(status, as_lottery), fixed);
  }
  EXPECT_EQ(patching(Status::active, as_lottery), fixed);
  EXPECT_EQ(patching(Status::scheduled, R"({"lottery":1,"title":"","foo":1})"),
            "/title: must have 1 to 200 characters; " + fixed + "; /foo: unknown member");

  // Of a lottery that has begun, this is one of the changes that it does not take any more.
  for (const char* const body : {R"({"lottery":null})", as_daily}) {
    EXPECT_EQ(refusal_of(apply_patch(lottery, at(Status::active), body)),
              "in progress: /lottery: cannot change once the promotion has begun");
  }
}

TEST(PatchPromotion, StatusChangesAsTheContractHasIt) {
  struct Row {
    Status present;
    const char* wanted;
    const char* refusal;
  };
  const std::vector<Row> rows{
      {Status::draft, "ACTIVE", "accepted"},
      {Status::draft, "PAUSED", "/status: cannot become PAUSED from DRAFT"},
      {Status::draft, "ENDED", "accepted"},
      {Status::scheduled, "ACTIVE", "/status: cannot become ACTIVE from SCHEDULED"},
      {Status::scheduled, "PAUSED", "/status: cannot become PAUSED from SCHEDULED"},
      {Status::scheduled, "ENDED", "accepted"},
      {Status::active, "ACTIVE", "/status: is ACTIVE already"},
      {Status::active, "PAUSED", "accepted"},
      {Status::active, "ENDED", "accepted"},
      {Status::paused, "ACTIVE", "accepted"},
      {Status::paused, "PAUSED", "/status: is PAUSED already"},
      {Status::paused, "ENDED", "accepted"},
      {Status::ended, "ACTIVE", "/status: cannot become ACTIVE from ENDED"},
      {Status::ended, "PAUSED", "/status: cannot become PAUSED from ENDED"},
      {Status::ended, "ENDED", "/status: is ENDED already"},
      {Status::active, "DRAFT", "/status: must be one of ACTIVE, PAUSED, ENDED"},
      {Status::draft, "SCHEDULED", "/status: must be one of ACTIVE, PAUSED, ENDED"},
      {Status::active, "ended", "/status: must be one of ACTIVE, PAUSED, ENDED"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(patching(row.present, std::string{"{\"status\":\""} + row.wanted + "\"}"), row.refusal)
        << windfall::name_of(row.present) << " to " << row.wanted;
  }
}

TEST(PatchPromotion, AStatusBecomesALifecycle) {
  const auto after = [](Status present_status, const char* body) {
    return apply_patch(present(), at(present_status), body).value();
  };
  EXPECT_EQ(after(Status::active, R"({"status":"PAUSED"})").next.lifecycle, Lifecycle::paused);
  EXPECT_EQ(after(Status::paused, R"({"status":"ACTIVE"})").next.lifecycle, Lifecycle::open);
  EXPECT_EQ(after(Status::draft, R"({"status":"ACTIVE"})").next.lifecycle, Lifecycle::open);
  EXPECT_EQ(after(Status::active, R"({"status":"ENDED"})").next.lifecycle, Lifecycle::ended);
  EXPECT_EQ(after(Status::active, R"({"status":"ENDED"})").requested_status, Status::ended);
}

TEST(PatchPromotion, OnlyALotteryHasASecondChance) {
  const std::string refusal = "/secondChance: only a lottery promotion has a second chance";
  EXPECT_EQ(patching(Status::active, R"({"status":"ENDED","secondChance":true})"), refusal);
  EXPECT_EQ(patching(Status::active, R"({"secondChance":false})"), refusal);
}

TEST(PatchPromotion, WhatIsNotJsonIsSaidSo) {
  EXPECT_EQ(patching(Status::active, "{"), "not JSON at line 1, column 2");
  EXPECT_EQ(patching(Status::active, "[]"), ": must be an object");
}

}  // namespace
}  // namespace windfall::codec
