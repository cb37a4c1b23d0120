// What customer service reads of a person: the order, the sums and the sentence.
#include "adapters/http/api/timeline.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

namespace windfall::http {
namespace {

std::string prize_name(std::string_view /*promotion_id*/, std::uint32_t prize) {
  return prize == 0 ? "Coffee" : "Points";
}

constexpr Instant kNow{100'000};

TicketEntry grant(std::int64_t seq, GrantCause cause, std::int64_t tickets, std::string other = "") {
  return {.seq = seq,
          .type = TicketEntry::Type::grant,
          .at = {1000 * seq},
          .promotion_id = "lot",
          .cause = cause,
          .tickets = tickets,
          .other_user = std::move(other)};
}
DrawRow drawn(std::int64_t seq, std::optional<std::uint32_t> prize = std::nullopt) {
  return {.seq = seq, .at = {1000 * seq}, .promotion_id = "lot", .user_id = "u", .prize = prize};
}
TicketEntry entry_of(const DrawRow& draw) {
  return {.seq = draw.seq, .type = TicketEntry::Type::draw, .at = draw.at, .promotion_id = "lot", .tickets = -1};
}

/// Three granted, one given by an operator, one taken back, two drawn, one of them won.
History story() {
  History history;
  history.draws = {drawn(3), drawn(6, 0)};
  history.tickets = {grant(1, GrantCause::visit, 1),
                     grant(2, GrantCause::invite_sent, 2, "friend"),
                     entry_of(history.draws[0]),
                     grant(4, GrantCause::adjustment, 1),
                     {.seq = 5,
                      .type = TicketEntry::Type::revocation,
                      .at = {5000},
                      .promotion_id = "lot",
                      .cause = GrantCause::adjustment,
                      .tickets = -1,
                      .reason = "by mistake"},
                     entry_of(history.draws[1])};
  return history;
}

std::vector<std::string> lines_of(const History& history, std::string_view promotion_id = "") {
  std::vector<std::string> lines;
  for (const TimelineItem& item : timeline_of(history, promotion_id, prize_name, kNow)) {
    lines.push_back(std::string(item.type) + " " + item.cause + " " + std::to_string(item.tickets) + " " + item.detail);
  }
  return lines;
}

TEST(Timeline, ExplainsEveryTicketAndAddsUpToWhatIsHeld) {
  const History history = story();
  EXPECT_EQ((std::vector<std::string>{"GRANT VISIT 1 ", "GRANT INVITE_SENT 2 friend", "DRAW TICKET -1 LOSE",
                                      "ADJUSTMENT ADJUSTMENT 1 ", "ADJUSTMENT ADJUSTMENT -1 by mistake",
                                      "DRAW TICKET -1 WIN, Coffee"}),
            lines_of(history));
  const TicketSum sum = sum_of(history);
  EXPECT_EQ(4, sum.granted);
  EXPECT_EQ(2, sum.drawn);
  EXPECT_EQ(1, sum.revoked);
  const std::vector<TimelineItem> items = timeline_of(history, "", prize_name, kNow);
  EXPECT_EQ(sum.held(),
            std::accumulate(items.begin(), items.end(), std::int64_t{0},
                            [](std::int64_t held, const TimelineItem& item) { return held + item.tickets; }));
}

TEST(Timeline, WhatAPersonIsGivenOfTheirOwnNamesNobodyElse) {
  History history = story();
  history.tickets.push_back(grant(7, GrantCause::invite_opened, 1, "inviter"));
  for (const TimelineItem& item : without_others(timeline_of(history, "", prize_name, kNow))) {
    EXPECT_NE(item.detail, "friend");
    EXPECT_NE(item.detail, "inviter");
    if (item.tickets < 0 && item.cause == "ADJUSTMENT") EXPECT_EQ(item.detail, "by mistake");
  }
}

TEST(Timeline, KeepsTheOrderOfDecisionWithinOneMoment) {
  History history = story();
  for (TicketEntry& entry : history.tickets) entry.at = {7};
  for (DrawRow& draw : history.draws) draw.at = {7};
  EXPECT_EQ(lines_of(story()), lines_of(history));
}

TEST(Timeline, ASecondChanceTakesNoTicket) {
  History history;
  history.draws = {drawn(1)};
  history.tickets = {grant(0, GrantCause::visit, 1), entry_of(history.draws[0])};
  DrawRow second = drawn(2, 1);
  second.place.segment = WinPlace::kSecondChance;
  history.draws.push_back(second);
  EXPECT_EQ("DRAW SECOND_CHANCE 0 WIN, Points", lines_of(history).back());
  EXPECT_EQ(1, sum_of(history).drawn);
  EXPECT_EQ(0, sum_of(history).held());
}

TEST(Timeline, TellsRewardsNotificationsAndCoupons) {
  History history;
  history.rewards = {
      {.at = {1}, .promotion_id = "lot", .amount = 100, .state = "DONE"},
      {.at = {2}, .promotion_id = "lot", .state = "DEAD", .last_error = "400", .kind = EffectKind::notification_win},
      {.at = {3},
       .promotion_id = "lot",
       .amount = 2,
       .state = "DONE",
       .kind = EffectKind::notification_ticket_granted}};
  history.coupons = {{.draw = drawn(9, 0)}};
  EXPECT_EQ((std::vector<std::string>{"REWARD  0 DONE, 100", "NOTIFICATION WIN 0 FAILED, 400",
                                      "NOTIFICATION TICKET_GRANTED 0 DONE", "REWARD GIFTICON 0 PENDING_CODE, Coffee"}),
            lines_of(history));
  history.coupons[0].ordinal = 4;
  history.coupons[0].issued_at = Instant{9001};
  EXPECT_EQ("REWARD GIFTICON 0 ISSUED, Coffee", lines_of(history).back());
  history.coupons[0].expires_at = kNow;
  EXPECT_EQ("REWARD GIFTICON 0 EXPIRED, Coffee", lines_of(history).back());
  history.coupons[0].used_at = Instant{9002};
  EXPECT_EQ("REWARD GIFTICON 0 USED, Coffee", lines_of(history).back());
  history.coupons[0].draw.voided = true;
  EXPECT_EQ("REWARD GIFTICON 0 VOID, Coffee", lines_of(history).back());
}

TEST(Timeline, TellsACouponOfATestAsItsOwnerSeesIt) {
  History history;
  history.coupons = {{.draw = drawn(9, 0), .expires_at = Instant{kNow.ms + 1}}};
  history.coupons[0].draw.test = true;
  EXPECT_EQ("REWARD GIFTICON 0 ISSUED, Coffee", lines_of(history).back());
  history.coupons[0].expires_at = kNow;
  EXPECT_EQ("REWARD GIFTICON 0 EXPIRED, Coffee", lines_of(history).back());
  history.coupons[0].draw.test = false;
  EXPECT_EQ("REWARD GIFTICON 0 PENDING_CODE, Coffee", lines_of(history).back()) << "what waits does not expire";
}

TEST(Timeline, LimitsRefusalsToThePromotionThatWasAskedAbout) {
  History history;
  history.refusals = {{.at = {2}, .promotion_id = "lot", .code = "NO_TICKET", .detail = ""},
                      {.at = {1}, .promotion_id = "other", .code = "SOLD_OUT", .detail = "DAY"}};
  EXPECT_EQ((std::vector<std::string>{"REFUSED SOLD_OUT 0 DAY", "REFUSED NO_TICKET 0 "}), lines_of(history));
  EXPECT_EQ((std::vector<std::string>{"REFUSED NO_TICKET 0 "}), lines_of(history, "lot"));
  EXPECT_NE(std::string::npos, told(history, {.promotion_id = "other"}).en.find("Sold out (the stock of the day)"));
  EXPECT_EQ(std::string::npos, told(history, {.promotion_id = "other"}).en.find("No ticket"));
}

TEST(TimelineAnswer, SaysHowManyTicketsHowTheyCameAboutAndWhatWasDrawn) {
  const Told answer = told(story(), {.lottery = true});
  EXPECT_EQ(
      "지금 응모권 1장을 가지고 계십니다. 지금까지 4장이 지급되었고(첫 방문 1장, 친구 초대 2장, 고객센터 조정 1장), "
      "2장을 추첨에 쓰셨습니다. "
      "1장은 회수되었습니다. 당첨은 1건입니다.",
      answer.ko);
  EXPECT_EQ(
      "You hold 1 ticket. So far 4 were granted (first visit 1, inviting friends 2, adjusted by customer service 1) "
      "and 2 drawn. "
      "1 was taken back. 1 prize was won.",
      answer.en);
}

TEST(TimelineAnswer, SaysThatAProvisionalTicketIsStillOnItsWay) {
  const Told answer = told(History{}, {.lottery = true, .provisional = {{.tickets = 1}}});
  EXPECT_NE(std::string::npos, answer.ko.find("아직 처리 중")) << answer.ko;
  EXPECT_NE(std::string::npos, answer.en.find("still being processed")) << answer.en;
}

TEST(TimelineAnswer, PromisesNothingToWhoIsBlocked) {
  const Told answer = told(History{}, {.lottery = true, .provisional = {{.tickets = 3}}, .blocked = true});
  EXPECT_EQ("응모권 3장은 잠정적으로 표시될 뿐이며, 참여가 제한된 사용자이므로 지급되지 않습니다.", answer.ko);
  EXPECT_EQ("3 tickets are shown provisionally and will not be granted: you are on the block list.", answer.en);
}

TEST(TimelineAnswer, SaysPlainlyThatNothingWasGranted) {
  const Told answer = told(History{}, {.lottery = true});
  EXPECT_NE(std::string::npos, answer.ko.find("지급된 응모권은 없습니다")) << answer.ko;
  EXPECT_NE(std::string::npos, answer.en.find("You hold 0 tickets")) << answer.en;
}

TEST(TimelineAnswer, OfADailyPromotionTellsJoinsAndAccruals) {
  History history;
  history.joins = {{.user_id = "u", .promotion_id = "1", .amount = 500}};
  history.rewards = {{.promotion_id = "1", .amount = 500, .state = "DONE"},
                     {.promotion_id = "1", .amount = 500, .state = "UNKNOWN"}};
  const Told answer = told(history, {});
  EXPECT_EQ("프로모션에 1번 참여하셨습니다. 적립 1건(500포인트)이 완료되었습니다. 처리 중인 적립이 1건 있습니다.",
            answer.ko);
  EXPECT_EQ("You have joined 1 time. 1 accrual is done (500 points). 1 is on its way.", answer.en);
}

TEST(TimelineAnswer, OfWhatWasGivenUpItDoesNotSayThatItIsOnItsWay) {
  History history;
  history.joins = {{.user_id = "u", .promotion_id = "1", .amount = 500}};
  history.rewards = {{.promotion_id = "1", .amount = 500, .state = "DEAD"}};
  const Told answer = told(history, {});
  EXPECT_EQ(std::string::npos, answer.en.find("on its way")) << answer.en;
  EXPECT_NE(std::string::npos, answer.en.find("1 accrual has failed and an operator")) << answer.en;
  EXPECT_NE(std::string::npos, answer.ko.find("적립 1건은 실패하여")) << answer.ko;
}

TEST(TimelineAnswer, TellsWinsThatWereTakenBack) {
  History history;
  history.draws = {drawn(1, 0), drawn(2, 1), drawn(3)};
  history.tickets = {grant(0, GrantCause::visit, 3), entry_of(history.draws[0]), entry_of(history.draws[1]),
                     entry_of(history.draws[2])};
  history.draws[0].voided = true;
  const Told one = told(history, {.lottery = true});
  EXPECT_NE(std::string::npos, one.ko.find("당첨 2건 가운데 1건은 취소되었습니다.")) << one.ko;
  EXPECT_NE(std::string::npos, one.en.find("1 of 2 wins was taken back.")) << one.en;
  history.draws[1].voided = true;
  const Told all = told(history, {.lottery = true});
  EXPECT_NE(std::string::npos, all.ko.find("당첨 2건은 모두 취소되었습니다.")) << all.ko;
  EXPECT_NE(std::string::npos, all.en.find("All 2 wins were taken back.")) << all.en;
}

TEST(TimelineAnswer, GivesReasonsInWords) {
  History history;
  const auto said = [&](const char* code, const char* detail) {
    history.refusals = {{.at = {1}, .promotion_id = "lot", .code = code, .detail = detail}};
    return told(history, {.lottery = true});
  };
  EXPECT_TRUE(said("ALREADY_WON", "").ko.ends_with("마지막 시도는 다음 사유로 거절되었습니다: 이미 당첨되셨습니다."));
  EXPECT_TRUE(said("ALREADY_WON", "").en.ends_with("The last attempt was refused: Already won."));
  EXPECT_TRUE(said("CONDITION_NOT_MET", "SEGMENT").ko.ends_with("참여 조건에 맞지 않습니다(대상 고객)."));
  EXPECT_TRUE(said("ALREADY_PARTICIPATED", "2025-06-21").en.ends_with("Already joined today (2025-06-21)."));
  EXPECT_TRUE(said("OWN_LINK", "").ko.ends_with("본인의 초대 링크입니다."));
}

TEST(TimelineAnswer, TellsOfCouponsThatWait) {
  History history;
  history.draws = {drawn(1, 0)};
  history.coupons = {{.draw = history.draws[0]}};
  const Told answer = told(history, {.lottery = true});
  EXPECT_NE(std::string::npos, answer.ko.find("쿠폰 1장은 코드를 준비하고 있으며")) << answer.ko;
  EXPECT_NE(std::string::npos, answer.en.find("1 coupon is still waiting for its code")) << answer.en;
  history.coupons[0].ordinal = 1;
  EXPECT_EQ(std::string::npos, told(history, {.lottery = true}).en.find("coupon"));
}

TEST(TimelineAnswer, WritesLargeNumbersInGroups) {
  History history;
  history.rewards = {{.promotion_id = "1", .amount = 1'000'000, .state = "DONE"}};
  EXPECT_NE(std::string::npos, told(history, {}).ko.find("(1,000,000포인트)"));
  EXPECT_NE(std::string::npos, told(history, {}).en.find("(1,000,000 points)"));
  history.rewards[0].amount = 999;
  EXPECT_NE(std::string::npos, told(history, {}).ko.find("(999포인트)"));
}

TEST(TimelineAnswer, OfAnErasedPersonItCountsNothing) {
  const Told answer = told({.erased = true}, {.lottery = true});
  EXPECT_EQ("개인정보가 삭제되어 그 이전의 내역은 안내해 드릴 수 없습니다.", answer.ko);
  EXPECT_EQ("Your personal data have been erased: what was before can no longer be told.", answer.en);
}

TEST(TimelineAnswer, NamesThePromotionOfAProvisionalTicketWhereNoneWasAskedAbout) {
  const Told answer = told(History{}, {.provisional = {{.title = "주사위", .tickets = 1}}});
  EXPECT_EQ("“주사위” 응모권 1장은 아직 처리 중이라 잠정적으로 표시되며, 지급이 끝나면 추첨에 쓸 수 있습니다.",
            answer.ko);
  EXPECT_EQ(
      "1 ticket of “주사위” is still being processed: shown provisionally, and ready to be drawn as soon as the grant "
      "is "
      "done.",
      answer.en);
}

}  // namespace
}  // namespace windfall::http
