// How fast the log becomes rows: printed, since it depends on the machine; the goal is 100,000 events a second in a
// release build.
#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <iostream>

#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

constexpr int kBatches = 50;
constexpr int kBatchEvents = 4096;
constexpr std::uint64_t kUsers = 100'000;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this thread: what a machine with nothing else to do would need, apart from its disk.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + (static_cast<double>(now.tv_nsec) * 1e-9);
}

TEST(ProjectionSpeed, EveryEventBecomesARow) {
  const TemporaryFolder folder;
  Options options = test_options(folder.file("ledger.db"));
  options.event_ids = [](std::string_view, Epoch, Sequence sequence, std::uint32_t) {
    EventIds ids;
    for (std::size_t i = 0; i < 8; ++i)
      ids.effect[i] = ids.event[i] = static_cast<std::uint8_t>(contract::mixed(sequence.value) >> (8 * i));
    return ids;
  };
  const auto ledger = SqliteLedger::open(std::move(options)).value();
  contract::LogBuilder log;
  const PartitionNo p = log.promotion("p");
  ASSERT_TRUE(ledger->apply(log.batch()));
  double applying = 0;
  double computing = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kBatchEvents; ++i) {
      const std::uint64_t n = static_cast<std::uint64_t>(batch) * kBatchEvents + static_cast<std::uint64_t>(i);
      const auto day = static_cast<std::int32_t>(n / kUsers);
      const std::string user = "user-" + std::to_string((n * 7919) % kUsers);
      if (day > 0) {  // the log names a user once in a promotion
        log.add(p, Participated{
                       .user = contract::ref_of(user), .day = {day}, .day_index = 0, .amount = 500, .test = false});
      } else {
        log.join(p, user, {.day = {day}});
      }
    }
    const LogBatch made = log.batch();
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    ASSERT_TRUE(ledger->apply(made));
    computing += cpu_seconds() - cpu;
    applying += seconds_since(start);
  }
  constexpr double kEvents = static_cast<double>(kBatches) * kBatchEvents;
  std::cout << "applied " << kEvents / applying << " events/s in batches of " << kBatchEvents << ", "
            << kEvents / computing << " events per second of CPU\n";
  EXPECT_EQ(ledger->totals(p).value()->participations, kBatches * kBatchEvents);

  constexpr int kReads = 1000;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kReads; ++i) {
    ASSERT_FALSE(ledger->participations({.user = contract::ref_of("user-" + std::to_string(i))})->empty());
  }
  std::cout << "list of one user: " << seconds_since(start) * 1e6 / kReads << " us\n";
  start = std::chrono::steady_clock::now();
  for (int i = 0; i < kReads; ++i) ASSERT_EQ(ledger->totals()->size(), 1U);
  std::cout << "totals: " << seconds_since(start) * 1e6 / kReads << " us\n";
  start = std::chrono::steady_clock::now();
  std::size_t taken = 0;
  constexpr int kTakes = 40;
  for (int i = 0; i < kTakes; ++i) taken += ledger->take_due(PartnerEndpoint::accruals, {1}, 256)->size();
  std::cout << "take_due(PartnerEndpoint::accruals, 256): " << seconds_since(start) * 1e3 / kTakes << " ms\n";
  EXPECT_EQ(taken, kTakes * 256U);
}

}  // namespace
}  // namespace windfall::sqlite
