// What a server computes before anybody draws is what the first draw would have to compute.
#include "application/on_request/draw_book.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

/// One seed for all, and how often it was asked for: a book is made of a seed that was opened.
class CountedSeeds final : public Seeds {
 public:
  Result<std::string> make(std::string_view) override { return "sealed"; }
  Result<Seed> open(std::string_view, std::string_view) override {
    ++opened;
    if (broken) return fail(FailureCode::damaged, "not this key");
    return Seed{};
  }
  int opened = 0;
  bool broken = false;
};

Promotion lottery(Lifecycle lifecycle = Lifecycle::open) {
  Promotion p = promotion();
  p.lifecycle = lifecycle;
  p.secrets = {.sealed_seed = "sealed", .plan_end = p.end};
  p.lottery = Lottery{.grants = {VisitGrant{}},
                      .prizes = {{.id = "a", .name = "A", .kind = PrizeKind::points, .value = 100, .count = 10}}};
  return p;
}

class PreparingBooks : public testing::Test {
 protected:
  Result<bool> prepare(const Promotion& of) {
    partition_ = store_.add(of);
    return book_.prepare(*store_.find(of.id));
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  CountedSeeds seeds_;
  DrawBook book_{store_, seeds_};
  PartitionNo partition_;
};

TEST_F(PreparingBooks, LeavesNothingForTheFirstDrawToOpen) {
  ASSERT_TRUE(prepare(lottery()).value());
  EXPECT_EQ(seeds_.opened, 1);
  ASSERT_TRUE(value_of(book_.open_segment(store_.find("1"), time_.now())));
  EXPECT_EQ(seeds_.opened, 1);
}

TEST_F(PreparingBooks, FindsTheSegmentThatIsOpen) {
  partition_ = store_.add(lottery());
  const Result<SegmentNo> open = value_of(book_.open_segment(store_.find("1"), time_.now()));
  ASSERT_TRUE(open);
  DrawBook restarted(store_, seeds_);
  ASSERT_TRUE(restarted.prepare(*store_.find("1")).value());
  const int opened = seeds_.opened;
  const std::int64_t first = coded_draw(open->value, 0);
  const auto before = value_of(book_.prizes_of(store_.find("1"), {first}));
  const auto after = value_of(restarted.prizes_of(store_.find("1"), {first}));
  ASSERT_TRUE(before && after);
  EXPECT_EQ(*after, *before);
  EXPECT_EQ(seeds_.opened, opened);
}

TEST_F(PreparingBooks, DoesNotOpenASegmentAgainThatAnotherProcessOpensBetweenTwoLooks) {
  partition_ = store_.add(lottery());
  DrawBook other(store_, seeds_);
  int reads = 0;
  store_.before_read = [&] {
    if (++reads == 2) ASSERT_TRUE(value_of(other.open_segment(store_.find("1"), time_.now())));
  };
  const Result<SegmentNo> open = value_of(book_.open_segment(store_.find("1"), time_.now()));
  ASSERT_TRUE(open);
  EXPECT_GT(reads, 2);
  EXPECT_EQ(store_.peek(keys::segment(partition_)), std::int64_t{open->value} + 1);
  EXPECT_EQ(store_.commits, 1) << "a second opening adds to the terms of the first";
}

TEST_F(PreparingBooks, OpensTheSegmentOfTheStoresTimeWhateverAClockHasSaid) {
  partition_ = store_.add(lottery());
  time_.set(Instant{kNoon.ms + kHour});
  store_.before_commit = [this] { time_.set(Instant{kNoon.ms + kHour - 1}); };
  const Result<SegmentNo> open = value_of(book_.open_segment(store_.find("1"), time_.now()));
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_EQ(open->value, segment_at(*store_.find("1"), kNoon).value);
  EXPECT_EQ(store_.peek(keys::segment(partition_)), std::int64_t{open->value} + 1);
}

TEST_F(PreparingBooks, OpensNoSegmentAfterTheEndWhateverAClockHasSaid) {
  partition_ = store_.add(lottery());
  store_.before_commit = [this] { time_.set(Instant{kNoon.ms + 400 * kDay}); };
  const Result<SegmentNo> open = value_of(book_.open_segment(store_.find("1"), time_.now()));
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, FailureCode::unavailable);
  EXPECT_EQ(store_.peek(keys::segment(partition_)), 0);
}

TEST_F(PreparingBooks, DrawsByThePlanAsItWasWhenDrawsBegan) {
  ASSERT_TRUE(prepare(lottery()).value());
  // Until its first day a lottery may be changed.
  Promotion changed = lottery();
  changed.end.days += 1;
  changed.secrets.plan_end = changed.end;
  changed.lottery->prizes.front().count = 1000;
  store_.redefine(partition_, changed);
  const Result<SegmentNo> open = value_of(book_.open_segment(store_.find("1"), time_.now()));
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_EQ(store_.peek(keys::quota(partition_, open->value)), Schedule(plan_of(changed)).items_until(*open));

  // Paused and taken up again it is the same: nothing is computed anew.
  const Result<Outcomes*> before = book_.outcomes(*store_.find("1"));
  store_.redefine(partition_, changed);
  const Result<Outcomes*> after = book_.outcomes(*store_.find("1"));
  ASSERT_TRUE(before && after);
  EXPECT_EQ(*before, *after);
}

TEST_F(PreparingBooks, LeavesOutDrafts) {
  EXPECT_FALSE(prepare(lottery(Lifecycle::draft)).value());
  EXPECT_EQ(seeds_.opened, 0);
}

TEST_F(PreparingBooks, LeavesOutWhatIsClosed) {
  partition_ = store_.add(lottery());
  Proposal close = proposal(LotteryClosed{.second_chance = false, .shortfall = 10}, partition_);
  store_.decide(close);
  EXPECT_FALSE(book_.prepare(*store_.find("1")).value());
  EXPECT_EQ(seeds_.opened, 0);
}

TEST_F(PreparingBooks, FailsWithoutTheSeed) {
  seeds_.broken = true;
  const Result<bool> ready = prepare(lottery());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, FailureCode::damaged);
}

TEST_F(PreparingBooks, FailsByNameWhereWhatStandsOfASegmentCannotHaveBeenCommitted) {
  struct Damage {
    std::uint32_t quota;
    std::uint32_t length;
    std::uint32_t first_item;
  };
  for (const Damage damage : {Damage{5, 3, 0}, Damage{11, 100, 0}, Damage{1, 100, 10}, Damage{0, 0, 4'000'000'000}}) {
    MemoryStore store(time_);
    DrawBook book(store, seeds_);
    const PartitionNo partition = store.add(lottery());
    store.decide(proposal(
        SegmentOpened{.segment = 0, .quota = damage.quota, .length = damage.length, .first_item = damage.first_item},
        partition));
    const Result<bool> ready = book.prepare(*store.find("1"));
    ASSERT_FALSE(ready) << damage.quota;
    EXPECT_EQ(ready.error().code, FailureCode::damaged);
    EXPECT_NE(ready.error().message.find("promotion 1 is damaged: segment 0"), std::string::npos)
        << ready.error().message;
    const auto prizes = value_of(book.prizes_of(store.find("1"), {coded_draw(0, 0)}));
    ASSERT_FALSE(prizes);
    EXPECT_EQ(prizes.error().code, FailureCode::damaged);
  }
}

class PreparingDraws : public PreparingBooks {
 protected:
  static constexpr UserRef kWho{.hi = 7, .lo = 9};

  /// A lottery in which nearly every draw wins, and a user may win so often.
  void begin(std::uint32_t may_win) {
    Promotion dice = lottery();
    dice.lottery->max_wins_per_user = may_win;
    dice.lottery->win_rate = {.min = 500, .max = 900};
    dice.lottery->prizes.front().count = 100'000;
    partition_ = store_.add(dice);
    ASSERT_TRUE(value_of(book_.open_segment(store_.find("1"), time_.now())));
  }
  DrawBook::View view() {
    reads_ = 0;
    store_.before_read = [this] { ++reads_; };
    const Result<DrawBook::View> found = value_of(book_.view(store_.find("1"), kWho, time_.now()));
    EXPECT_TRUE(found);
    return found.value_or(DrawBook::View{});
  }
  void draw() {
    const DrawBook::View now = view();
    Proposal drawing =
        proposal(Drew{.user = kWho, .segment = now.facts.segment.value, .number = now.facts.draws}, partition_);
    drawing.takes.push_back({.counter = keys::serials(partition_, now.facts.segment.value)});
    store_.decide(drawing);
  }
  /// By the list of prizes, which the counting does not use.
  std::int64_t won() {
    std::vector<std::int64_t> coded;
    const std::int64_t draws = store_.peek(keys::drawn(partition_, kWho));
    for (std::uint32_t i = 0; i < draws; ++i) coded.push_back(store_.peek(keys::draw_at(partition_, kWho, i)));
    const auto prizes = value_of(book_.prizes_of(store_.find("1"), std::move(coded)));
    EXPECT_TRUE(prizes);
    return std::ranges::count_if(*prizes, [](const auto& prize) { return prize.has_value(); });
  }

  int reads_ = 0;
};

class CountingWins : public PreparingDraws, public testing::WithParamInterface<std::uint32_t> {};

TEST_P(CountingWins, BeginsWhenTheDrawsMayHaveUsedThemUp) {
  begin(GetParam());
  for (std::uint32_t draws = 0; draws < 12; ++draws) {
    SCOPED_TRACE(draws);
    const DrawBook::View now = view();
    EXPECT_EQ(now.facts.draws, draws);
    EXPECT_EQ(now.facts.wins, draws < GetParam() ? 0 : won());
    draw();
    if (draws % 5 == 4) time_.advance(kHour);  // draws of several segments
  }
  EXPECT_GT(won(), 0);
}

INSTANTIATE_TEST_SUITE_P(ByWinsAllowed, CountingWins, testing::Values(1U, 3U, 6U));

TEST_F(PreparingDraws, ReadOnceForWhoeverHasDrawnTooSeldomToHaveWonAll) {
  begin(6);
  for (std::uint32_t draws = 0; draws < 6; ++draws) {
    view();
    EXPECT_EQ(reads_, 1) << draws;
    draw();
  }
  view();
  EXPECT_GT(reads_, 1) << "six draws may have won six times";
}

}  // namespace
}  // namespace windfall::test
