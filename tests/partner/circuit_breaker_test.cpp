#include "application/on_event/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace windfall {
namespace {

constexpr CircuitBreaker::Settings kThreeFailures{.failures = 3, .open_ms = 1000};

void fail_times(CircuitBreaker& breaker, int times, std::int64_t now) {
  for (int i = 0; i < times; ++i) breaker.failed(breaker.started(), now);
}

TEST(ACircuitBreaker, lets_everything_through_while_calls_succeed) {
  CircuitBreaker breaker(kThreeFailures);
  fail_times(breaker, 2, 0);
  breaker.succeeded(breaker.started());
  fail_times(breaker, 2, 0);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
  EXPECT_EQ(breaker.allowed(64, 0), 64);
}

TEST(ACircuitBreaker, opens_after_failures_in_a_row) {
  CircuitBreaker breaker(kThreeFailures);
  fail_times(breaker, 3, 100);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
  EXPECT_EQ(breaker.allowed(64, 1099), 0);
  EXPECT_EQ(breaker.wait_ms(1099), 1);
}

TEST(ACircuitBreaker, lets_one_call_look_when_its_time_has_passed) {
  CircuitBreaker breaker(kThreeFailures);
  fail_times(breaker, 3, 100);
  EXPECT_EQ(breaker.allowed(64, 1100), 1);
  const auto probe = breaker.started();
  EXPECT_EQ(breaker.allowed(64, 1100), 0) << "a second one";
  breaker.succeeded(probe);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
  EXPECT_EQ(breaker.allowed(64, 1100), 64);
}

TEST(ACircuitBreaker, opens_again_when_the_one_call_fails) {
  CircuitBreaker breaker(kThreeFailures);
  fail_times(breaker, 3, 0);
  ASSERT_EQ(breaker.allowed(1, 1000), 1);
  breaker.failed(breaker.started(), 1500);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
  EXPECT_EQ(breaker.allowed(1, 2499), 0);
  EXPECT_EQ(breaker.allowed(1, 2500), 1);
}

TEST(ACircuitBreaker, ignores_answers_to_calls_from_before_it_opened) {
  CircuitBreaker breaker(kThreeFailures);
  const auto early = breaker.started();
  fail_times(breaker, 3, 0);
  breaker.succeeded(early);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::open);
  ASSERT_EQ(breaker.allowed(1, 1000), 1);
  const auto probe = breaker.started();
  breaker.failed(early, 1001);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
  breaker.succeeded(probe);
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::closed);
}

}  // namespace
}  // namespace windfall
