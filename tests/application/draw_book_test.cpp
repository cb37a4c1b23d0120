// What a server computes before anybody draws is what the first draw would have to compute.
#include "application/on_request/draw_book.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace windfall::test
