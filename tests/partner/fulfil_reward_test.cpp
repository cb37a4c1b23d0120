#include "application/on_event/fulfil_reward.hpp"

#include <gtest/gtest.h>

#include "partner/reward_world.hpp"

namespace windfall::test {
namespace {

constexpr Instant kNow{VirtualTime::kStart};

class FulfillingRewards : public ::testing::Test {
 protected:
  void start(FulfilReward::Settings settings = FulfilReward::dev()) { world.start(gateway, settings); }
  [[nodiscard]] RowState state(const EffectId& id) const { return world.effects.row(id).state; }
  void TearDown() override {
    world.reward.reset();
    world.time.run_for(10 * 60'000);  // what still waits frees itself
  }

  RewardWorld world;
  ScriptedGateway gateway;
};

TEST_F(FulfillingRewards, books_a_due_effect_and_settles_it) {
  const EffectId id = world.effects.add(50, kNow);
  start();
  ASSERT_EQ(gateway.waiting.size(), 1U);
  EXPECT_EQ(gateway.waiting[0].accrual.event_id, "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(gateway.waiting[0].accrual.user_id, "user1");
  EXPECT_EQ(gateway.waiting[0].accrual.amount, 50);
  EXPECT_EQ(state(id), RowState::sending);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
  EXPECT_EQ(world.meter.done, 1U);
}

TEST_F(FulfillingRewards, finds_new_effects_when_poked) {
  start();
  world.effects.add(1, kNow);
  EXPECT_EQ(gateway.accrued, 0);
  world.reward->poke();
  EXPECT_EQ(gateway.accrued, 1);
}

TEST_F(FulfillingRewards, finds_an_effect_that_becomes_due_by_itself) {
  world.effects.add(1, {kNow.ms + 5000});
  start();
  world.time.run_for(4999);
  EXPECT_EQ(gateway.accrued, 0);
  world.time.run_for(1);
  EXPECT_EQ(gateway.accrued, 1);
}

TEST_F(FulfillingRewards, does_nothing_before_it_is_started) {
  world.effects.fails = [] { return true; };
  start();  // recover() fails
  world.effects.fails = [] { return false; };
  world.effects.add(1, kNow);
  world.reward->poke();
  world.time.run_for(10'000);
  EXPECT_EQ(gateway.accrued, 0);
}

TEST_F(FulfillingRewards, keeps_no_more_calls_in_flight_than_allowed) {
  auto settings = FulfilReward::dev();
  settings.parallel = 5;
  for (int i = 0; i < 40; ++i) world.effects.add(1, kNow);
  start(settings);
  EXPECT_EQ(gateway.waiting.size(), 5U);
  EXPECT_EQ(world.reward->in_flight(), 5);
  while (!gateway.waiting.empty()) {
    gateway.answer(PartnerDone{});
    world.time.run_for(1);
  }
  EXPECT_EQ(gateway.most_waiting, 5U);
  EXPECT_LE(world.effects.largest_limit, 5);
  EXPECT_EQ(world.effects.count(RowState::done), 40);
}

TEST_F(FulfillingRewards, never_takes_more_rows_at_once_than_a_batch) {
  auto settings = FulfilReward::dev();
  settings.parallel = 1000;
  for (int i = 0; i < 700; ++i) world.effects.add(1, kNow);
  start(settings);
  EXPECT_EQ(world.effects.largest_limit, 256);
  EXPECT_EQ(gateway.waiting.size(), 700U);
}

TEST_F(FulfillingRewards, buries_what_the_partner_refuses) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerRefused{"HTTP 422: no such user"});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::dead);
  EXPECT_EQ(world.effects.row(id).error, "HTTP 422: no such user");
  EXPECT_TRUE(world.alarms.empty());
}

TEST_F(FulfillingRewards, buries_a_mismatch_with_an_alarm) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerMismatch{"booked for another user"});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::dead);
  EXPECT_EQ(world.alarms, std::vector<std::string>{"00000000-0000-0000-0000-000000000001"});
}

TEST_F(FulfillingRewards, buries_what_is_owed_to_a_person_who_was_erased_and_calls_nobody) {
  const EffectId owed = world.effects.add(50, kNow);
  world.effects.erase_user_of(owed);
  start();
  world.time.run_for(0);
  EXPECT_EQ(gateway.accrued, 0);
  EXPECT_EQ(state(owed), RowState::dead);
  EXPECT_EQ(world.effects.row(owed).error, "the person was erased; nothing was sent");
  EXPECT_EQ(world.reward->in_flight(), 0);
}

TEST_F(FulfillingRewards, does_not_tell_a_person_who_was_erased) {
  const EffectId notice = world.effects.add_notification(EffectKind::notification_ticket_granted, 2, "");
  world.effects.erase_user_of(notice);
  world.start(gateway, gateway, FulfilReward::dev());
  world.time.run_for(0);
  EXPECT_EQ(gateway.notified, 0);
  EXPECT_EQ(state(notice), RowState::done);
}

TEST_F(FulfillingRewards, sends_again_what_was_certainly_not_booked) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerRetry{"HTTP 503"});
  EXPECT_EQ(state(id), RowState::pending);
  EXPECT_EQ(world.effects.row(id).effect.tries, 1);
  EXPECT_EQ(world.effects.row(id).error, "HTTP 503");
  world.time.run_for(200);
  EXPECT_EQ(gateway.accrued, 2);
  EXPECT_EQ(gateway.asked, 0);
}

TEST_F(FulfillingRewards, asks_before_it_sends_again_what_may_have_been_booked) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerUnknown{"time-out"});
  EXPECT_EQ(state(id), RowState::unknown);
  world.time.run_for(200);
  EXPECT_EQ(gateway.accrued, 1);
  ASSERT_EQ(gateway.asked, 1);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
}

TEST_F(FulfillingRewards, stays_unknown_while_asking_fails) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerUnknown{"time-out"});
  for (int i = 0; i < 5; ++i) {
    world.time.run_for(5000);
    ASSERT_EQ(gateway.waiting.size(), 1U);
    ASSERT_EQ(gateway.waiting[0].call, FulfilReward::Call::ask);
    gateway.answer(PartnerUnknown{"asked: HTTP 500"});
    EXPECT_EQ(state(id), RowState::unknown);
  }
  EXPECT_EQ(gateway.accrued, 1);
}

TEST_F(FulfillingRewards, believes_never_seen_only_after_twice_the_time_out) {
  const EffectId id = world.effects.add(1, kNow);
  start();  // sent at 0; the time-out is 2 s
  world.time.run_for(2000);
  gateway.answer(PartnerUnknown{"time-out"});
  world.time.run_for(200);
  ASSERT_EQ(gateway.asked, 1);
  gateway.answer(PartnerNeverSeen{});
  EXPECT_EQ(gateway.accrued, 1);
  EXPECT_EQ(state(id), RowState::unknown);
  world.time.run_until(3999);
  EXPECT_EQ(gateway.asked, 1);
  world.time.run_until(4400);
  ASSERT_EQ(gateway.asked, 2);
  gateway.answer(PartnerNeverSeen{});
  EXPECT_EQ(gateway.accrued, 2) << "sent again at once, in the same turn";
}

TEST_F(FulfillingRewards, after_a_crash_asks_and_does_not_believe_never_seen_too_early) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  world.crash();
  EXPECT_EQ(state(id), RowState::sending);
  start();
  ASSERT_EQ(gateway.asked, 1);
  gateway.waiting.erase(gateway.waiting.begin());  // the answer to the process that is gone
  gateway.answer(PartnerNeverSeen{});
  EXPECT_EQ(state(id), RowState::unknown);
  EXPECT_EQ(gateway.accrued, 1);
  world.time.run_for(4200);
  ASSERT_EQ(gateway.asked, 2);
  gateway.answer(PartnerNeverSeen{});
  EXPECT_EQ(gateway.accrued, 2);
}

TEST_F(FulfillingRewards, an_answer_to_a_process_that_is_gone_reaches_nobody) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  world.crash();
  gateway.answer(PartnerDone{});
  world.time.run_for(1000);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(state(id), RowState::sending);
}

TEST_F(FulfillingRewards, waits_with_full_jitter_doubling_up_to_the_limit) {
  auto settings = FulfilReward::live();
  settings.first_retry_ms = 1000;
  settings.max_retry_ms = 300'000;
  settings.breaker.failures = 1'000'000;
  for (int i = 0; i < 60; ++i) world.effects.add(1, kNow);
  start(settings);
  for (int tries = 1; tries <= 12; ++tries) {
    const std::int64_t longest = std::min<std::int64_t>(1000LL << (tries - 1), 300'000);
    world.effects.retried.clear();
    std::int64_t smallest = longest;
    std::int64_t largest = 0;
    const std::size_t due = gateway.waiting.size();
    ASSERT_EQ(due, 60U);
    for (std::size_t i = 0; i < due; ++i) gateway.answer(PartnerRetry{"HTTP 503"});
    ASSERT_EQ(world.effects.retried.size(), 60U);
    for (const auto& retry : world.effects.retried) {
      const std::int64_t wait = retry.next_try.ms - world.time.now().ms;
      smallest = std::min(smallest, wait);
      largest = std::max(largest, wait);
    }
    EXPECT_GE(smallest, 1);
    EXPECT_LE(largest, longest);
    EXPECT_LT(smallest, longest / 4) << "60 throws; jitter is full";
    EXPECT_GT(largest, longest * 3 / 4);
    world.time.run_for(longest);
  }
}

TEST_F(FulfillingRewards, gives_up_after_twenty_tries_in_development) {
  const EffectId id = world.effects.add(1, kNow);
  auto settings = FulfilReward::dev();
  settings.breaker.failures = 1'000'000;
  start(settings);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(gateway.waiting.size(), 1U) << i;
    gateway.answer(PartnerRetry{"HTTP 503"});
    world.time.run_for(5000);
  }
  EXPECT_EQ(state(id), RowState::dead);
  EXPECT_EQ(world.effects.row(id).error, "gave up after 20 tries: HTTP 503");
  EXPECT_EQ(gateway.accrued, 20);
}

TEST_F(FulfillingRewards, gives_up_after_a_day_when_live) {
  const EffectId id = world.effects.add(1, kNow);
  start(FulfilReward::live());
  const std::int64_t day = 86'400'000;
  while (state(id) != RowState::dead && world.time.monotonic_ms() < 2 * day) {
    if (!gateway.waiting.empty()) gateway.answer(PartnerRetry{"HTTP 503"});
    world.time.run_for(1000);
  }
  EXPECT_EQ(state(id), RowState::dead);
  EXPECT_GE(world.time.monotonic_ms(), day);
  EXPECT_LT(world.time.monotonic_ms(), day + 400'000);
}

TEST_F(FulfillingRewards, asks_first_for_a_dead_effect_that_was_redriven) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  gateway.answer(PartnerRefused{"HTTP 422"});
  world.time.run_for(10'000);
  ASSERT_EQ(state(id), RowState::dead);
  world.effects.apply({.effect = id, .outcome = EffectSettled::Outcome::redriven, .detail = {}});
  world.reward->poke();
  ASSERT_EQ(gateway.asked, 1);
  gateway.answer(PartnerNeverSeen{});
  ASSERT_EQ(gateway.accrued, 2);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
}

TEST_F(FulfillingRewards, tries_and_counts_nothing_while_the_breaker_is_open) {
  auto settings = FulfilReward::dev();
  settings.parallel = 4;
  settings.breaker = {.failures = 4, .open_ms = 1000};
  for (int i = 0; i < 50; ++i) world.effects.add(1, kNow);
  start(settings);
  while (!gateway.waiting.empty()) gateway.answer(PartnerRetry{"refused connection"});
  EXPECT_EQ(world.reward->breaker(PartnerEndpoint::accruals), CircuitBreaker::State::open);
  EXPECT_EQ(gateway.accrued, 7) << "four, and the three that took the places of the first";
  const int calls = gateway.accrued;
  for (int i = 0; i < 30; ++i) world.reward->poke();
  world.time.run_until(999);
  EXPECT_EQ(gateway.accrued, calls);
  EXPECT_TRUE(gateway.waiting.empty());

  world.time.run_until(1000);
  EXPECT_EQ(gateway.waiting.size(), 1U) << "one looks whether the partner is back";
  gateway.answer(PartnerRetry{"refused connection"});
  world.time.run_until(1999);
  EXPECT_TRUE(gateway.waiting.empty());
  world.time.run_until(2000);
  ASSERT_EQ(gateway.waiting.size(), 1U);
  gateway.answer(PartnerDone{});
  EXPECT_EQ(world.reward->breaker(PartnerEndpoint::accruals), CircuitBreaker::State::closed);
  EXPECT_EQ(gateway.waiting.size(), 4U);
  while (!gateway.waiting.empty()) {
    gateway.answer(PartnerDone{});
    world.time.run_for(500);
  }
  EXPECT_EQ(world.effects.count(RowState::done), 50);
  for (const auto& [id, row] : world.effects.rows()) EXPECT_LE(row.effect.tries, 2);
  using State = CircuitBreaker::State;
  EXPECT_EQ(world.meter.breaker_states,
            (std::vector{State::open, State::half_open, State::open, State::half_open, State::closed}));
}

TEST_F(FulfillingRewards, puts_back_uncounted_what_was_taken_as_the_breaker_opened) {
  auto settings = FulfilReward::dev();
  settings.breaker = {.failures = 1, .open_ms = 1000};
  const EffectId first = world.effects.add(1, kNow);
  start(settings);
  const EffectId second = world.effects.add(1, kNow);
  world.blocking_takes = [] { return 10; };
  world.reward->poke();  // takes the second row; the answer is on its way
  ASSERT_EQ(state(second), RowState::sending);
  gateway.answer(PartnerRetry{"HTTP 503"});
  world.time.run_for(50);
  EXPECT_EQ(gateway.accrued, 1);
  EXPECT_EQ(state(first), RowState::pending);
  EXPECT_EQ(state(second), RowState::pending);
  EXPECT_EQ(world.effects.row(second).effect.tries, 0);
  EXPECT_EQ(world.effects.row(second).uncounted, 1);
}

TEST_F(FulfillingRewards, settles_together_what_was_answered_together) {
  for (int i = 0; i < 20; ++i) world.effects.add(1, kNow);
  int settlements = 0;
  world.settle_takes = [&] {
    ++settlements;
    return 5;
  };
  start();
  for (int i = 0; i < 20; ++i) gateway.answer(PartnerDone{});
  world.time.run_for(100);
  EXPECT_EQ(world.effects.count(RowState::done), 20);
  EXPECT_EQ(settlements, 2) << "the first by itself, all others while it was on its way";
}

TEST_F(FulfillingRewards, keeps_what_was_answered_while_the_disk_is_full_and_takes_no_more) {
  auto settings = FulfilReward::dev();
  settings.parallel = 4;
  settings.batch = 8;
  for (int i = 0; i < 100; ++i) world.effects.add(1, kNow);
  bool full = true;
  world.settle_fails = [&] { return full; };
  start(settings);
  while (!gateway.waiting.empty()) {
    gateway.answer(PartnerDone{});
    world.time.run_for(1);
  }
  EXPECT_GE(world.reward->unsettled(), 8U);
  EXPECT_LE(world.reward->unsettled(), 12U) << "a batch, and what was in flight";
  EXPECT_EQ(world.effects.count(RowState::done), 0);
  full = false;
  world.time.run_for(1000);
  while (!gateway.waiting.empty()) {
    gateway.answer(PartnerDone{});
    world.time.run_for(1);
  }
  EXPECT_EQ(world.effects.count(RowState::done), 100);
  EXPECT_EQ(gateway.accrued, 100) << "nobody was paid again";
}

TEST_F(FulfillingRewards, tries_again_when_the_ledger_fails) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  world.effects.fails = [] { return true; };
  gateway.answer(PartnerUnknown{"time-out"});
  world.time.run_for(10'000);
  EXPECT_EQ(state(id), RowState::sending);
  world.effects.fails = [] { return false; };
  world.time.run_for(2000);
  ASSERT_EQ(gateway.asked, 1) << "what is unknown was not forgotten";
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
}

TEST_F(FulfillingRewards, cuts_long_errors_between_characters) {
  const EffectId id = world.effects.add(1, kNow);
  start();
  std::string error = "x";
  for (int i = 0; i < 200; ++i) error += "가";
  gateway.answer(PartnerRefused{error});
  world.time.run_for(0);
  EXPECT_EQ(world.effects.row(id).error, error.substr(0, 298));
}

class DrainingRewards : public FulfillingRewards {
 protected:
  void drain(std::int64_t within_ms) {
    detach([](FulfilReward& reward, std::optional<bool>& out, std::int64_t within) -> Task<void> {
      auto draining = reward.drain(within);
      out = co_await draining;
    }(*world.reward, drained, within_ms));
  }
  std::optional<bool> drained;
};

TEST_F(DrainingRewards, takes_nothing_more_and_settles_what_is_in_flight) {
  auto settings = FulfilReward::dev();
  settings.parallel = 2;
  for (int i = 0; i < 4; ++i) world.effects.add(1, kNow);
  world.settle_takes = [] { return 5; };
  start(settings);
  drain(10'000);
  world.time.run_for(100);
  EXPECT_FALSE(drained.has_value());
  gateway.answer(PartnerDone{});
  gateway.answer(PartnerRetry{"HTTP 503"});
  EXPECT_FALSE(drained.has_value()) << "not durable yet";
  world.time.run_for(5);
  EXPECT_EQ(drained, true);
  EXPECT_EQ(gateway.accrued, 2);
  EXPECT_EQ(world.effects.count(RowState::done), 1);
  EXPECT_EQ(world.effects.count(RowState::pending), 3);
}

TEST_F(DrainingRewards, ends_at_its_deadline) {
  world.effects.add(1, kNow);
  start();
  drain(3000);
  world.time.run_for(2999);
  EXPECT_FALSE(drained.has_value());
  world.time.run_for(1);
  EXPECT_EQ(drained, false);
}

TEST_F(DrainingRewards, ends_at_once_with_nothing_to_do) {
  start();
  drain(3000);
  EXPECT_EQ(drained, true);
}

class NotifyingPeople : public FulfillingRewards {
 protected:
  void start(FulfilReward::Settings settings = FulfilReward::dev()) { world.start(gateway, gateway, settings); }
};

TEST_F(NotifyingPeople, says_what_was_won_under_the_key_of_the_effect) {
  const EffectId id = world.effects.add_notification(EffectKind::notification_win, 4500, "아메리카노");
  start();
  ASSERT_EQ(gateway.waiting.size(), 1U);
  ASSERT_EQ(gateway.waiting[0].call, FulfilReward::Call::notify);
  const Notification sent = gateway.waiting[0].notification;
  EXPECT_EQ(sent.event_id, "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(sent.user_id, "user1");
  EXPECT_EQ(sent.promotion_id, "p");
  EXPECT_EQ(sent.kind, "WIN");
  EXPECT_EQ(sent.title, "행운 주사위 당첨: 아메리카노");
  EXPECT_EQ(sent.body, "축하합니다! ‘아메리카노’에 당첨되었습니다.\nYou won: 아메리카노");
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
  EXPECT_EQ(gateway.accrued + gateway.asked, 0);
}

TEST_F(NotifyingPeople, says_how_many_tickets_came) {
  world.effects.add_notification(EffectKind::notification_ticket_granted, 1, "");
  world.effects.add_notification(EffectKind::notification_ticket_granted, 3, "");
  start();
  ASSERT_EQ(gateway.waiting.size(), 2U);
  EXPECT_EQ(gateway.waiting[0].notification.kind, "TICKET_GRANTED");
  EXPECT_EQ(gateway.waiting[0].notification.title, "행운 주사위 응모권 1장");
  EXPECT_EQ(gateway.waiting[0].notification.body, "응모권 1장을 받았습니다.\nYou received 1 ticket.");
  EXPECT_EQ(gateway.waiting[1].notification.body, "응모권 3장을 받았습니다.\nYou received 3 tickets.");
}

TEST_F(NotifyingPeople, sends_again_with_the_same_key_what_may_have_arrived) {
  const EffectId id = world.effects.add_notification(EffectKind::notification_win, 1, "a");
  start();
  const Notification first = gateway.waiting.at(0).notification;
  gateway.answer(PartnerUnknown{"time-out"});
  EXPECT_EQ(state(id), RowState::unknown);
  world.time.run_for(200);
  ASSERT_EQ(gateway.waiting.size(), 1U);
  EXPECT_EQ(gateway.waiting[0].notification.event_id, first.event_id);
  EXPECT_EQ(gateway.waiting[0].notification.body, first.body);
  gateway.answer(PartnerRetry{"HTTP 503"});
  EXPECT_EQ(state(id), RowState::unknown) << "the first call may have arrived all the same";
  world.time.run_for(400);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
  EXPECT_EQ(gateway.notified, 3);
  EXPECT_EQ(gateway.asked, 0) << "nobody can be asked";
}

TEST_F(NotifyingPeople, holds_up_nobody_s_points_while_it_fails) {
  auto settings = FulfilReward::dev();
  settings.parallel = 4;
  settings.give_up_after_tries = 0;
  constexpr int kNotices = 300;
  constexpr int kJoins = 30;
  for (int i = 0; i < kNotices; ++i) {  // older than any join, and no breaker's look comes to the end of them
    world.effects.add_notification(EffectKind::notification_ticket_granted, 1, "");
  }
  start(settings);
  const auto answer_all = [this] {
    while (!gateway.waiting.empty()) {
      const bool told = gateway.waiting.front().call == FulfilReward::Call::notify;
      gateway.answer(told ? PartnerAnswer(PartnerRetry{"HTTP 503"}) : PartnerDone{});
      world.time.run_for(0);
    }
  };
  answer_all();
  ASSERT_EQ(world.reward->breaker(PartnerEndpoint::notifications), CircuitBreaker::State::open);
  for (int i = 0; i < kJoins; ++i) world.effects.add(50, world.time.now());
  world.reward->poke();
  answer_all();
  EXPECT_EQ(world.effects.count(RowState::done), kJoins);
  EXPECT_EQ(world.reward->breaker(PartnerEndpoint::accruals), CircuitBreaker::State::closed);
  for (int i = 0; i < 100; ++i) {  // for ever
    world.effects.add(50, world.time.now());
    world.reward->poke();
    answer_all();
    ASSERT_EQ(world.effects.count(RowState::done), kJoins + i + 1);
    world.time.run_for(1000);
  }
  EXPECT_EQ(world.meter.breaker_endpoints, std::set{PartnerEndpoint::notifications});
  EXPECT_EQ(world.effects.count(RowState::dead), 0);
}

TEST_F(NotifyingPeople, that_are_slow_to_hear_leaves_all_calls_to_accruals) {
  auto settings = FulfilReward::dev();
  settings.parallel = 4;
  for (int i = 0; i < 40; ++i) world.effects.add_notification(EffectKind::notification_ticket_granted, 1, "");
  for (int i = 0; i < 4; ++i) world.effects.add(50, kNow);
  start(settings);
  EXPECT_EQ(gateway.notified, 4) << "nobody answers";
  EXPECT_EQ(gateway.accrued, 4);
  EXPECT_EQ(world.reward->in_flight(), 8);
}

TEST_F(NotifyingPeople, goes_on_while_accruals_fail) {
  auto settings = FulfilReward::dev();
  settings.breaker = {.failures = 1, .open_ms = 1000};
  world.effects.add(50, kNow);
  start(settings);
  gateway.answer(PartnerRetry{"HTTP 503"});
  ASSERT_EQ(world.reward->breaker(PartnerEndpoint::accruals), CircuitBreaker::State::open);
  const EffectId notice = world.effects.add_notification(EffectKind::notification_win, 1, "a");
  world.reward->poke();
  ASSERT_EQ(gateway.waiting.size(), 1U);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(notice), RowState::done);
}

TEST_F(NotifyingPeople, after_a_crash_sends_again) {
  const EffectId id = world.effects.add_notification(EffectKind::notification_win, 1, "a");
  start();
  world.crash();
  gateway.waiting.clear();
  start();
  ASSERT_EQ(gateway.waiting.size(), 1U);
  EXPECT_EQ(gateway.waiting[0].call, FulfilReward::Call::notify);
  gateway.answer(PartnerDone{});
  world.time.run_for(0);
  EXPECT_EQ(state(id), RowState::done);
}

TEST_F(NotifyingPeople, buries_what_is_refused_and_what_failed_too_often) {
  auto settings = FulfilReward::dev();
  settings.give_up_after_tries = 2;
  const EffectId refused = world.effects.add_notification(EffectKind::notification_win, 1, "a");
  const EffectId failed = world.effects.add_notification(EffectKind::notification_win, 1, "b");
  start(settings);
  gateway.answer(PartnerRefused{"HTTP 422"});
  gateway.answer(PartnerRetry{"HTTP 503"});
  world.time.run_for(200);
  gateway.answer(PartnerRetry{"HTTP 503"});
  world.time.run_for(0);
  EXPECT_EQ(state(refused), RowState::dead);
  EXPECT_EQ(state(failed), RowState::dead);
  EXPECT_TRUE(world.alarms.empty());
}

}  // namespace
}  // namespace windfall::test
