// However many watch, one looks for all of them.
#include "adapters/http/api/shared_look.hpp"

#include <gtest/gtest.h>

#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

class SharingALook : public testing::Test {
 protected:
  static Task<bool> done(Task<void> seeing) {
    co_await seeing;
    co_return true;
  }
  Task<void> look() {
    ++looks_;
    Blocking& reads = reads_;
    co_await reads.run([] { return true; });
  }
  Later<bool> recent() { return start(done(shared_.recent())); }
  Later<bool> fresh() { return start(done(shared_.fresh())); }

  VirtualTime time_;
  HeldWork reads_;
  int looks_ = 0;
  http::SharedLook shared_{[this] { return look(); }, time_};
};

TEST_F(SharingALook, OneASecondIsEnoughForAll) {
  EXPECT_FALSE(recent()->has_value());
  reads_.run();
  EXPECT_TRUE(recent()->has_value());
  time_.advance(http::SharedLook::kKeptMs - 1);
  EXPECT_TRUE(recent()->has_value());
  EXPECT_EQ(looks_, 1);
  time_.advance(1);
  EXPECT_FALSE(recent()->has_value());
  EXPECT_EQ(looks_, 2);
  reads_.run();
}

TEST_F(SharingALook, WhoComesMeanwhileWaitsForTheSame) {
  const auto first = recent();
  const auto second = recent();
  EXPECT_FALSE(second->has_value());
  reads_.run();
  EXPECT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ(looks_, 1);
}

TEST_F(SharingALook, WhoHasJustComeSeesWhatWasThereBefore) {
  const auto first = recent();
  const auto second = fresh();
  const auto third = fresh();
  reads_.run_one();
  EXPECT_TRUE(first->has_value());
  EXPECT_FALSE(second->has_value()) << "that look had begun before";
  EXPECT_FALSE(third->has_value());
  reads_.run();
  EXPECT_TRUE(second->has_value() && third->has_value());
  EXPECT_EQ(looks_, 2) << "one for both";
}

}  // namespace
}  // namespace windfall::test
