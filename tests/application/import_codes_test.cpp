// Codes come in while the promotion that they are for is changed: they stay with their prize, or do not come in.
#include <gtest/gtest.h>

#include "application/lottery_ports.hpp"
#include "application/memory_store.hpp"
#include "application/on_request/coupons.hpp"
#include "application/virtual_world.hpp"
#include "domain/builders.hpp"
#include "domain/lottery/keys.hpp"

namespace windfall::test {
namespace {

Prize gifticon(std::string id) { return {.id = std::move(id), .name = "커피", .count = 5, .valid_days = {}}; }

Promotion lottery_of(std::vector<Prize> prizes) {
  Promotion p = promotion();
  p.limit_join_count = 0;
  p.lottery = Lottery{};
  p.lottery->prizes = std::move(prizes);
  return p;
}

class ImportCodesTest : public testing::Test {
 protected:
  /// Three codes for prize a, with a change of the promotion before they are committed.
  Result<std::int64_t> import_while(const std::function<void()>& changing) {
    const PartitionNo partition = store_.add(lottery_of({gifticon("a"), gifticon("b")}));
    const auto running = value_of(imports_.begin(store_.find("1"), 0));
    EXPECT_TRUE(running && partition == kFirstPartition);
    const std::vector<CodeLine> lines{{.line = 1, .code = "X1"}, {.line = 2, .code = "X2"}, {.line = 3, .code = "X3"}};
    EXPECT_TRUE(value_of(imports_.append(*running, lines)));
    changing();
    return value_of(imports_.finish(*running, {}, {}, [](std::int64_t) { return AnswerKept{200, "", "{}"}; }));
  }
  [[nodiscard]] std::int64_t imported(std::uint32_t prize) const {
    return store_.peek(keys::imported(kFirstPartition, prize));
  }

  VirtualTime time_{kNoon};
  MemoryStore store_{time_};
  MemoryVault vault_;
  DoneAtOnce writer_;
  int told_ = 0;
  ImportCodes imports_{store_, vault_, writer_, [this] { ++told_; }};
};

TEST_F(ImportCodesTest, CodesFollowTheirPrizeToItsNewPlace) {
  const auto came =
      import_while([this] { store_.redefine(kFirstPartition, lottery_of({gifticon("b"), gifticon("a")})); });
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(*came, 3);
  EXPECT_EQ(imported(0), 0) << "prize b got none";
  EXPECT_EQ(imported(1), 3);
  EXPECT_EQ(vault_.committed, 3U);
  EXPECT_EQ(told_, 1);
}

TEST_F(ImportCodesTest, CodesOfAPrizeThatWasTakenOutDoNotComeIn) {
  const auto came =
      import_while([this] { store_.redefine(kFirstPartition, lottery_of({gifticon("c"), gifticon("b")})); });
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().code, FailureCode::conflict);
  EXPECT_EQ(imported(0), 0);
  EXPECT_EQ(vault_.committed, 0U) << "the prize is free for another import";
  EXPECT_EQ(told_, 0);
}

TEST_F(ImportCodesTest, CodesOfAPrizeThatIsPointsNowDoNotComeIn) {
  const auto came = import_while([this] {
    Promotion next = lottery_of({gifticon("a"), gifticon("b")});
    next.lottery->prizes[0].kind = PrizeKind::points;
    store_.redefine(kFirstPartition, next);
  });
  ASSERT_FALSE(came);
  EXPECT_EQ(came.error().code, FailureCode::conflict);
  EXPECT_EQ(imported(0), 0);
}

TEST_F(ImportCodesTest, AnotherChangeOfThePromotionIsNoHindrance) {
  const auto came = import_while([this] {
    Promotion next = lottery_of({gifticon("a"), gifticon("b")});
    next.title = "다른 제목";
    store_.redefine(kFirstPartition, next);
  });
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(imported(0), 3);
}

}  // namespace
}  // namespace windfall::test
