// How fast a large lottery becomes rows and is read: printed, since it depends on the machine; the goals are 100,000
// events a second in a release build and a few milliseconds for one user among a million. WINDFALL_LOTTERY_USERS sets
// the size; the default keeps the test short.
#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "ledger/lottery_log.hpp"
#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

constexpr std::uint64_t kBatchEvents = 4096;
constexpr std::uint32_t kDays = 24;
constexpr std::uint32_t kSegments = kDays * 24;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + (static_cast<double>(now.tv_nsec) * 1e-9);
}

class Campaign {
 public:
  explicit Campaign(std::uint64_t users) : users_(users) {}

  void run(const std::string& path) {
    Options options = test_options(path);
    ledger_ = SqliteLedger::open(std::move(options)).value();
    Promotion promotion = contract::small_lottery("dice");
    promotion.end = {promotion.start.days + static_cast<std::int32_t>(kDays) - 1};
    promotion.secrets.plan_end = promotion.end;
    promotion.lottery->segment_minutes = 60;
    promotion.lottery->expected_draws_per_day = static_cast<std::int64_t>(users_ * 3 / 2 / kDays);
    promotion.lottery->prizes[0].count = static_cast<std::uint32_t>(users_ / 8);
    contract::LotteryLog lottery(log_, promotion);
    partition_ = lottery.partition();
    std::uint64_t visited = 0;
    for (std::uint32_t segment = 0; segment < kSegments; ++segment) {
      lottery.open(segment);
      const std::uint64_t visits = users_ * (segment + 1) / kSegments;
      for (; visited < visits; ++visited) {
        const std::string user = "user-" + std::to_string(visited * 7919 % users_);
        log_.name(user);
        log_.add(partition_, Visited{.user = contract::ref_of(user), .tickets = 1});
        lottery.draw(user);
        // Every other one draws again, days later.
        if (visited % 2 == 0) lottery.draw("user-" + std::to_string(visited / 2 * 7919 % users_));
        events_ += visited % 2 == 0 ? 3 : 2;
        if (events_ - applied_ >= kBatchEvents) apply();
      }
    }
    apply();
    wins_ = lottery.wins();
  }

  SqliteLedger& ledger() { return *ledger_; }
  [[nodiscard]] PartitionNo partition() const { return partition_; }
  [[nodiscard]] std::uint32_t wins() const { return wins_; }
  void print() const {
    const auto events = static_cast<double>(events_);
    std::cout << events_ << " events of " << users_ << " users: " << events / applying_ << " events/s, "
              << events / computing_ << " events per second of CPU\n";
  }

 private:
  void apply() {
    const LogBatch batch = log_.batch();
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    const auto applied = ledger_->apply(batch);
    computing_ += cpu_seconds() - cpu;
    applying_ += seconds_since(start);
    ASSERT_TRUE(applied) << applied.error().message;
    applied_ = events_;
  }

  const std::uint64_t users_;
  std::unique_ptr<SqliteLedger> ledger_;
  contract::LogBuilder log_;
  PartitionNo partition_;
  std::uint64_t events_ = 0;
  std::uint64_t applied_ = 0;
  std::uint32_t wins_ = 0;
  double applying_ = 0;
  double computing_ = 0;
};

TEST(LotterySpeed, ALargeLotteryBecomesRowsThatAreFoundAtOnce) {
  const char* wanted = std::getenv("WINDFALL_LOTTERY_USERS");  // NOLINT(concurrency-mt-unsafe): no other thread yet
  const std::uint64_t users = wanted == nullptr ? 20'000 : std::strtoull(wanted, nullptr, 10);
  const TemporaryFolder folder;
  Campaign campaign(users);
  campaign.run(folder.file("ledger.db"));
  campaign.print();
  SqliteLedger& ledger = campaign.ledger();

  constexpr int kReads = 200;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kReads; ++i) {
    const UserRef user = contract::ref_of("user-" + std::to_string(static_cast<std::uint64_t>(i) * 4999 % users));
    ASSERT_FALSE(ledger.tickets({.user = user})->empty());
    ASSERT_FALSE(ledger.draws({.user = user})->empty());
    ASSERT_TRUE(ledger.coupons({.user = user}));
  }
  std::cout << "timeline of one user: " << seconds_since(start) * 1e3 / kReads << " ms\n";
  start = std::chrono::steady_clock::now();
  const std::size_t pool = ledger.second_chance_pool(campaign.partition(), 1)->size();
  std::cout << "pool of " << pool << ": " << seconds_since(start) * 1e3 << " ms\n";
  start = std::chrono::steady_clock::now();
  const std::int64_t middle =
      ledger.draws({.partition = campaign.partition(), .after = static_cast<std::int64_t>(users), .limit = 50})
          ->at(0)
          .seq;
  std::cout << "page of draws: " << seconds_since(start) * 1e3 << " ms\n";
  EXPECT_GT(middle, static_cast<std::int64_t>(users));
  start = std::chrono::steady_clock::now();
  const std::size_t pending = ledger.pending_coupons(campaign.partition(), 0, 256)->size();
  std::cout << "pending coupons: " << seconds_since(start) * 1e3 << " ms\n";
  EXPECT_GT(pending, 0U);
  start = std::chrono::steady_clock::now();
  std::int64_t wins = 0;
  const std::vector<DailyWins> days = ledger.wins_by_day(campaign.partition()).value();
  for (const DailyWins& day : days) wins += day.wins;
  std::cout << "wins by day: " << seconds_since(start) * 1e3 << " ms\n";
  EXPECT_EQ(wins, std::int64_t{campaign.wins()});
  EXPECT_GT(pool, 0U);
  start = std::chrono::steady_clock::now();
  std::int64_t rows = 0;
  ASSERT_TRUE(ledger.each_draw(campaign.partition(), [&rows](const DrawRow&) { return ++rows > 0; }));
  std::cout << "each of " << rows << " draws: " << seconds_since(start) * 1e3 << " ms\n";
}

}  // namespace
}  // namespace windfall::sqlite
