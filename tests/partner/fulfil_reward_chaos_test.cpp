// Exactly once, under everything that goes wrong: lost answers, late bookings, full disks, crashes in between. The
// partner here does NOT honour the key: it books whatever it is sent. Only asking before sending again keeps the book
// right, so a build that forgets to ask is caught.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "partner/reward_world.hpp"

namespace windfall::test {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kTimeout = 2000;  // FulfilReward::dev()

/// Books what arrives, once per POST that arrives, and loses answers.
class ForgetfulPartner : public PointsGateway {
 public:
  explicit ForgetfulPartner(RewardWorld& world) : world_(world) {}

  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
    const std::int64_t latency = world_.between(1, 300);
    const auto answer = [&](std::int64_t after, PartnerAnswer with) {
      world_.time.after(after, [done, with = std::move(with)] { done(with); });
    };
    const auto book_after = [&](std::int64_t delay) { world_.time.after(delay, [this, accrual] { book(accrual); }); };
    switch (world_.between(0, 9)) {
      case 0:  // 503
        answer(latency, PartnerRetry{"HTTP 503"});
        break;
      case 1:  // the request is lost
        answer(kTimeout, PartnerUnknown{"time-out"});
        break;
      case 2:  // booked, the answer is lost
        book_after(latency);
        answer(kTimeout, PartnerUnknown{"time-out"});
        break;
      case 3:  // booked after the caller has given up, but within twice the time-out
        book_after(world_.between(kTimeout, (2 * kTimeout) - 1));
        answer(kTimeout, PartnerUnknown{"time-out"});
        break;
      case 4:  // cut after sending; booked a little later, or never
        if (world_.chance(0.5)) book_after(latency + world_.between(0, kTimeout));
        answer(latency, PartnerUnknown{"connection closed"});
        break;
      default:
        book_after(latency / 2);
        answer(latency, PartnerDone{});
    }
  }

  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
    const std::int64_t latency = world_.between(1, 300);
    if (world_.chance(0.2)) {
      world_.time.after(latency, [done] { done(PartnerUnknown{"asked: HTTP 503"}); });
      return;
    }
    world_.time.after(latency / 2, [this, accrual, done, latency] {
      const PartnerAnswer answer =
          by_event.contains(accrual.event_id) ? PartnerAnswer(PartnerDone{}) : PartnerNeverSeen{};
      world_.time.after(latency - (latency / 2), [done, answer] { done(answer); });
    });
  }

  std::map<std::string, int> by_event;
  std::map<std::string, int> by_user;  ///< every effect has a user of its own here

 private:
  void book(const Accrual& accrual) {
    ++by_event[accrual.event_id];
    ++by_user[accrual.user_id];
  }

  RewardWorld& world_;
};

/// What may be wrong with a build, planted around the real use case.
struct Bug {
  std::function<Effects&(Effects&)> effects = [](Effects& real) -> Effects& { return real; };
  std::function<PointsGateway&(PointsGateway&)> gateway = [](PointsGateway& real) -> PointsGateway& { return real; };
  std::function<void(FulfilReward::Settings&)> settings = [](FulfilReward::Settings&) {};
};

struct Tally {
  int paid_twice = 0;   ///< users with more than one booking
  int done_unpaid = 0;  ///< effects settled as done, without a booking
  int unfinished = 0;   ///< neither done nor dead in the end
  int dead = 0;
  int done = 0;
  [[nodiscard]] int wrong() const { return paid_twice + done_unpaid + unfinished; }
};

Tally live_through(std::uint64_t seed, const Bug& bug = {}) {
  RewardWorld world(seed);
  world.effects_seen = bug.effects;
  ForgetfulPartner partner(world);
  PointsGateway& gateway = bug.gateway(partner);
  FulfilReward::Settings settings = FulfilReward::dev();
  settings.parallel = 8;
  bug.settings(settings);
  bool troubled = true;
  world.settle_takes = [&] { return world.between(0, 20); };
  world.apply_takes = [&] { return world.between(0, 50); };
  world.blocking_takes = [&] { return world.between(0, 5); };
  world.settle_fails = [&] { return troubled && world.chance(0.1); };
  world.effects.fails = [&] { return troubled && world.chance(0.05); };

  for (int i = 0; i < 25; ++i) world.effects.add(10, {VirtualTime::kStart + world.between(0, 3000)});
  const auto crashes = world.between(0, 3);
  world.start(gateway, settings);
  for (int i = 0; i < crashes; ++i) {
    world.time.run_for(world.between(1, 4000));
    world.crash();
    world.time.run_for(world.between(0, 100));
    world.start(gateway, settings);
  }
  // What recover() refused is tried again by whoever starts the process.
  world.time.run_for(kMinute);
  troubled = false;
  world.crash();
  world.start(gateway, settings);
  world.time.run_for(10 * kMinute);

  Tally tally;
  for (const auto& [id, row] : world.effects.rows()) {
    const int booked = partner.by_user.contains(row.effect.user_id) ? partner.by_user.at(row.effect.user_id) : 0;
    tally.paid_twice += booked > 1 ? 1 : 0;
    tally.done_unpaid += row.state == RowState::done && booked == 0 ? 1 : 0;
    tally.unfinished += row.state != RowState::done && row.state != RowState::dead ? 1 : 0;
    tally.dead += row.state == RowState::dead ? 1 : 0;
    tally.done += row.state == RowState::done ? 1 : 0;
  }
  world.reward.reset();
  world.time.run_for(kMinute);  // coroutines of ended processes free themselves
  return tally;
}

int wrong_in_fifty_lives(const Bug& bug) {
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) wrong += live_through(seed, bug).wrong();
  return wrong;
}

TEST(RewardsUnderChaos, are_booked_exactly_once_in_a_thousand_lives) {
  int dead = 0;
  int done = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Tally tally = live_through(seed);
    ASSERT_EQ(tally.paid_twice, 0) << "seed " << seed;
    ASSERT_EQ(tally.done_unpaid, 0) << "seed " << seed;
    ASSERT_EQ(tally.unfinished, 0) << "seed " << seed;
    dead += tally.dead;
    done += tally.done;
  }
  EXPECT_EQ(done + dead, 25'000);
  EXPECT_LT(dead, 25) << "giving up is for partners that are down, not for bad luck";
}

// The harness sees what it is for: each of these bugs is one line in a wrapper.

class EffectsWrapper : public Effects {
 public:
  Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override {
    return real->take_due(of, due, limit);
  }
  Result<Instant> next_due(PartnerEndpoint of) override { return real->next_due(of); }
  Result<bool> retry_later(const std::vector<Retry>& retries) override { return real->retry_later(retries); }
  Result<std::int64_t> recover() override { return real->recover(); }
  Result<Gauges> gauges() override { return real->gauges(); }
  Result<std::vector<DeadLetter>> dead_letters(std::int64_t after, int limit) override {
    return real->dead_letters(after, limit);
  }
  Result<std::optional<DeadLetter>> dead_letter(std::int64_t id) override { return real->dead_letter(id); }
  Result<bool> open_for(UserRef user) override { return real->open_for(user); }

  Effects* real = nullptr;
};

template <class Wrapper>
Bug around_effects(Wrapper& wrapper) {
  Bug bug;
  bug.effects = [&wrapper](Effects& real) -> Effects& {
    wrapper.real = &real;
    return wrapper;
  };
  return bug;
}

class GatewayWrapper : public PointsGateway {
 public:
  void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
    real->accrue(std::move(accrual), std::move(done));
  }
  void ask(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
    real->ask(std::move(accrual), std::move(done));
  }
  PointsGateway* real = nullptr;
};

template <class Wrapper>
Bug around_gateway(Wrapper& wrapper) {
  Bug bug;
  bug.gateway = [&wrapper](PointsGateway& real) -> PointsGateway& {
    wrapper.real = &real;
    return wrapper;
  };
  return bug;
}

TEST(RewardsUnderChaos, show_a_build_that_sends_again_without_asking) {
  struct NeverAsks : EffectsWrapper {
    Result<bool> retry_later(const std::vector<Retry>& retries) override {
      std::vector<Retry> forgotten = retries;
      for (Retry& retry : forgotten) retry.unknown = false;
      return real->retry_later(forgotten);
    }
  } wrapper;
  EXPECT_GT(wrong_in_fifty_lives(around_effects(wrapper)), 50);
}

TEST(RewardsUnderChaos, show_a_build_that_takes_a_time_out_for_a_failure) {
  struct TimeOutIsFailure : GatewayWrapper {
    void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
      real->accrue(std::move(accrual), [done](PartnerAnswer answer) {
        if (std::holds_alternative<PartnerUnknown>(answer)) answer = PartnerRetry{"time-out"};
        done(std::move(answer));
      });
    }
  } wrapper;
  EXPECT_GT(wrong_in_fifty_lives(around_gateway(wrapper)), 50);
}

TEST(RewardsUnderChaos, show_a_build_that_makes_a_new_key_for_every_try) {
  struct NewKeys : GatewayWrapper {
    void accrue(Accrual accrual, std::function<void(PartnerAnswer)> done) override {
      accrual.event_id += "-" + std::to_string(++made);
      real->accrue(std::move(accrual), std::move(done));
    }
    int made = 0;
  } wrapper;
  EXPECT_GT(wrong_in_fifty_lives(around_gateway(wrapper)), 50);
}

TEST(RewardsUnderChaos, show_a_build_that_believes_a_404_at_once) {
  Bug bug;
  bug.settings = [](FulfilReward::Settings& settings) { settings.call_timeout_ms = 0; };
  EXPECT_GT(wrong_in_fifty_lives(bug), 10);
}

TEST(RewardsUnderChaos, show_a_build_that_sends_again_what_was_under_way_at_a_crash) {
  struct TrustingRecovery : EffectsWrapper {
    Result<std::int64_t> recover() override {
      auto recovered = real->recover();
      trusted = true;
      return recovered;
    }
    Result<std::vector<DueEffect>> take_due(PartnerEndpoint of, Instant due, int limit) override {
      auto rows = real->take_due(of, due, limit);
      if (rows && trusted) {
        for (DueEffect& row : *rows) row.unknown = row.unknown && row.tries > 0;
      }
      return rows;
    }
    bool trusted = false;
  } wrapper;
  EXPECT_GT(wrong_in_fifty_lives(around_effects(wrapper)), 10);
}

}  // namespace
}  // namespace windfall::test
