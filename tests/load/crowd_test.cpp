// Who comes: the crowd of bench and the crowd of the demo.
#include "app/demo/crowd.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "app/load/answer.hpp"
#include "app/load/crowd_order.hpp"
#include "app/load/target.hpp"

namespace windfall {
namespace {

TEST(RepeatingCrowd, EndsOnceEveryUserHasComeAndATenthOfTheVisitsAreRepeats) {
  load::RepeatingCrowd crowd({.first_user = 1000, .users = 20'000, .repeats = 0.1});
  std::map<std::uint32_t, int> visits;
  int total = 0;
  while (const auto visit = crowd.next()) {
    ++visits[visit->user];
    ++total;
  }
  EXPECT_EQ(visits.size(), 20'000U);
  EXPECT_EQ(visits.begin()->first, 1000U);
  EXPECT_EQ(visits.rbegin()->first, 20'999U);
  EXPECT_NEAR(static_cast<double>(total - 20'000) / total, 0.1, 0.01);
}

TEST(RepeatingCrowd, TheSameSeedBringsTheSameUsers) {
  load::RepeatingCrowd one({.repeats = 0.5, .seed = 7});
  load::RepeatingCrowd other({.repeats = 0.5, .seed = 7});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(one.next()->user, other.next()->user);
}

TEST(DemoCrowd, EveryoneWantsTheMainPromotionAndMostTakeAllLeadsLongBefore) {
  constexpr std::uint32_t kUsers = 4000;
  const std::vector<load::Visit> visits = demo::plan_visits(kUsers, 1);
  std::map<std::uint32_t, std::set<std::uint32_t>> leads;
  std::set<std::uint32_t> wanted;
  std::size_t earned = 0;
  std::size_t nearest = visits.size();
  std::map<std::uint32_t, std::size_t> last_lead;
  for (std::size_t at = 0; at < visits.size(); ++at) {
    const auto [path, user] = visits[at];
    ASSERT_LT(path, demo::kPromotions);
    ASSERT_LT(user, kUsers);
    if (path != demo::kMain) {
      if (leads[user].insert(path).second) last_lead[user] = at;
    } else if (wanted.insert(user).second && leads[user].size() == demo::kPromotions - 1) {
      ++earned;
      nearest = std::min(nearest, at - last_lead[user]);
    }
  }
  EXPECT_EQ(wanted.size(), kUsers);
  EXPECT_GT(earned, kUsers * 5 / 8) << "fewer earn their way than there is stock: it would not sell out";
  EXPECT_LT(earned, kUsers) << "nobody would be refused by the rule";
  EXPECT_GT(nearest, visits.size() / 50) << "a lead's answer may not be there yet";
}

class PeopleToldOf503 : public testing::Test {
 protected:
  using Clock = demo::ComingAgain::Clock;
  static constexpr load::Visit kVisit{.path = 2, .user = 7};
  static load::Arrived answer(int status, std::string_view body = {}) {
    return {.visit = kVisit, .status = status, .code = {}, .body = body};
  }
  demo::ComingAgain again_{Clock::now() + std::chrono::hours(1)};
};

TEST_F(PeopleToldOf503, ComeAgainAfterEverybodyElseAtTheLatest) {
  EXPECT_FALSE(again_.arrived(answer(503)));
  EXPECT_FALSE(again_.next(false)) << "at once";
  const auto back = again_.next(true);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, kVisit.path);
  EXPECT_EQ(back->user, kVisit.user);
  EXPECT_FALSE(again_.next(true)) << "a second time";
}

TEST_F(PeopleToldOf503, AreCertainThatNothingHadBeenDoneOnceTheyAreAcceptedOrToldThatTheyHadNotJoined) {
  EXPECT_FALSE(again_.arrived(answer(503)));
  EXPECT_FALSE(again_.arrived(answer(201)));
  EXPECT_FALSE(again_.arrived(answer(503)));
  EXPECT_FALSE(again_.arrived(answer(409, R"({"code":"SOLD_OUT","alreadyParticipated":false})")));
  EXPECT_TRUE(again_.unanswered().empty());
}

TEST_F(PeopleToldOf503, CannotTellWhetherTheyAreIncludedInWhatARefusalSpeaksOf) {
  EXPECT_FALSE(again_.arrived(answer(409))) << "nobody was told 503 yet";
  EXPECT_FALSE(again_.arrived(answer(503)));
  EXPECT_TRUE(again_.arrived(answer(409, R"({"code":"ALREADY_PARTICIPATED"})")));
  EXPECT_FALSE(again_.arrived(answer(409))) << "once is enough";
}

TEST_F(PeopleToldOf503, StayUnansweredIfTheirTimeIsOver) {
  demo::ComingAgain late(Clock::now());
  EXPECT_FALSE(late.arrived(answer(503)));
  EXPECT_FALSE(late.next(true));
  EXPECT_EQ(late.unanswered().count({kVisit.path, kVisit.user}), 1U);
}

TEST(Target, ReadsHostPortAndPath) {
  const auto target = load::resolve("http://127.0.0.1:8080/v1/dev/partner/book/");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->authority, "127.0.0.1:8080");
  EXPECT_EQ(target->path, "/v1/dev/partner/book");
  EXPECT_TRUE(load::resolve("http://[::1]:80"));
}

TEST(Target, RefusesWhatItCannotSpeak) {
  for (const char* url : {"https://127.0.0.1", "127.0.0.1:8080", "http://", "http://:80", "http://127.0.0.1:", ""}) {
    const auto target = load::resolve(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code, FailureCode::invalid) << url;
  }
}

TEST(Answer, IsWholeOnlyWithItsLastByte) {
  const std::string_view text =
      "HTTP/1.1 409 Conflict\r\nDate: x\r\ncontent-length:  20\r\n\r\n{\"code\" : \"SOLD_OUT\"}";
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    ASSERT_FALSE(load::whole_answer(text.substr(0, size))) << size;
  }
  const auto answer = load::whole_answer(text);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(load::problem_code(answer->body), "SOLD_OUT");
}

TEST(Answer, ABodyWithoutACodeHasNone) {
  for (const char* body : {"", "{}", "{\"code\"", "{\"code\":", "{\"code\":7}", "{\"codes\":\"X\"}"}) {
    EXPECT_EQ(load::problem_code(body), "") << body;
  }
}

}  // namespace
}  // namespace windfall
