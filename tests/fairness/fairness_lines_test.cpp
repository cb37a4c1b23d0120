// Lines of an export have one spelling: what is written is read back, anything else is refused.
#include "adapters/codec/fairness_lines.hpp"

#include <gtest/gtest.h>

#include "domain/deck/lotteries.hpp"
#include "fairness/export_story.hpp"

namespace windfall::codec {
namespace {

TEST(ExportLines, are_read_back_as_they_were_written) {
  fairness::Story story;
  fairness::tell(story, fairness::eventful());
  for (const ExportLine& line : story.lines) {
    std::string text;
    append_export_line(text, line);
    ASSERT_EQ(text.back(), '\n');
    const auto read = decode_export_line(std::string_view(text).substr(0, text.size() - 1));
    ASSERT_TRUE(read) << text << read.error();
    ASSERT_EQ(read->index(), line.index());
    std::string again;
    append_export_line(again, *read);
    ASSERT_EQ(again, text);
  }
}

TEST(ExportLines, are_spelled_like_this) {
  std::string text;
  append_export_line(text, ExportSegment{.segment = {7}, .quota = 3, .length = 30, .draws = 41});
  append_export_line(text, ExportDraw{.segment = {7}, .serial = 0, .user = {}});
  append_export_line(text, ExportDraw{.segment = {7}, .serial = 1, .user = {}, .prize = "americano"});
  append_export_line(text, ExportVoid{.segment = {7}, .serial = 1});
  append_export_line(text, ExportClosed{.second_chance = ExportClosed::SecondChance::yes, .pool = 9, .items = 2});
  append_export_line(text, ExportSecondWin{.number = 0, .user = {}, .prize = "grand"});
  append_export_line(text, ExportSecondVoid{.number = 0});
  append_export_line(text, ExportEnd{.draws = 41, .wins = 1, .second_wins = 2, .voided = 2, .shortfall = 3});
  EXPECT_EQ(text, R"({"type":"segment","segment":7,"quota":3,"length":30,"draws":41,"paused":false}
{"type":"draw","segment":7,"serial":0,"user":"00000000000000000000000000000000","outcome":"LOSE"}
{"type":"draw","segment":7,"serial":1,"user":"00000000000000000000000000000000","outcome":"WIN","prizeId":"americano"}
{"type":"void","segment":7,"serial":1}
{"type":"closed","secondChance":true,"pool":9,"items":2}
{"type":"second","number":0,"user":"00000000000000000000000000000000","prizeId":"grand"}
{"type":"void","second":0}
{"type":"end","draws":41,"wins":1,"secondWins":2,"voided":2,"shortfall":3}
)");
}

TEST(ExportLines, of_a_commitment_that_is_no_digest_are_refused) {
  fairness::Story story;
  fairness::tell(story, fairness::eventful());
  ExportHeader header = std::get<ExportHeader>(story.lines.front());
  for (const std::string& commitment :
       {std::string(), std::string(62, '0'), std::string(64, 'A'), std::string(64, '\x1b')}) {
    header.commitment = commitment;
    std::string text;
    append_export_line(text, header);
    const auto read = decode_export_line(std::string_view(text).substr(0, text.size() - 1));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error(), "is no header: /commitment: must be 64 lower-case hex digits");
  }
}

TEST(ExportLines, that_are_spelled_otherwise_are_refused) {
  for (
      const char* line : {
          "",
          "{}",
          "[]",
          "null",
          "\xff",
          R"({"type":"draw"})",
          R"({"type":"end","draws":1})",
          R"({"type":"void","segment":7,"serial":1} )",
          R"( {"type":"void","segment":7,"serial":1})",
          R"({"type":"void","segment":7, "serial":1})",
          R"({"type":"void","segment":07,"serial":1})",
          R"({"type":"void","segment":-7,"serial":1})",
          R"({"type":"void","segment":7.0,"serial":1})",
          R"({"type":"void","segment":7e0,"serial":1})",
          R"({"type":"void","segment":4294967296,"serial":1})",
          R"({"type":"void","segment":7,"serial":1000000000000000})",
          R"({"type":"void","segment":"7","serial":1})",
          R"({"type":"void","segment":,"serial":1})",
          R"({"type":"void","serial":1,"segment":7})",
          R"({"type":"void","segment":7,"serial":1,"serial":1})",
          R"({"type":"void","segment":7,"serial":1,"x":1})",
          R"({"type":"closed","secondChance":1,"pool":9,"items":2})",
          R"({"type":"closed","secondChance":"true","pool":9,"items":2})",
          R"({"type":"second","number":0,"user":"0000000000000000000000000000000","prizeId":"grand"})",
          R"({"type":"second","number":0,"user":"0000000000000000000000000000000A","prizeId":"grand"})",
          R"({"type":"second","number":0,"user":"00000000000000000000000000000000","prizeId":"\u0061"})",
          R"({"type":"second","number":0,"user":"00000000000000000000000000000000","prizeId":"grand})",
          "{\"type\":\"second\",\"number\":0,\"user\":\"00000000000000000000000000000000\",\"prizeId\":\"\xff\"}",
          "{\"type\":\"second\",\"number\":0,\"user\":\"00000000000000000000000000000000\",\"prizeId\":\"\x1b[2J\"}",
          R"({"type":"second","number":0,"user":"00000000000000000000000000000000","prizeId":""})",
          R"({"type":"draw","segment":7,"serial":0,"user":"00000000000000000000000000000000","outcome":"WIN"})",
          R"({"type":"draw","segment":7,"serial":0,"user":"00000000000000000000000000000000","outcome":"LOSE","prizeId":"a"})",
          R"({"type":"header","algorithm":"windfall-fairness-0","promotionId":"p","commitment":"","plan":"","seed":""})",
      }) {
    EXPECT_FALSE(decode_export_line(line)) << line;
  }
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(PublishedPlan, is_read_back_as_it_was_written) {
  for (const bool curve : {true, false}) {
    Lottery lottery = fairness::eventful().lottery;
    if (!curve) lottery.traffic_curve.reset();
    lottery.prizes[0].name = "\"따옴표\"\n\x01";
    lottery.expected_draws_per_day = curve ? std::nullopt : std::optional<std::int64_t>(5);
    const Plan plan = make_plan("p", test::period_of(4), lottery);
    const auto read = decode_plan(plan_text(plan));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, plan);
  }
}

TEST(PublishedPlan, that_is_not_one_is_refused_with_the_place) {
  const std::string plan = plan_text(make_plan("p", test::period_of(3), test::big_lottery()));
  const auto why = [](const std::string& text) {
    const auto read = decode_plan(text);
    return read ? "" : read.error();
  };
  EXPECT_EQ(why(plan), "");
  EXPECT_NE(why(replaced(plan, "{\"days\"", "{ \"days\"")), "");
  EXPECT_NE(why(replaced(plan, "\"segmentMinutes\":60", "\"segmentMinutes\":50")).find("/segmentMinutes"),
            std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"max\":500", "\"max\":0")).find("/winRatePermille/max"), std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"min\":1}", "\"min\":501}")).find("/winRatePermille/min"), std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"count\":10,", "\"count\":11,")).find("days hold 128401 items"), std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"count\":10,", "\"count\":4000000,")).find("/prizes"), std::string::npos);
  EXPECT_NE(why(replaced(plan, "2025-06-21", "2025-06-22")).find("/days/1/date"), std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"endDate\":\"2025-06-22\"", "\"endDate\":\"2025-06-23\"")).find("/days"),
            std::string::npos);
  EXPECT_NE(why(replaced(plan, "\"trafficCurve\":null", "\"trafficCurve\":[1]")).find("/trafficCurve"),
            std::string::npos);
  EXPECT_NE(
      why(replaced(plan, "\"trafficCurve\":null", "\"trafficCurve\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"))
          .find("/trafficCurve"),
      std::string::npos);
  EXPECT_NE(why(replaced(plan, "}}", "},\"x\":1}")).find("/x"), std::string::npos);
  EXPECT_NE(why("[]"), "");
  EXPECT_NE(why(""), "");
}

}  // namespace
}  // namespace windfall::codec
