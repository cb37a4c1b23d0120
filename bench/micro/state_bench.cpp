// What a decision costs without HTTP and disk: propose_join and State::commit on a table of millions of users, bytes
// per participant, the longest single commit while the table grows, and taking back a batch. Usage:
// windfall_state_bench [-o json] [USERS...]
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/kernel/state.hpp"
#include "domain/promotion/join.hpp"

namespace {

using namespace windfall;

constexpr std::uint64_t kTurn = 128;   // requests that come in together at 128 connections: fetched for together
constexpr std::uint64_t kBatch = 256;  // commits between two syncs at 128 connections and more
static_assert(kBatch % kTurn == 0);
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr Instant kFirstDay{1'750'377'600'000};  // 2025-06-20T00:00:00Z
constexpr PartitionNo kPartition{1};

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// References are keyed hashes: uniform, as here.
UserRef user_of(std::uint64_t number) { return {.hi = mix(2 * number), .lo = mix((2 * number) + 1)}; }

double seconds_on(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + (static_cast<double>(at.tv_nsec) / 1e9);
}

std::int64_t nanoseconds_on(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return (at.tv_sec * 1'000'000'000) + at.tv_nsec;
}

/// Resident bytes of this process.
std::int64_t resident() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long total = 0;
  long pages = 0;
  if (file == nullptr || std::fscanf(file, "%ld %ld", &total, &pages) != 2) std::abort();
  std::fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

/// One promotion with stock for everybody and one rule, as in the comparison with the peer.
Definition definition() {
  Promotion promotion;
  promotion.id = "bench";
  promotion.title = "bench";
  promotion.reward_amount = 500;
  promotion.limit_join_count = 1'000'000'000'000;
  promotion.start = LocalDay{static_cast<std::int32_t>(kFirstDay.ms / kDay)};
  promotion.end = LocalDay{promotion.start.days + 30};
  promotion.timezone = "Asia/Seoul";
  promotion.join_types.emplace_back(DupLimit{.limit = 3});
  Zone zone{.name = "Asia/Seoul", .transitions = {{.from = kBeginningOfTime, .offset_seconds = 9 * 3600}}};
  return {.partition = kPartition,
          .revision = Revision{1},
          .created = kFirstDay,
          .modified = kFirstDay,
          .promotion = std::move(promotion),
          .zone = std::move(zone)};
}

enum class Keyed : std::uint8_t { no, yes };  ///< do requests carry an Idempotency-Key

/// A hot state with one promotion, and users who join it.
class Crowd {
 public:
  explicit Crowd(Keyed keyed) : keyed_(keyed), definition_(definition()) {
    Proposal create;
    create.partition = kPartition;
    create.events.emplace_back(DefinitionChanged{.id = "bench", .definition = "{}", .audit = {}});
    if (!std::holds_alternative<Accepted>(state_.commit(create, kFirstDay))) std::abort();
    state_.forget_undo();
  }

  /// The whole decision for one user who comes alone. Aborts if it is not the one expected: a bench of refusals would
  /// look fast.
  void join(std::uint64_t user, Instant now) {
    const JoinRequest request = request_of(user, now);
    state_.expect({kPartition, request.user, request.command});
    decide(request);
  }

  /// Joins by users [0, users), decided turn by turn as the server does, stored batch by batch.
  void join_all(std::uint64_t users, Instant now) {
    for (std::uint64_t first = 0; first < users; first += kTurn) {
      turn_.clear();
      sought_.clear();
      for (std::uint64_t user = first; user < std::min(first + kTurn, users); ++user) {
        const JoinRequest& request = turn_.emplace_back(request_of(user, now));
        state_.expect({kPartition, request.user, request.command}, sought_);
      }
      state_.fetch(sought_);
      for (const JoinRequest& request : turn_) decide(request);
      if ((first + kTurn) % kBatch == 0) state_.forget_undo();
    }
    state_.forget_undo();
  }

  State& state() { return state_; }

 private:
  [[nodiscard]] JoinRequest request_of(std::uint64_t user, Instant now) const {
    JoinRequest request{.user = user_of(user), .segments = {}, .command = {}, .now = now};
    if (keyed_ == Keyed::yes) {
      const std::uint64_t number = user ^ static_cast<std::uint64_t>(now.ms);
      request.command = Command{.hash = {.hi = mix(number), .lo = mix(~number)}, .fingerprint = number};
    }
    return request;
  }

  void decide(const JoinRequest& request) {
    const JoinDecision decision = propose_join(definition_, request, JoinFacts{});
    const auto* plan = std::get_if<JoinPlan>(&decision);
    if (plan == nullptr || !std::holds_alternative<Accepted>(state_.commit(plan->proposal, request.now))) std::abort();
  }

  Keyed keyed_;
  Definition definition_;
  State state_;
  std::vector<JoinRequest> turn_;
  std::vector<State::Sought> sought_;
};

struct Figures {
  std::uint64_t users = 0;
  double first_day_ns = 0;   ///< per decision, while the table grows
  double second_day_ns = 0;  ///< per decision, on the full table
  double keyed_ns = 0;       ///< per commit with a command kept, while both tables grow
  double undo_ns = 0;        ///< per commit taken back
  double slot_bytes = 0;     ///< per participant, allocated for slots
  double resident_bytes = 0;
  double longest_us = 0;  ///< of one commit with its command, while both tables grow
  double p9999_us = 0;
  double day_change_us = 0;  ///< the commit that drops the commands of two days ago
};

double per_decision(double from, std::uint64_t users) {
  return (seconds_on(CLOCK_THREAD_CPUTIME_ID) - from) * 1e9 / static_cast<double>(users);
}

void measure_decisions(Figures& f) {
  malloc_trim(0);
  const std::int64_t before = resident();
  Crowd crowd(Keyed::no);
  double start = seconds_on(CLOCK_THREAD_CPUTIME_ID);
  crowd.join_all(f.users, kFirstDay);
  f.first_day_ns = per_decision(start, f.users);
  f.slot_bytes = static_cast<double>(crowd.state().user_bytes(kPartition)) / static_cast<double>(f.users);
  f.resident_bytes = static_cast<double>(resident() - before) / static_cast<double>(f.users);

  start = seconds_on(CLOCK_THREAD_CPUTIME_ID);
  crowd.join_all(f.users, Instant{kFirstDay.ms + kDay});
  f.second_day_ns = per_decision(start, f.users);
}

void measure_commits(Figures& f) {
  Crowd crowd(Keyed::yes);
  const double start = seconds_on(CLOCK_THREAD_CPUTIME_ID);
  crowd.join_all(f.users, kFirstDay);
  f.keyed_ns = per_decision(start, f.users);

  // A batch that could not be stored, again and again: the state has to come out as it was.
  const std::uint64_t digest = crowd.state().digest();
  constexpr int kRounds = 200;
  double undoing = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (std::uint64_t i = 0; i < kBatch; ++i) crowd.join(f.users + i, kFirstDay);
    const double from = seconds_on(CLOCK_THREAD_CPUTIME_ID);
    crowd.state().undo_to(crowd.state().undo_forgotten());
    undoing += seconds_on(CLOCK_THREAD_CPUTIME_ID) - from;
  }
  if (crowd.state().digest() != digest) std::abort();
  f.undo_ns = undoing * 1e9 / static_cast<double>(kRounds * kBatch);
}

/// Wall time of every commit, the least of several identical passes: what the table itself does recurs at the same
/// commit, what neighbours and the scheduler do does not.
std::vector<std::uint32_t> commit_times(std::uint64_t users) {
  constexpr int kPasses = 3;
  std::vector<std::uint32_t> least(users, UINT32_MAX);
  for (int pass = 0; pass < kPasses; ++pass) {
    malloc_trim(0);  // fresh pages are part of growing
    Crowd crowd(Keyed::yes);
    for (std::uint64_t user = 0; user < users; ++user) {
      const std::int64_t from = nanoseconds_on(CLOCK_MONOTONIC);
      crowd.join(user, kFirstDay);
      if ((user + 1) % kBatch == 0) crowd.state().forget_undo();
      least[user] = std::min(least[user], static_cast<std::uint32_t>(nanoseconds_on(CLOCK_MONOTONIC) - from));
    }
  }
  return least;
}

void measure_pauses(Figures& f) {
  std::vector<std::uint32_t> times = commit_times(f.users);
  std::ranges::sort(times);
  f.longest_us = times.back() / 1e3;
  f.p9999_us = times[times.size() - 1 - (times.size() / 10'000)] / 1e3;

  // Two days after a full day the first command drops what was kept of that day.
  Crowd crowd(Keyed::yes);
  crowd.join_all(f.users, kFirstDay);
  const std::int64_t from = nanoseconds_on(CLOCK_MONOTONIC);
  crowd.join(0, Instant{kFirstDay.ms + (2 * kDay)});
  f.day_change_us = static_cast<double>(nanoseconds_on(CLOCK_MONOTONIC) - from) / 1e3;
}

void print_text(const Figures& f) {
  std::printf("%llu users\n", static_cast<unsigned long long>(f.users));
  std::printf("  decision, first day       %8.0f ns   (%.2f M/s)\n", f.first_day_ns, 1e3 / f.first_day_ns);
  std::printf("  decision, second day      %8.0f ns   (%.2f M/s)\n", f.second_day_ns, 1e3 / f.second_day_ns);
  std::printf("  commit with command       %8.0f ns   (%.2f M/s)\n", f.keyed_ns, 1e3 / f.keyed_ns);
  std::printf("  undo of one commit        %8.0f ns\n", f.undo_ns);
  std::printf("  slots per participant     %8.1f bytes\n", f.slot_bytes);
  std::printf("  resident per participant  %8.1f bytes\n", f.resident_bytes);
  std::printf("  longest commit, growing   %8.1f us   (99.99 %%: %.1f us)\n", f.longest_us, f.p9999_us);
  std::printf("  dropping a day's commands %8.1f us\n", f.day_change_us);
}

void print_json(const std::vector<Figures>& all) {
  std::printf("[");
  const char* comma = "";
  for (const Figures& f : all) {
    std::printf(
        "%s{\"users\":%llu,\"first_day_ns\":%.1f,\"second_day_ns\":%.1f,\"keyed_ns\":%.1f,\"undo_ns\":%.1f,"
        "\"slot_bytes\":%.2f,\"resident_bytes\":%.2f,\"longest_us\":%.1f,\"p9999_us\":%.1f,\"day_change_us\":%.1f}",
        comma, static_cast<unsigned long long>(f.users), f.first_day_ns, f.second_day_ns, f.keyed_ns, f.undo_ns,
        f.slot_bytes, f.resident_bytes, f.longest_us, f.p9999_us, f.day_change_us);
    comma = ",";
  }
  std::printf("]\n");
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "-o" && i + 1 < argc && std::string_view(argv[i + 1]) == "json") {
      json = true;
      ++i;
    } else if (const std::uint64_t users = std::strtoull(argv[i], nullptr, 10); users > 0) {
      sizes.push_back(users);
    } else {
      std::fputs("usage: windfall_state_bench [-o json] [USERS...]\n", stderr);
      return 2;
    }
  }
  if (sizes.empty()) sizes = {1'000'000, 10'000'000};

  std::vector<Figures> all;
  for (const std::uint64_t users : sizes) {
    Figures figures{.users = users};
    measure_decisions(figures);
    measure_commits(figures);
    measure_pauses(figures);
    if (!json) print_text(figures);
    all.push_back(figures);
  }
  if (json) print_json(all);
}
