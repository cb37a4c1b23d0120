// How fast the log becomes rows, in SQLite and in PostgreSQL, in one run on one machine: the same batches of 4096
// events, every commit synced. Two logs: participations alone, and participations that are settled in the next batch,
// as a partner that answers makes them.
//
//   windfall_ledger_bench [BATCHES]
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/event_ids.hpp"
#include "adapters/postgres/postgres_ledger.hpp"
#include "adapters/sqlite/sqlite_ledger.hpp"
#include "ledger/log_builder.hpp"
#include "ledger/postgres_server.hpp"

namespace {

using namespace windfall;

constexpr std::size_t kBatchEvents = 4096;
constexpr std::uint64_t kUsers = 100'000;
constexpr std::array<std::uint8_t, 16> kLineage{7};

LedgerEventIds ids_of(std::string_view promotion, Epoch epoch, Sequence sequence, std::uint32_t effect) {
  const codec::EventIds ids = codec::event_ids(
      {.lineage = kLineage, .promotion = promotion, .epoch = epoch, .sequence = sequence, .index = effect});
  return {.event = ids.event, .effect = ids.effect};
}

enum class Settled : std::uint8_t { no, yes };

/// The first batch defines the promotion.
std::vector<LogBatch> make_log(int batches, Settled settled) {
  contract::LogBuilder log;
  std::vector<LogBatch> out;
  const PartitionNo p = log.promotion("p");
  out.push_back(log.batch());
  std::vector<EffectId> open;
  std::uint64_t n = 0;
  for (int batch = 0; batch < batches; ++batch) {
    std::vector<EffectId> next;
    std::size_t events = 0;
    for (; events < open.size(); ++events) log.settle(open[events], EffectSettled::Outcome::done);
    const std::size_t joins = settled == Settled::yes ? (kBatchEvents - events) / (open.empty() ? 2 : 1) : kBatchEvents;
    for (std::size_t i = 0; i < joins; ++i, ++n) {
      const std::string user = "user-" + std::to_string((n * 7919) % kUsers);
      if (n < kUsers) log.name(user);  // the log names a user once in a promotion
      const auto day = static_cast<std::int32_t>(n / kUsers);
      const Sequence sequence = log.add(
          p, Participated{.user = contract::ref_of(user), .day = {day}, .day_index = 0, .amount = 500, .test = false});
      if (settled == Settled::yes) next.push_back(ids_of("p", Epoch{}, sequence, kAccrualIndex).effect);
    }
    open = std::move(next);
    out.push_back(log.batch());
  }
  return out;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + (static_cast<double>(now.tv_nsec) * 1e-9);
}

bool measure(const char* name, const char* what, Ledger& ledger, const std::vector<LogBatch>& log) {
  std::size_t events = 0;
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (const LogBatch& batch : log) {
    const Result<bool> applied = ledger.apply(batch);
    if (!applied || !*applied) {
      std::fprintf(stderr, "%s: %s\n", name, applied ? "a batch was skipped" : applied.error().message.c_str());
      return false;
    }
    events += batch.events.size();
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%-11s %-24s %8zu events in batches of %zu: %9.0f events/s, %4.1f us of this process's CPU each\n", name,
              what, events, kBatchEvents, static_cast<double>(events) / took,
              (cpu_seconds() - cpu) * 1e6 / static_cast<double>(events));
  return true;
}

/// Of all processes that this one has started and that have ended.
double children_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + (static_cast<double>(time.tv_usec) * 1e-6);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool measure_sqlite(const char* what, const std::vector<LogBatch>& log) {
  std::string folder = (std::filesystem::temp_directory_path() / "windfall-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return false;
  auto ledger = sqlite::SqliteLedger::open({.path = folder + "/ledger.db", .lineage = kLineage, .event_ids = ids_of});
  const bool done = ledger && measure("SQLite", what, **ledger, log);
  std::filesystem::remove_all(folder);
  return done;
}

bool measure_postgres(const char* what, const std::vector<LogBatch>& log) {
  bool done = false;
  double before = 0;
  {
    contract::PostgresServer server;
    if (const std::string why = server.make(); !why.empty()) {
      std::fprintf(stderr, "%s\n", why.c_str());
      return false;
    }
    before = children_cpu_seconds();
    const auto ledger =
        postgres::PostgresLedger::open({.connection = server.new_schema(), .lineage = kLineage, .event_ids = ids_of});
    done = ledger && measure("PostgreSQL", what, **ledger, log);
  }
  std::printf("%-11s %-24s all processes of the server: %.1f us of CPU an event\n", "", "",
              (children_cpu_seconds() - before) * 1e6 / static_cast<double>(log.size() * kBatchEvents));
  return done;
}

int run(int batches) {
  for (const Settled settled : {Settled::no, Settled::yes}) {
    const std::vector<LogBatch> log = make_log(batches, settled);
    const char* what = settled == Settled::no ? "participations" : "and their settlements";
    if (!measure_sqlite(what, log) || !measure_postgres(what, log)) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc > 1 ? std::atoi(argv[1]) : 50); }
