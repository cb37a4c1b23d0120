// How many codes there are, and how many will be asked for.
#include <gtest/gtest.h>

#include "application/lottery_ports.hpp"
#include "application/memory_store.hpp"
#include "application/on_event/assign_codes.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

class CodeLevelsTest : public testing::Test {
 protected:
  void SetUp() override {
    Promotion p = promotion();
    p.limit_join_count = 0;
    p.lottery = Lottery{};
    p.lottery->prizes = {{.id = "a", .name = "A", .count = 60, .valid_days = {}}};
    store_.add(p);
  }
  void decide(Event event) { store_.decide(proposal(std::move(event))); }
  CodeLevel level() {
    const auto levels = value_of(assign_.levels());
    return levels && levels->size() == 1 ? levels->front() : CodeLevel{};
  }
  void won(std::int64_t wins, std::int64_t voided = 0) {
    ledger_.wins = {{.day = kFirst, .prize = 0, .wins = wins, .voided = voided}};
  }

  /// The ledger has a coupon that waits, until it follows.
  Task<bool> caught_up() {
    if (follows_) ledger_.pending.clear();
    co_return follows_;
  }

  bool follows_ = true;
  std::vector<std::string> troubles_;
  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  MemoryLotteryLedger ledger_;
  AllCovered marks_;
  DoneAtOnce threads_;
  CodeSupply supply_{store_, marks_, threads_};
  AssignCodes assign_{{.store = store_,
                       .ledger = ledger_,
                       .reads = threads_,
                       .supply = supply_,
                       .timer = time_,
                       .caught_up = [this](PartitionNo) { return caught_up(); },
                       .trouble = [this](const std::string& why) { troubles_.push_back(why); }}};
};

TEST_F(CodeLevelsTest, CodesThatWereBurnedGiveNoPrizeAway) {
  decide(CodesImported{.prize = 0, .count = 10, .audit = {}});
  won(2);
  decide(CodesBurned{.prize = 0, .count = 10, .audit = {}});
  EXPECT_EQ(level().left, 0);
  EXPECT_EQ(level().outstanding, 58);
  EXPECT_TRUE(level().low());
}

TEST_F(CodeLevelsTest, AVoidedWinMayBeWonAgain) {
  won(20, 3);
  EXPECT_EQ(level().outstanding, 43);
}

TEST_F(CodeLevelsTest, NothingMayBeWonAfterTheEnd) {
  decide(CodesImported{.prize = 0, .count = 10, .audit = {}});
  won(2);
  decide(LotteryClosed{.second_chance = false, .shortfall = 0});
  EXPECT_TRUE(value_of(assign_.levels())->empty());
}

TEST_F(CodeLevelsTest, ALedgerThatIsSlowIsWaitedForWithoutAWord) {
  decide(CodesImported{.prize = 0, .count = 10, .audit = {}});
  ledger_.pending = {{.draw = {.user = user(1), .place = {.segment = 0, .serial = 3}, .prize = 0}}};
  follows_ = false;
  assign_.poke();
  EXPECT_EQ(level().left, 9);
  EXPECT_TRUE(assign_.running());
  time_.advance(AssignCodes::kRetryMs);
  EXPECT_EQ(level().left, 9) << "whoever was served is on its list still, and is not served twice";
  follows_ = true;
  time_.advance(AssignCodes::kRetryMs);
  EXPECT_FALSE(assign_.running());
  EXPECT_EQ(level().left, 9);
  EXPECT_TRUE(troubles_.empty()) << "nothing is wrong";
}

TEST_F(CodeLevelsTest, ManyWinsAreNotCountedAtEveryLook) {
  won(3 * AssignCodes::kWinsPerLook);
  for (int look = 0; look < 8; ++look) (void)level();
  EXPECT_EQ(ledger_.wins_asked, 2);
  won(2);
  EXPECT_EQ(level().outstanding, 58) << "a few are";
}

}  // namespace
}  // namespace windfall::test
