// What is told of a coupon, and taken back, while something that it needs is away.
#include "application/on_request/coupons.hpp"

#include <gtest/gtest.h>

#include "application/lottery_ports.hpp"
#include "application/memory_store.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

constexpr EffectId kDraw{7};
constexpr WinPlace kWin{.segment = 0, .serial = 0};

Promotion lottery_of(PrizeKind kind) {
  Promotion p = promotion();
  p.limit_join_count = 0;
  p.lottery = Lottery{};
  p.lottery->prizes = {{.id = "a", .name = "A", .kind = kind, .value = 700, .count = 5, .valid_days = {}}};
  return p;
}

class CouponsTest : public testing::Test {
 protected:
  void has_won(PrizeKind kind) {
    const PartitionNo partition = store_.add(lottery_of(kind));
    CouponRow row;
    row.draw = {.at = kNoon,
                .promotion_id = "1",
                .partition = partition,
                .user = user(1),
                .place = kWin,
                .prize = 0,
                .item = 0};
    row.ordinal = 0;
    row.issued_at = kNoon;
    ledger_.coupon_rows = {row};
  }
  Result<std::variant<CouponView, UnknownCoupon>> one() { return value_of(coupons_.one(kDraw, user(1))); }
  Result<VoidOutcome> void_win() {
    return value_of(coupons_.void_win(
        kDraw, [](const DrawRow&) { return EffectId{9}; }, {}, {},
        [](const DrawRow&) { return AnswerKept{200, "", "{}"}; }));
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  MemoryLotteryLedger ledger_;
  MemoryEffects effects_;
  MemoryVault vault_;
  AllCovered marks_;
  DoneAtOnce threads_;
  CodeSupply supply_{store_, marks_, threads_};
  Coupons coupons_{{.store = store_,
                    .ledger = ledger_,
                    .reads = threads_,
                    .effects = effects_,
                    .ledger_writer = threads_,
                    .vault = vault_,
                    .supply = supply_,
                    .caught_up = [](PartitionNo) -> Task<bool> { co_return true; }}};
};

TEST_F(CouponsTest, OfAPromotionThatAnotherProcessMadeIsShown) {
  has_won(PrizeKind::gifticon);
  store_.elsewhere = {"1"};
  const auto coupon = one();
  ASSERT_TRUE(coupon && std::holds_alternative<CouponView>(*coupon));
  EXPECT_EQ(std::get<CouponView>(*coupon).status, CouponStatus::issued);

  store_.elsewhere = {"1"};
  const auto all = value_of(coupons_.of_user({.user = user(1)}));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1U);
}

TEST_F(CouponsTest, OfAPromotionThatNobodyCanBeAskedAboutIsNotDenied) {
  has_won(PrizeKind::gifticon);
  store_.elsewhere = {"1"};
  store_.unreachable = Failure{FailureCode::unavailable, "the shard is away"};
  const auto unavailable = [](const auto& outcome) {
    return !outcome && outcome.error().code == FailureCode::unavailable;
  };
  EXPECT_TRUE(unavailable(one()));
  EXPECT_TRUE(unavailable(value_of(coupons_.of_user({.user = user(1)})))) << "a list without it would be its end";
  EXPECT_TRUE(unavailable(value_of(coupons_.use(kDraw, user(1)))));
  EXPECT_TRUE(unavailable(void_win()));
}

TEST_F(CouponsTest, ThatLostItsCodeIsDamageAndNoUnknownCoupon) {
  has_won(PrizeKind::gifticon);
  const auto coupon = one();
  ASSERT_TRUE(coupon);
  const auto code = value_of(coupons_.code_of(std::get<CouponView>(*coupon)));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, FailureCode::damaged);
  vault_.codes[{.promotion_id = "1", .prize_id = "a"}] = {"CODE"};
  EXPECT_EQ(value_of(coupons_.code_of(std::get<CouponView>(*coupon))).value(), "CODE");
}

TEST_F(CouponsTest, AVoidThatStandsAfterAFailureKeepsItsPointsHeld) {
  has_won(PrizeKind::points);
  store_.before_commit = [this] { store_.broken = Failure{FailureCode::unavailable, "not confirmed"}; };
  int reads = 0;
  store_.before_read = [&] {
    if (++reads == 2) store_.broken.reset();
  };
  EXPECT_FALSE(void_win());
  EXPECT_EQ(reads, 2) << "it was looked whether the void stands";
  EXPECT_EQ(store_.peek(keys::voided(kFirstPartition, kWin)), 1);
  EXPECT_TRUE(effects_.given_back.empty()) << "a listener would pay before the ledger hears of the void";
}

TEST_F(CouponsTest, AVoidOfWhichNobodyCanTellKeepsItsPointsHeld) {
  has_won(PrizeKind::points);
  store_.before_commit = [this] { store_.broken = Failure{FailureCode::unavailable, "not confirmed"}; };
  EXPECT_FALSE(void_win());
  EXPECT_TRUE(effects_.given_back.empty());
}

}  // namespace
}  // namespace windfall::test
