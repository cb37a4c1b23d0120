#include "application/on_time/jobs.hpp"

#include <gtest/gtest.h>

#include "application/virtual_world.hpp"

namespace windfall::test {
namespace {

constexpr std::int64_t kInterval = 100;

/// One job whose runs end when the test says so.
class JobsTest : public testing::Test {
 protected:
  ~JobsTest() override {
    jobs_.stop();
    while (running() > 0) finish();
  }

  void add_and_start(bool on_clock_change = true) {
    jobs_.add({.name = "sweep", .interval_ms = kInterval, .on_clock_change = on_clock_change, .run = [this] {
                 return work();
               }});
    jobs_.start();
  }
  Task<Result<std::string>> work() {
    ++started_;
    Completion<bool> end;
    ends_.push_back(&end);
    const bool well = co_await end;
    if (!well) co_return fail(FailureCode::unavailable, "no broom");
    co_return std::string("swept");
  }
  void finish(bool well = true) {
    Completion<bool>* end = ends_.front();
    ends_.erase(ends_.begin());
    end->complete(well);
  }
  [[nodiscard]] std::size_t running() const { return ends_.size(); }
  [[nodiscard]] JobStatus status() const { return jobs_.status().front(); }

  VirtualTime time_{Instant{1'000'000}};
  Jobs jobs_{time_, time_};
  int started_ = 0;
  std::vector<Completion<bool>*> ends_;
};

TEST_F(JobsTest, RunAfterEachIntervalCountedFromTheEndOfTheLastRun) {
  add_and_start();
  time_.advance(kInterval - 1);
  EXPECT_EQ(started_, 0);
  time_.advance(1);
  EXPECT_EQ(started_, 1);
  time_.advance(30);
  finish();
  time_.advance(kInterval - 1);
  EXPECT_EQ(started_, 1);
  time_.advance(1);
  EXPECT_EQ(started_, 2);
}

TEST_F(JobsTest, RunForTheFirstTimeWhenTheySayAndThenAfterTheInterval) {
  jobs_.add({.name = "sweep", .interval_ms = kInterval, .first_ms = 10, .run = [this] { return work(); }});
  jobs_.start();
  EXPECT_EQ(status().next_in_ms, 10);
  time_.advance(9);
  EXPECT_EQ(started_, 0);
  time_.advance(1);
  EXPECT_EQ(started_, 1);
  finish();
  time_.advance(kInterval - 1);
  EXPECT_EQ(started_, 1);
  time_.advance(1);
  EXPECT_EQ(started_, 2);
}

TEST_F(JobsTest, NeverRunTwiceAtOnce) {
  add_and_start();
  time_.advance(kInterval);
  for (int i = 0; i < 5; ++i) {
    jobs_.clock_changed();
    time_.advance(kInterval);
    EXPECT_EQ(running(), 1U);
  }
  EXPECT_EQ(started_, 1);
}

TEST_F(JobsTest, RunAtOnceWhenTheClockIsSetAndThenAfterTheInterval) {
  add_and_start();
  time_.advance(40);
  jobs_.clock_changed();
  EXPECT_EQ(started_, 1);
  finish();
  time_.advance(kInterval - 1);
  EXPECT_EQ(started_, 1) << "the call that was due before has nothing to do any more";
  time_.advance(1);
  EXPECT_EQ(started_, 2);
}

TEST_F(JobsTest, ThatRanWhenTheClockWasSetRunOnceMore) {
  add_and_start();
  time_.advance(kInterval);
  for (int i = 0; i < 3; ++i) jobs_.clock_changed();
  EXPECT_EQ(started_, 1);
  finish();
  EXPECT_EQ(started_, 2) << "at once: the first run may have looked at the old time";
  finish();
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(status().runs, 2);
}

TEST_F(JobsTest, OfRealTimeIgnoreTheClock) {
  add_and_start(false);
  jobs_.clock_changed();
  EXPECT_EQ(started_, 0);
  time_.set(Instant{0});
  time_.advance(kInterval);
  EXPECT_EQ(started_, 1) << "intervals follow time that always runs";
}

TEST_F(JobsTest, TellWhenTheyRanByTheClockInForce) {
  add_and_start(false);
  time_.advance(kInterval);
  finish(true);
  time_.advance(40);
  EXPECT_EQ(status().last_started, Instant{1'000'000 + kInterval});
  time_.set(Instant{5'000'000});
  EXPECT_EQ(status().last_started, Instant{5'000'000 - 40});
}

TEST_F(JobsTest, KeepAnAccount) {
  add_and_start();
  EXPECT_EQ(status().name, "sweep");
  EXPECT_EQ(status().last_started, Instant{});
  EXPECT_EQ(status().next_in_ms, kInterval);
  time_.advance(30);
  EXPECT_EQ(status().next_in_ms, kInterval - 30);

  time_.advance(70);
  EXPECT_TRUE(status().running);
  EXPECT_FALSE(jobs_.idle());
  EXPECT_EQ(status().last_started, Instant{1'000'000 + kInterval});
  time_.advance(7);
  finish(false);
  EXPECT_TRUE(jobs_.idle());
  JobStatus now = status();
  EXPECT_FALSE(now.running);
  EXPECT_FALSE(now.succeeded);
  EXPECT_EQ(now.result, "no broom");
  EXPECT_EQ(now.took_ms, 7);
  EXPECT_EQ(std::pair(now.runs, now.failures), std::pair(std::int64_t{1}, std::int64_t{1}));
  EXPECT_EQ(now.next_in_ms, kInterval) << "a failed run is followed by the next as any other";

  time_.advance(kInterval);
  finish();
  now = status();
  EXPECT_TRUE(now.succeeded);
  EXPECT_EQ(now.result, "swept");
  EXPECT_EQ(std::pair(now.runs, now.failures), std::pair(std::int64_t{2}, std::int64_t{1}));
}

TEST_F(JobsTest, StartNothingAfterStop) {
  add_and_start();
  time_.advance(kInterval);
  jobs_.clock_changed();
  jobs_.stop();
  EXPECT_FALSE(jobs_.idle());
  finish();
  EXPECT_TRUE(jobs_.idle());
  jobs_.clock_changed();
  time_.advance(10 * kInterval);
  EXPECT_EQ(started_, 1);
}

}  // namespace
}  // namespace windfall::test
