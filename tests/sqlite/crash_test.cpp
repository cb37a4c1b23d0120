// A process killed in the middle of apply(): what was applied before is there, the batch it was in is not, and going on
// from the stored position gives the same ledger as if nothing had happened.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "sqlite/sqlite_fixture.hpp"

namespace windfall::sqlite {
namespace {

constexpr PartitionNo kPromotion{1};
constexpr int kBatches = 12;
constexpr int kJoins = 200;

std::vector<LogBatch> log_in_batches() {
  contract::LogBuilder log;
  std::vector<LogBatch> batches;
  const PartitionNo p = log.promotion("p");
  for (int batch = 0; batch < kBatches; ++batch) {
    for (int i = 0; i < kJoins; ++i) {
      const EffectId effect = log.join(p, "u" + std::to_string(i), {.day = {batch}, .amount = i});
      if (i % 7 == 3) log.settle(effect, EffectSettled::Outcome::done);
      if (i % 7 == 4) log.settle(effect, EffectSettled::Outcome::dead, "x");
    }
    log.add(kSystemPartition,
            Audited{.audit = contract::LogBuilder::audit("export"), .subject = std::to_string(batch)});
    batches.push_back(log.batch());
  }
  return batches;
}

struct Summary {
  ParticipationDigest digest;
  std::string chain;
  std::int64_t failed = 0;
  std::int64_t done = 0;
  bool operator==(const Summary&) const = default;
};

Summary summary_of(SqliteLedger& ledger) {
  const LedgerTotals totals = *ledger.totals(kPromotion).value();
  return {.digest = ledger.digest(kPromotion).value(),
          .chain = ledger.audit(0, 1000)->back().chain,
          .failed = totals.accruals_failed,
          .done = totals.accruals_done};
}

/// Applies what is missing; a child process that dies when it projects its `dies_at`-th participation, 0 = never.
void apply_all(const std::string& path, const std::vector<LogBatch>& batches, int dies_at) {
  Options options = test_options(path);
  int projected = 0;
  options.event_ids = [&](std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
    if (++projected == dies_at) kill(getpid(), SIGKILL);
    return test_event_ids(promotion, epoch, sequence, effect);
  };
  const auto ledger = SqliteLedger::open(std::move(options)).value();
  const std::uint64_t position = ledger->position().value();
  for (const LogBatch& batch : batches) {
    if (batch.position > position && !ledger->apply(batch)) _exit(1);
  }
}

TEST(Crash, InTheMiddleOfABatchLosesThatBatchOnly) {
  const std::vector<LogBatch> batches = log_in_batches();
  const TemporaryFolder folder;
  apply_all(folder.file("straight.db"), batches, 0);
  const Summary expected = summary_of(*SqliteLedger::open(test_options(folder.file("straight.db"))).value());
  ASSERT_EQ(expected.digest.count, static_cast<std::uint64_t>(kBatches) * kJoins);

  const std::string path = folder.file("crashed.db");
  int crashes = 0;
  for (int dies_at = 1;;
       dies_at = dies_at % 311 + 97) {  // at other places of the batch each time; far enough to get on
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      apply_all(path, batches, dies_at);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const auto ledger = SqliteLedger::open(test_options(path)).value();
    const std::uint64_t position = ledger->position().value();
    const bool between_batches = position == 0 || std::ranges::any_of(batches, [&](const LogBatch& batch) {
                                   return batch.position == position;
                                 });
    ASSERT_TRUE(between_batches);
    ASSERT_TRUE(ledger->integrity()->empty());
    ASSERT_EQ(ledger->participations({.limit = 10000})->size() % kJoins, 0U);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      EXPECT_EQ(summary_of(*ledger), expected);
      break;
    }
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    ASSERT_LT(++crashes, 100);
  }
  EXPECT_GT(crashes, 5);
}

}  // namespace
}  // namespace windfall::sqlite
