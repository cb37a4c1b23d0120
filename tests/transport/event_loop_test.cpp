#include "adapters/http/transport/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/transport/turn_clock.hpp"

namespace windfall::http {
namespace {

using namespace std::chrono_literals;

/// One side of a connected pair; logs when bytes arrive.
class Pair final : public Watcher {
 public:
  Pair() { EXPECT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data())); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() override {
    for (const int end : ends_) ::close(end);
  }
  void on_ready(std::uint32_t events) override {
    if ((events & EPOLLIN) != 0) ready();
  }
  void write() const { EXPECT_EQ(1, ::write(ends_[1], "x", 1)); }
  [[nodiscard]] int watched() const { return ends_[0]; }

  Callback<void()> ready;

 private:
  std::array<int, 2> ends_{};
};

TEST(EventLoop, RunsPostedWorkInOrderAndNotWithinPost) {
  EventLoop loop;
  std::string log;
  loop.post([&] {
    loop.post([&] {
      log += 'c';
      loop.stop();
    });
    log += 'a';
  });
  loop.post([&] { log += 'b'; });
  EXPECT_EQ("", log);
  loop.run();
  EXPECT_EQ("abc", log);
}

TEST(EventLoop, TakesPostsFromOtherThreads) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 1000;
  EventLoop loop;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kPosts; ++n) {
        loop.post([&] {
          if (++count == kThreads * kPosts) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(kThreads * kPosts, count);
}

TEST(EventLoop, RunsTheTurnEndOnceAfterAllHandlersOfTheTurn) {
  constexpr int kPairs = 20;
  EventLoop loop;
  std::vector<std::unique_ptr<Pair>> pairs;
  std::string log;
  int turn_ends = 0;
  bool requested = false;
  for (int i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    Pair& pair = *pairs.back();
    pair.ready = [&] {
      log += 'h';
      if (std::exchange(requested, true)) return;
      loop.on_turn_end([&] {
        ++turn_ends;
        log += '|';
        loop.stop();
      });
    };
    ASSERT_TRUE(loop.watch(pair.watched(), pair, Interest::stream));
    pair.write();
  }
  loop.run();
  EXPECT_EQ(1, turn_ends);
  EXPECT_EQ(std::string(kPairs, 'h') + "|", log);
  for (const auto& pair : pairs) loop.unwatch(pair->watched(), *pair);
}

TEST(EventLoop, WorkAfterTheSocketsRunsOnceBeforeTheTurnEnds) {
  constexpr int kPairs = 20;
  EventLoop loop;
  EXPECT_FALSE(loop.after_sockets([] { FAIL(); })) << "no sockets are being handled";
  std::vector<std::unique_ptr<Pair>> pairs;
  std::string log;
  for (int i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    Pair& pair = *pairs.back();
    pair.ready = [&] {
      log += 'h';
      if (log.size() > 1) return;
      loop.on_turn_end([&] {
        log += '|';
        loop.stop();
      });
      EXPECT_TRUE(loop.after_sockets([&] {
        log += 's';
        EXPECT_TRUE(loop.after_sockets([&] {
          log += 't';
          EXPECT_TRUE(loop.after_sockets([&] {
            log += 'u';
            EXPECT_FALSE(loop.after_sockets([] { FAIL(); })) << "somebody could keep the loop for itself";
          }));
        }));
      }));
      EXPECT_TRUE(loop.after_sockets([&] { log += 's'; }));
    };
    ASSERT_TRUE(loop.watch(pair.watched(), pair, Interest::stream));
    pair.write();
  }
  loop.run();
  EXPECT_EQ(std::string(kPairs, 'h') + "sstu|", log) << "round by round";
  loop.post([&] {
    EXPECT_FALSE(loop.after_sockets([] { FAIL(); })) << "posted work is not a socket's";
    loop.stop();
  });
  loop.run();
  for (const auto& pair : pairs) loop.unwatch(pair->watched(), *pair);
}

TEST(EventLoop, ATurnHasOneTimeForAllOfIt) {
  class Steps final : public Clock {
   public:
    [[nodiscard]] Instant now() const override { return {++looks}; }
    [[nodiscard]] std::int64_t monotonic_ms() const override { return 100 + looks; }
    mutable std::int64_t looks = 0;
  };
  EventLoop loop;
  const Steps steps;
  TurnClock clock(steps, loop);
  EXPECT_EQ(clock.now(), Instant{1});
  EXPECT_EQ(clock.now(), Instant{2}) << "beside a turn it is the clock's";
  std::vector<std::uint64_t> turns;
  Pair one;
  Pair other;
  Instant time;
  const auto look = [&] {
    turns.push_back(loop.turn());
    const Instant first = clock.now();
    time = first;
    const std::int64_t since = clock.monotonic_ms();
    steps.looks += 5;
    EXPECT_EQ(clock.now(), first);
    EXPECT_EQ(clock.monotonic_ms(), since);
    EXPECT_TRUE(loop.after_sockets([&] { EXPECT_EQ(clock.now(), time); }));
  };
  one.ready = [&] {
    look();
    if (turns.size() == 1) {
      clock.forget();
      EXPECT_GT(clock.now(), time) << "it was set";
      time = clock.now();
    }
    loop.on_turn_end([&] { turns.size() < 4 ? one.write() : loop.stop(); });
  };
  other.ready = look;
  ASSERT_TRUE(loop.watch(one.watched(), one, Interest::stream));
  ASSERT_TRUE(loop.watch(other.watched(), other, Interest::stream));
  one.write();
  other.write();
  loop.run();
  ASSERT_GE(turns.size(), 4U);
  EXPECT_NE(turns.front(), 0U);
  EXPECT_LT(turns.front(), turns.back());
  EXPECT_EQ(loop.turn(), 0U);
  loop.unwatch(one.watched(), one);
  loop.unwatch(other.watched(), other);
}

// A sync begins at the end of a turn: what has come while many were handled should share it.
TEST(EventLoop, WhatComesWhileManyAreHandledBelongsToTheSameTurn) {
  constexpr int kPairs = 20;
  EventLoop loop;
  std::string log;
  Pair late;
  late.ready = [&] { log += 'l'; };
  ASSERT_TRUE(loop.watch(late.watched(), late, Interest::stream));
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    pairs.back()->ready = [&] {
      if (log.empty()) {
        loop.on_turn_end([&] {
          log += '|';
          loop.stop();
        });
      }
      log += 'h';
      if (log.size() == kPairs) late.write();
    };
    ASSERT_TRUE(loop.watch(pairs.back()->watched(), *pairs.back(), Interest::stream));
    pairs.back()->write();
  }
  loop.run();
  EXPECT_EQ(std::string(kPairs, 'h') + "l|", log);
  for (const auto& pair : pairs) loop.unwatch(pair->watched(), *pair);
  loop.unwatch(late.watched(), late);
}

TEST(EventLoop, ATurnEndsHoweverManyAreAlwaysReady) {
  constexpr int kPairs = 20;
  constexpr int kMost = 256;  // of a turn
  EventLoop loop;
  int handled = 0;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    pairs.back()->ready = [&] {
      if (handled++ == 0) loop.on_turn_end([&] { loop.stop(); });
    };
    ASSERT_TRUE(loop.watch(pairs.back()->watched(), *pairs.back(), Interest::listener));  // which nobody reads from
    pairs.back()->write();
  }
  loop.run();
  EXPECT_GE(handled, kPairs);
  EXPECT_LE(handled, kMost);
  for (const auto& pair : pairs) loop.unwatch(pair->watched(), *pair);
}

TEST(EventLoop, RunsTheTurnEndBeforeItSleeps) {
  EventLoop loop;
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration waited{};
  // Nothing else happens for ten seconds: a loop that slept first would come back then.
  const Timer wake = loop.call_after(10s, [&] { loop.stop(); });
  loop.post([&] {
    loop.on_turn_end([&] {
      waited = std::chrono::steady_clock::now() - begin;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_GT(waited, 0s);
  EXPECT_LT(waited, 5s);
}

TEST(EventLoop, RunsWorkRequestedWithinTheTurnEndInTheNextTurn) {
  EventLoop loop;
  std::string log;
  loop.post([&] {
    loop.on_turn_end([&] {
      log += '1';
      loop.post([&] { log += 'p'; });
      loop.on_turn_end([&] {
        log += '3';
        loop.stop();
      });
    });
    loop.on_turn_end([&] { log += '2'; });
  });
  loop.run();
  EXPECT_EQ("12p3", log);
}

TEST(EventLoop, CallsATimerOnceAndNotAfterItWasCancelledOrDestroyed) {
  EventLoop loop;
  std::string log;
  Timer cancelled = loop.call_after(1ms, [&] { log += 'c'; });
  {
    const Timer destroyed = loop.call_after(1ms, [&] { log += 'd'; });
  }
  Timer replaced = loop.call_after(1ms, [&] { log += 'r'; });
  replaced = loop.call_after(2ms, [&] { log += 'R'; });
  const Timer last = loop.call_after(20ms, [&] { loop.stop(); });
  cancelled.cancel();
  EXPECT_FALSE(cancelled.pending());
  EXPECT_TRUE(replaced.pending());
  loop.run();
  EXPECT_EQ("R", log);
  EXPECT_FALSE(replaced.pending());
}

TEST(EventLoop, DoesNotCallATimerCancelledByAnEarlierHandlerOfTheSameMoment) {
  EventLoop loop;
  int calls = 0;
  Timer first;
  Timer second;
  first = loop.call_after(1ms, [&] {
    ++calls;
    second.cancel();
  });
  second = loop.call_after(1ms, [&] {
    ++calls;
    first.cancel();
  });
  std::this_thread::sleep_for(5ms);  // both are due when the loop first looks
  const Timer last = loop.call_after(20ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(1, calls);
}

TEST(EventLoop, ReportsNothingToAWatcherThatWasUnwatchedInTheSameTurn) {
  EventLoop loop;
  Pair first;
  Pair second;
  int calls = 0;
  const auto leave_alone = [&](Pair& other) {
    return [&] {
      ++calls;
      loop.unwatch(other.watched(), other);
      loop.on_turn_end([&] { loop.stop(); });
    };
  };
  first.ready = leave_alone(second);
  second.ready = leave_alone(first);
  ASSERT_TRUE(loop.watch(first.watched(), first, Interest::stream));
  ASSERT_TRUE(loop.watch(second.watched(), second, Interest::stream));
  first.write();
  second.write();
  loop.run();
  EXPECT_EQ(1, calls);
}

TEST(EventLoop, CanBeRunAgainAfterStop) {
  EventLoop loop;
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop.post([&] {
      ++runs;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(2, runs);
}

TEST(EventLoop, TellsOfSignals) {
  EventLoop loop;
  std::vector<int> seen;
  loop.on_signal([&](int number) {
    seen.push_back(number);
    if (seen.size() == 1) std::raise(SIGINT);
    if (seen.size() == 2) loop.stop();
  });
  loop.post([] { std::raise(SIGTERM); });
  loop.run();
  EXPECT_EQ((std::vector<int>{SIGTERM, SIGINT}), seen);
}

TEST(EventLoop, DestroysWaitingWorkUncalled) {
  auto token = std::make_shared<int>(0);
  {
    EventLoop loop;
    loop.post([token] { ++*token; });
  }
  EXPECT_EQ(1, token.use_count());
  EXPECT_EQ(0, *token);
}

}  // namespace
}  // namespace windfall::http
