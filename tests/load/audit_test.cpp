// The audit finds each kind of difference, and nothing in books that agree.
#include "app/load/audit.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "adapters/codec/json_in.hpp"

namespace windfall::load {
namespace {

const Cast kCast{.promotions = {"1", "2"}, .user_prefix = "u-"};

std::string event_of(int number) { return fmt::format("00000000-0000-7000-8000-{:012}", number); }

/// Users 0..n-1 join promotion "1", each for 500.
Answers answers_of(int users) {
  Answers answers;
  for (int user = 0; user < users; ++user) {
    const std::string body = fmt::format(
        R"({{"promotionId":"1","day":"2025-06-21","rewardAmount":500,"accrual":"PENDING","accrualEventId":"{}"}})",
        event_of(user));
    answers.add({.visit = {.path = 0, .user = static_cast<std::uint32_t>(user)}, .status = 201, .body = body});
  }
  return answers;
}

std::string entry(int event, std::string_view user, int amount = 500, int times = 1, std::string_view promotion = "1") {
  return fmt::format(R"({{"eventId":"{}","userId":"{}","promotionId":"{}","amount":{},"times":{}}})", event_of(event),
                     user, promotion, amount, times);
}

std::vector<std::string> kinds_in_book(const Answers& answers, const std::vector<std::string>& entries) {
  const auto book = codec::parse_json(fmt::format(R"({{"entries":[{}]}})", fmt::join(entries, ",")));
  std::vector<Difference> found;
  compare_book(book.value(), kCast, answers, found);
  std::vector<std::string> kinds;
  for (const Difference& one : found) kinds.push_back(one.kind);
  return kinds;
}

std::vector<std::string> kinds_in_counts(const Answers& answers, const Stats& before, const Stats& after) {
  std::vector<Difference> found;
  compare_counts(kCast, answers, {.promotion = 0, .before = before, .after = after}, found);
  std::vector<std::string> kinds;
  for (const Difference& one : found) kinds.push_back(one.kind);
  return kinds;
}

using Kinds = std::vector<std::string>;

TEST(Audit, BooksThatAgreeHaveNoDifference) {
  EXPECT_EQ(kinds_in_book(answers_of(2), {entry(0, "u-0"), entry(1, "u-1")}), Kinds{});
  EXPECT_EQ(kinds_in_counts(answers_of(2), {.joins = 5, .left = 10}, {.joins = 7, .left = 8}), Kinds{});
}

TEST(Audit, AnAcceptedJoinThatWasNeverBookedIsMissing) {
  EXPECT_EQ(kinds_in_book(answers_of(2), {entry(1, "u-1")}), Kinds{"BOOK_MISSING"});
}

TEST(Audit, ABookingThatNobodyWasToldOfIsExtra) {
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0"), entry(9, "u-9")}), Kinds{"BOOK_EXTRA"});
}

TEST(Audit, TheSameEventOnTwoLinesIsExtra) {
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0"), entry(0, "u-0")}), Kinds{"BOOK_EXTRA"});
}

TEST(Audit, BookedTwiceUnderOneKeyIsSeen) {
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0", 500, 2)}), Kinds{"BOOK_TWICE"});
}

TEST(Audit, AnotherUserPromotionOrAmountIsWrong) {
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-1")}), Kinds{"BOOK_WRONG"});
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0", 501)}), Kinds{"BOOK_WRONG"});
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0", 500, 1, "2")}), Kinds{"BOOK_WRONG"});
}

TEST(Audit, SomebodyElsesBookingsAreNoneOfOurs) {
  EXPECT_EQ(kinds_in_book(answers_of(1), {entry(0, "u-0"), entry(7, "someone"), entry(8, "u-8", 1, 1, "other")}),
            Kinds{});
}

TEST(Audit, ALostAnswerAllowsOneBookingAndNoSecond) {
  Answers answers = answers_of(1);
  answers.add({.visit = {.path = 0, .user = 5}});
  EXPECT_EQ(kinds_in_book(answers, {entry(0, "u-0")}), Kinds{});
  EXPECT_EQ(kinds_in_book(answers, {entry(0, "u-0"), entry(5, "u-5")}), Kinds{});
  EXPECT_EQ(kinds_in_book(answers, {entry(0, "u-0"), entry(5, "u-5"), entry(6, "u-5")}), Kinds{"BOOK_EXTRA"});
}

TEST(Audit, TheServersCountMustBeTheAnswersWithRoomForLostOnes) {
  Answers answers = answers_of(2);
  EXPECT_EQ(kinds_in_counts(answers, {.left = 9}, {.joins = 1, .left = 8}), Kinds{"JOINS"});
  EXPECT_EQ(kinds_in_counts(answers, {.left = 9}, {.joins = 3, .left = 6}), Kinds{"JOINS"});
  answers.add({.visit = {.path = 0, .user = 5}});
  EXPECT_EQ(kinds_in_counts(answers, {.left = 9}, {.joins = 3, .left = 6}), Kinds{});
  EXPECT_EQ(kinds_in_counts(answers, {.left = 9}, {.joins = 4, .left = 5}), Kinds{"JOINS"});
}

TEST(Audit, StockThatLeavesOtherwiseThanByJoinsIsSeen) {
  EXPECT_EQ(kinds_in_counts(answers_of(2), {.left = 9}, {.joins = 2, .left = 6}), Kinds{"STOCK"});
  EXPECT_EQ(kinds_in_counts(answers_of(2), {.left = 1}, {.joins = 2, .left = -1}), Kinds{"STOCK"});
}

TEST(Audit, AUserAcceptedTwiceADayIsSeenAndOneOnTwoDaysIsNot) {
  for (const char* day : {"2025-06-21", "2025-06-22"}) {
    Answers answers = answers_of(1);
    const std::string body =
        fmt::format(R"({{"day":"{}","rewardAmount":500,"accrual":"PENDING","accrualEventId":"{}"}})", day, event_of(1));
    answers.add({.visit = {.path = 0, .user = 0}, .status = 201, .body = body});
    const Kinds expected = std::string_view(day) == "2025-06-21" ? Kinds{"JOINED_TWICE"} : Kinds{};
    EXPECT_EQ(kinds_in_counts(answers, {.left = 9}, {.joins = 2, .left = 7}), expected) << day;
  }
}

TEST(Audit, A201ThatIsNoParticipationIsADifference) {
  Answers answers;
  answers.add({.visit = {.path = 0, .user = 0}, .status = 201, .body = "{}"});
  EXPECT_EQ(kinds_in_counts(answers, {.left = 1}, {.joins = 0, .left = 1}), Kinds{"ANSWERS"});
}

TEST(Audit, TheLedgersOwnDifferencesAndAMissingPromotionAreTakenOver) {
  const auto reconciliation =
      codec::parse_json(R"({"promotions":[{"promotionId":"1","joins":{"hotState":2,"ledger":1}}],)"
                        R"("differences":[{"promotionId":"1","kind":"SPEND","expected":1000,"found":500}]})");
  std::vector<Difference> found;
  compare_ledger(reconciliation.value(), kCast, found);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].detail, "SPEND: 1000 expected, 500 found");
  EXPECT_EQ(found[1].detail, "2 joins decided, 1 in the ledger");
  EXPECT_EQ(found[2].promotion, "2");
}

TEST(Audit, OfManyDifferencesSomeAreListed) {
  std::string out;
  append_differences(out, std::vector<Difference>(100, {.kind = "JOINS", .promotion = "1", .detail = "\"x\""}));
  const auto list = codec::parse_json(out);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->get_if<codec::JsonValue::Array>()->size(), kListed);
}

}  // namespace
}  // namespace windfall::load
