// What time does to a lottery: segments open, the end comes, what is left is given out; whatever dies in between.
#include "domain/lottery/closing.hpp"

#include <numeric>

#include "domain/deck/lotteries.hpp"
#include "season/life.hpp"

namespace windfall::test {
namespace {

constexpr std::uint32_t kPrizes = 600;
constexpr std::uint64_t kPeople = 900;
constexpr std::int64_t kSecond = 1000;
/// Midnight of kFirst in Seoul.
constexpr Instant kFirstMidnight{kNoon.ms - (12 * kHour)};
constexpr Instant kEnd{kFirstMidnight.ms + (2 * kDay)};

/// Two days of one segment each, one ticket a visit.
Promotion two_days() {
  Promotion p;
  p.id = "1";
  p.title = "추첨";
  p.start = kFirst;
  p.end = LocalDay{kFirst.days + 1};
  p.timezone = "Asia/Seoul";
  Lottery lottery;
  lottery.grants = {VisitGrant{}};
  lottery.segment_minutes = kMinutesPerDay;
  lottery.prizes = {coupon("americano", kPrizes)};
  p.lottery = std::move(lottery);
  p.secrets = {.sealed_seed = "1", .plan_end = p.end, .published = kNoon};
  return p;
}
Promotion hourly() {
  Promotion p = two_days();
  p.lottery->segment_minutes = 60;
  return p;
}
Promotion ended_by_operator(Instant at, bool second_chance) {
  Promotion p = two_days();
  p.lifecycle = Lifecycle::ended;
  p.secrets.ended = at;
  p.secrets.second_chance = second_chance;
  return p;
}

std::int64_t draw_all(Life& life, std::uint64_t people = kPeople, std::uint64_t from = 1) {
  std::int64_t wins = 0;
  for (std::uint64_t who = from; who <= people; ++who) wins += life.visit_and_draw(who) ? 1 : 0;
  return wins;
}

std::vector<Event> events_of(const std::vector<std::string>& log, std::size_t from) {
  std::vector<Event> events;
  for (std::size_t i = from; i < log.size(); ++i) {
    std::string_view rest = log[i];
    while (!rest.empty()) events.push_back(codec::decode(rest).value().event);
  }
  return events;
}
template <class E>
std::int64_t count(const std::vector<Event>& events) {
  return std::ranges::count_if(events, [](const Event& event) { return std::holds_alternative<E>(event); });
}

TEST(SegmentsTest, OpenThoughNobodyDraws) {
  Outside outside;
  Life life(outside);
  life.create(hourly());
  EXPECT_EQ(life.open_segments(), "1 lotteries turned");
  EXPECT_EQ(life.at(keys::segment(kFirstPartition)), 12 + 1) << "noon";
  EXPECT_EQ(life.open_segments(), "nothing due");
  outside.time.advance(kHour - 1);
  EXPECT_EQ(life.open_segments(), "nothing due");
  outside.time.advance(1);
  EXPECT_EQ(life.open_segments(), "1 lotteries turned");
  EXPECT_EQ(life.at(keys::segment(kFirstPartition)), 13 + 1);
}

TEST(SegmentsTest, ThatNobodyWasThereForStayClosed) {
  Outside outside;
  Life life(outside);
  life.create(hourly());
  (void)life.open_segments();
  const std::size_t before = outside.log.size();
  outside.time.set(later(kNoon, 25 * kHour));
  EXPECT_EQ(life.open_segments(), "1 lotteries turned");
  const std::vector<Event> events = events_of(outside.log, before);
  ASSERT_EQ(events.size(), 1U);
  const auto& opened = std::get<SegmentOpened>(events.front());
  EXPECT_EQ(opened.segment, 24U + 13U);
  EXPECT_EQ(opened.previous, 12);
  EXPECT_EQ(opened.quota, (kPrizes / 2) + (kPrizes / 2 * 14 / 24)) << "everything that lay before";
}

TEST(SegmentsTest, ThatWerePausedAreNotedOnceEach) {
  Outside outside;
  Life life(outside);
  Promotion paused = hourly();
  paused.lifecycle = Lifecycle::paused;
  life.create(paused);
  EXPECT_EQ(life.open_segments(), "1 lotteries turned");
  EXPECT_EQ(life.open_segments(), "nothing due");
  outside.time.advance(kHour);
  EXPECT_EQ(life.open_segments(), "1 lotteries turned");
  EXPECT_EQ(life.at(keys::paused_in(kFirstPartition, 12)), 1);
  EXPECT_EQ(life.at(keys::paused_in(kFirstPartition, 13)), 1);
  EXPECT_EQ(life.at(keys::segment(kFirstPartition)), 0) << "nothing opens while it is paused";
  life.redefine(hourly());
  (void)life.open_segments();
  EXPECT_TRUE(life.ledger().segments(kFirstPartition)->back().paused) << "the pause came before the opening";
}

TEST(SegmentsTest, OpenNeitherBeforeTheStartNorAfterTheEnd) {
  Outside outside;
  Life life(outside);
  life.create(hourly());
  outside.time.set(Instant{kFirstMidnight.ms - 1});
  life.store().let_definitions_move_back();
  EXPECT_EQ(life.open_segments(), "nothing due");
  outside.time.set(kEnd);
  EXPECT_EQ(life.open_segments(), "nothing due");
}

TEST(ClosingTest, ByDateHoldsTheSecondChanceAMinuteLater) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  const std::int64_t wins = draw_all(life);
  ASSERT_GT(wins, 0);
  outside.time.set(later(kEnd, -1));
  EXPECT_EQ(life.close(), "nothing due");
  outside.time.set(kEnd);
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.at(keys::closed(kFirstPartition)), kClosedSecondChance);
  outside.time.set(later(kEnd, (60 * kSecond) - 1));
  EXPECT_EQ(life.close(), "nothing due");
  EXPECT_EQ(life.at(keys::second_stage(kFirstPartition)), 0);
  outside.time.set(later(kEnd, 60 * kSecond));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.at(keys::second_stage(kFirstPartition)), kSecondOver);
  EXPECT_EQ(life.at(keys::second(kFirstPartition)), std::int64_t{kPrizes} - wins);
  EXPECT_EQ(life.ledger().shortfall(), 0);
  EXPECT_EQ(life.close(), "nothing due");
}

TEST(ClosingTest, GivesWhatIsLeftToPeopleWhoLostInTheCommittedOrder) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  const std::int64_t wins = draw_all(life);
  const auto pool = life.ledger().second_chance_pool(kFirstPartition, 1).value();
  EXPECT_EQ(static_cast<std::int64_t>(pool.size()), static_cast<std::int64_t>(kPeople) - wins);
  outside.time.set(later(kEnd, 60 * kSecond));
  const std::size_t before = outside.log.size();
  (void)life.close();
  const Seed seed = simulate::NumberedSeeds(7).open("1", "").value();
  std::vector<std::uint32_t> items(kPrizes - static_cast<std::uint32_t>(wins));
  std::iota(items.begin(), items.end(), static_cast<std::uint32_t>(wins));
  const SecondChanceList right = second_chance_list(seed, pool, items);
  std::uint32_t place = 0;
  for (const Event& event : events_of(outside.log, before)) {
    const auto* won = std::get_if<SecondChanceWon>(&event);
    if (won == nullptr) continue;
    ASSERT_LT(place, right.wins.size());
    EXPECT_EQ(*won, (SecondChanceWon{.user = right.wins[place].user, .place = place, .item = right.wins[place].item}));
    ++place;
  }
  EXPECT_EQ(place, kPrizes - static_cast<std::uint32_t>(wins));
}

TEST(ClosingTest, AfterAJumpOfDaysDoesEverythingInOneLook) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  draw_all(life, 10);
  outside.time.set(later(kEnd, 30 * kDay));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.at(keys::second_stage(kFirstPartition)), kSecondOver);
  EXPECT_EQ(life.ledger().shortfall(), kPrizes - 10) << "ten people, a prize each";
}

TEST(ClosingTest, ByAnOperatorPublishesTheShortfallAtOnce) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  const std::int64_t wins = draw_all(life, 50);
  life.redefine(ended_by_operator(kNoon, false));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.at(keys::closed(kFirstPartition)), kClosedForGood);
  EXPECT_EQ(life.ledger().shortfall(), kPrizes - wins);
  outside.time.set(later(kNoon, kDay));
  EXPECT_EQ(life.close(), "nothing due");
}

TEST(ClosingTest, ByAnOperatorWhoWantsItHoldsTheSecondChance) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  draw_all(life, 50);
  life.redefine(ended_by_operator(kNoon, true));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  outside.time.set(later(kNoon, (60 * kSecond) - 1));
  EXPECT_EQ(life.close(), "nothing due");
  outside.time.set(later(kNoon, 60 * kSecond));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.ledger().shortfall(), kPrizes - 50) << "everybody has won in the end";
}

TEST(ClosingTest, WithoutASecondChanceByDateIsForGood) {
  Outside outside;
  Life life(outside);
  Promotion p = two_days();
  p.lottery->second_chance = false;
  life.create(p);
  const std::int64_t wins = draw_all(life, 50);
  outside.time.set(later(kEnd, kDay));
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.ledger().shortfall(), kPrizes - wins);
}

TEST(ClosingTest, ATestPromotionEndsLikeAnyOther) {
  Outside outside;
  Life life(outside);
  Promotion p = two_days();
  p.mode = Mode::test;
  life.create(p);
  draw_all(life, 20);
  outside.time.set(later(kEnd, kDay));
  (void)life.close();
  EXPECT_EQ(life.at(keys::second_stage(kFirstPartition)), kSecondOver);
}

TEST(ClosingTest, ADraftNeverEndsAndALotteryWithoutDrawsDoes) {
  Outside outside;
  Life life(outside);
  Promotion p = two_days();
  p.lifecycle = Lifecycle::draft;
  life.create(p);
  outside.time.set(later(kEnd, kDay));
  EXPECT_EQ(life.close(), "nothing due");
  life.redefine(two_days());
  EXPECT_EQ(life.close(), "1 lotteries closed");
  EXPECT_EQ(life.ledger().shortfall(), kPrizes);
}

TEST(ClosingTest, VoidedPrizesAreGivenAgain) {
  Outside outside;
  Life life(outside);
  life.create(two_days());
  std::uint64_t winner = 1;
  while (!life.visit_and_draw(winner) && winner < kPeople) ++winner;
  const auto serial_of_first = static_cast<std::int64_t>(winner - 1);
  life.decide(proposal(WinVoided{.user = user(winner), .win = {.segment = 0, .serial = serial_of_first}, .audit = {}}));
  draw_all(life, kPeople, winner + 1);
  outside.time.set(later(kEnd, kDay));
  const std::size_t before = outside.log.size();
  (void)life.close();
  const std::vector<Event> events = events_of(outside.log, before);
  const auto first =
      std::ranges::find_if(events, [](const Event& e) { return std::holds_alternative<SecondChanceWon>(e); });
  ASSERT_NE(first, events.end());
  EXPECT_EQ(std::get<SecondChanceWon>(*first).item, 0U) << "the voided one is the lowest that is left";
  EXPECT_EQ(life.ledger().shortfall(), 0);
  const auto days = life.ledger().wins_by_day(kFirstPartition).value();
  std::int64_t standing = 0;
  for (const DailyWins& day : days) standing += day.wins + day.second_chance - day.voided;
  EXPECT_EQ(standing, kPrizes);
}

TEST(ClosingTest, ResumesAfterACrashAtEveryCommitToTheSameEnd) {
  Outside whole;
  {
    Life life(whole);
    life.create(two_days());
    draw_all(life);
  }
  const std::vector<std::string> drawn = whole.log;
  whole.time.set(later(kEnd, 60 * kSecond));
  std::uint64_t digest = 0;
  {
    Life life(whole);
    ASSERT_EQ(life.close(), "1 lotteries closed");
    digest = life.store().state().digest();
  }
  const std::size_t commits = whole.log.size() - drawn.size();
  const std::vector<Event> right = events_of(whole.log, drawn.size());
  ASSERT_GE(commits, 5U) << "closed, started, two batches of wins, ended";
  ASSERT_EQ(count<SecondChanceEnded>(right), 1);

  for (std::size_t crash = 0; crash <= commits; ++crash) {
    Outside outside;
    outside.log = drawn;
    outside.time.set(later(kEnd, 60 * kSecond));
    outside.room = drawn.size() + crash;
    {
      Life life(outside);
      EXPECT_EQ(life.close().has_value(), crash == commits) << "the life ends at commit " << crash;
    }
    outside.room = SIZE_MAX;
    Life life(outside);
    EXPECT_TRUE(life.close());
    EXPECT_EQ(life.store().state().digest(), digest) << "after a crash at commit " << crash;
    EXPECT_EQ(events_of(outside.log, drawn.size()), right) << "after a crash at commit " << crash;
  }
}

TEST(ClosingTest, TheSecondChanceDoesNotComeEarlyWhateverAClockHasSaid) {
  const Definition definition = test::definition(two_days());
  const LotteryEnd end{.at = kEnd, .second_chance = true};
  const SecondChanceList list{.prizes = 0, .pool = 0, .wins = {}};
  State state = state_with_partition();
  (void)state.commit(proposal(LotteryClosed{.second_chance = true}), kEnd);
  const Instant early{kEnd.ms + kSecondChanceDelayMs - 1};
  EXPECT_FALSE(is_accepted(state.commit(propose_second_start(definition, end, list, 0), early)));
  const Instant due{kEnd.ms + kSecondChanceDelayMs};
  EXPECT_TRUE(is_accepted(state.commit(propose_second_start(definition, end, list, 0), due)));
}

TEST(ClosingTest, ALateVoidMakesTheListBeMadeAgain) {
  const Definition definition = test::definition(two_days());
  const SecondChanceList list{.prizes = 1, .pool = 1, .wins = {{.user = user(1), .item = 0}}};
  const LotteryEnd end{.at = kEnd, .second_chance = true};
  const Instant then{kEnd.ms + kSecondChanceDelayMs};
  State state = state_with_partition();
  (void)state.commit(proposal(LotteryClosed{.second_chance = true}), kEnd);
  (void)state.commit(proposal(WinVoided{.user = user(2), .win = {.segment = 0, .serial = 0}, .audit = {}}), kEnd);
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_second_start(definition, end, list, 0), then)));
  EXPECT_TRUE(is_accepted(state.commit(propose_second_start(definition, end, list, 1), then)));
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_second_start(definition, end, list, 1), then)));
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_second_end(definition, list), then)));
  EXPECT_TRUE(is_accepted(state.commit(propose_second_wins(definition, list, 0), then)));
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_second_wins(definition, list, 0), then)));
  EXPECT_TRUE(is_accepted(state.commit(propose_second_end(definition, list), then)));
}

TEST(ClosingTest, ADrawThatComesFirstMakesTheCloseLookAgain) {
  const Definition definition = test::definition(two_days());
  const LotteryEnd end{.at = kEnd, .second_chance = true};
  const LotteryTally tally{.last = {.segment = SegmentNo{0}, .serials = 1}, .wins = 0, .voided = 0};
  State state = state_with_partition();
  (void)state.commit(proposal(SegmentOpened{.segment = 0, .previous = -1, .quota = 1, .length = 10}), kNoon);
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_close(definition, end, tally), kEnd)));
  Proposal drew = proposal(Drew{.user = user(1), .segment = 0, .number = 0});
  drew.takes = {{.counter = keys::serials(kFirstPartition, 0)}};
  (void)state.commit(drew, kNoon);
  EXPECT_TRUE(std::holds_alternative<Stale>(state.commit(propose_close(definition, end, tally), later(kEnd, -1))))
      << "not before the end, whatever a clock said";
  EXPECT_TRUE(is_accepted(state.commit(propose_close(definition, end, tally), kEnd)));
  EXPECT_TRUE(std::holds_alternative<Refused>(state.commit(propose_close(definition, end, tally), kEnd)));
}

}  // namespace
}  // namespace windfall::test
