// `windfall bench`: puts a promotion under open-loop load, accounts for every answer, and compares the answers with the
// server's books and the partner's.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/json_out.hpp"
#include "app/commands.hpp"
#include "app/load/audit.hpp"
#include "app/load/crowd_order.hpp"
#include "app/load/generator.hpp"
#include "app/load/http_call.hpp"
#include "app/load/tally.hpp"

namespace windfall::app {

namespace {

constexpr std::size_t kMaxConnections = 60'000;  // the ports of one address
constexpr double kDefaultSeconds = 10;
/// With --until-sold-out alone: a stock that is never sold out must not keep the run going for ever.
constexpr double kLongest = 3600;

struct BenchFlags {
  std::string url = "http://127.0.0.1:8080";
  std::string promotion;
  double rate = 1000;
  double seconds = 0;
  std::uint64_t count = 0;
  std::uint32_t users = 0;
  std::uint32_t first_user = 0;
  double repeats = 0;
  std::size_t connections = 128;
  std::string user_prefix = "bench-";
  std::string gateway_key;
  std::string admin_key;
  std::string book;
  double settle = 60;
  double patience = 30;
  bool until_sold_out = false;
  bool drop = false;
  std::uint64_t seed = 1;
  std::string log;
  std::string output = "text";
};

struct Run {
  load::Report report;
  load::Tally tally;
  load::Answers answers;
  std::vector<load::Difference> differences;
  bool compared = false;
};

/// One line per request: user number, status (0 = unknown), code ("-" = none), latency in microseconds.
void write_line(std::FILE* log, const load::Arrived& arrived) {
  fmt::print(log, "{} {} {} {}\n", arrived.visit.user, arrived.status, arrived.code.empty() ? "-" : arrived.code,
             arrived.latency_us);
}

load::Report drive(const BenchFlags& flags, const load::Target& target, std::FILE* log, Run& run) {
  load::RepeatingCrowd crowd(
      {.first_user = flags.first_user, .users = flags.users, .repeats = flags.repeats, .seed = flags.seed});
  std::atomic<bool> sold_out = false;
  const bool keep = !flags.admin_key.empty() || !flags.book.empty();
  load::Plan plan;
  plan.target = target;
  plan.paths = {"/v1/promotions/" + codec::percent_encode(flags.promotion) + "/participations"};
  if (!flags.gateway_key.empty()) plan.headers = {"Authorization: Bearer " + flags.gateway_key};
  plan.user_prefix = flags.user_prefix;
  plan.rate = flags.rate;
  plan.connections = flags.connections;
  plan.count = flags.count;
  plan.seconds = flags.seconds;
  const bool bounded = flags.count > 0 || flags.users > 0 || flags.seconds > 0;
  if (!bounded) plan.seconds = flags.until_sold_out ? kLongest : kDefaultSeconds;
  plan.when_busy = flags.drop ? load::WhenBusy::drop : load::WhenBusy::wait;
  plan.patience = flags.patience;
  plan.stop = &sold_out;
  plan.next = [&crowd] { return crowd.next(); };
  plan.on_arrived = [&](const load::Arrived& arrived) {
    run.tally.add(arrived);
    if (keep) run.answers.add(arrived);
    if (log != nullptr) write_line(log, arrived);
    if (flags.until_sold_out && arrived.code == "SOLD_OUT") sold_out = true;
  };
  return load::Generator(std::move(plan)).run();
}

/// The books, as far as they were named. `before` is what the server said before the run.
Result<void> compare(const BenchFlags& flags, const load::Books& books, const load::Stats& before, Run& run) {
  const load::Cast cast{.promotions = {flags.promotion}, .user_prefix = flags.user_prefix};
  if (!flags.admin_key.empty()) {
    const Result<load::Stats> after = load::read_stats(books, flags.promotion);
    if (!after) return tl::unexpected(after.error());
    compare_counts(cast, run.answers, {.promotion = 0, .before = before, .after = *after}, run.differences);
    const auto reconciliation =
        load::call_for_json(books.server, {.path = "/v1/admin/reconciliation", .admin_key = books.admin_key});
    if (!reconciliation) return tl::unexpected(reconciliation.error());
    compare_ledger(*reconciliation, cast, run.differences);
    run.compared = true;
  }
  if (!flags.book.empty()) {
    const Result<bool> settled = wait_for_accruals(books, cast.promotions, flags.settle, [] { return true; });
    if (!settled) return tl::unexpected(settled.error());
    if (!*settled) {
      run.differences.push_back(
          {.kind = "PENDING",
           .promotion = flags.promotion,
           .detail = fmt::format("accruals are still pending, and none was done for {} s", flags.settle)});
    }
    const Result<load::Target> at = load::resolve(flags.book);
    if (!at) return tl::unexpected(at.error());
    const auto book = load::call_for_json(*at, {});
    if (!book) return tl::unexpected(book.error());
    compare_book(*book, cast, run.answers, run.differences);
  }
  return {};
}

/// As many open files as the system lets this process have; true if that is enough for the connections.
bool room_for(std::size_t connections) {
  constexpr std::size_t kOthers = 32;  // logs, libraries, the calls beside the load
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur >= connections + kOthers;
}

std::string milliseconds(std::uint64_t us) {
  constexpr double kMicroseconds = 1000;
  return fmt::format("{:.2f}", static_cast<double>(us) / kMicroseconds);
}

void print_text(const BenchFlags& flags, const Run& run) {
  constexpr double kMedian = 0.5;
  constexpr double kP90 = 0.9;
  constexpr double kP99 = 0.99;
  constexpr double kP999 = 0.999;
  const double per_second = run.report.seconds > 0 ? static_cast<double>(run.report.sent) / run.report.seconds : 0;
  fmt::print("promotion {} at {}: {} requests in {:.1f} s ({:.0f}/s), {} dropped\n\n", flags.promotion, flags.url,
             run.report.sent, run.report.seconds, per_second, run.report.dropped);
  fmt::print("{:<28}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "answer (ms from due time)", "count", "p50", "p90", "p99",
             "p99.9", "max");
  for (const auto& [kind, took] : run.tally.kinds()) {
    const std::string what =
        kind.status == 0 ? "unknown (connection lost)" : fmt::format("{} {}", kind.status, kind.code);
    fmt::print("{:<28}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}\n", what, took.count(), milliseconds(took.quantile(kMedian)),
               milliseconds(took.quantile(kP90)), milliseconds(took.quantile(kP99)), milliseconds(took.quantile(kP999)),
               milliseconds(took.max()));
  }
  if (!run.compared) {
    fmt::print("\nthe books were not compared: that needs --admin-key\n");
    return;
  }
  fmt::print("\n{} accepted, {} unknown; compared with stock and ledger{}: {}\n", run.answers.accepted().size(),
             run.answers.unknown().size(), flags.book.empty() ? "" : " and the partner's book",
             run.differences.empty() ? "no difference" : fmt::format("{} differences", run.differences.size()));
  for (std::size_t i = 0; i < std::min(run.differences.size(), load::kListed); ++i) {
    fmt::print("  {}: {}\n", run.differences[i].kind, run.differences[i].detail);
  }
}

void print_json(const Run& run) {
  std::string out;
  append_report(out, run.report, run.tally);
  if (run.compared) {
    fmt::format_to(std::back_inserter(out),
                   R"(,"books":{{"accepted":{},"unknown":{},"differenceCount":{},"differences":)",
                   run.answers.accepted().size(), run.answers.unknown().size(), run.differences.size());
    append_differences(out, run.differences);
    out += '}';
  }
  fmt::print("{}}}\n", out);
}

int bench(const BenchFlags& flags) {
  const auto failed = [](const Failure& failure) {
    fmt::print(stderr, "windfall: {}\n", failure.message);
    return failure.code == FailureCode::invalid ? kExitUsage : kExitFailed;
  };
  if (!flags.book.empty() && flags.admin_key.empty()) {
    fmt::print(stderr, "windfall: --book needs --admin-key: the server says when every accrual is settled\n");
    return kExitUsage;
  }
  if (!room_for(flags.connections)) {
    fmt::print(stderr, "windfall: --connections: more than this process may open files (ulimit -n)\n");
    return kExitUsage;
  }
  const Result<load::Target> target = load::resolve(flags.url);
  if (!target) return failed(target.error());
  const load::Books books{.server = *target, .admin_key = flags.admin_key};
  load::Stats before;
  if (!flags.admin_key.empty()) {
    const Result<load::Stats> stats = load::read_stats(books, flags.promotion);
    if (!stats) return failed(stats.error());
    before = *stats;
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> log(
      flags.log.empty() ? nullptr : std::fopen(flags.log.c_str(), "we"),
      [](std::FILE* file) { return std::fclose(file); });
  if (!flags.log.empty() && !log)
    return failed({.code = FailureCode::invalid, .message = flags.log + ": cannot be written"});

  Run run;
  run.report = drive(flags, *target, log.get(), run);
  if (run.report.sent == 0)
    return failed({.code = FailureCode::unavailable, .message = flags.url + ": nobody answers"});
  if (const Result<void> compared = compare(flags, books, before, run); !compared) return failed(compared.error());
  if (flags.output == "json") {
    print_json(run);
  } else {
    print_text(flags, run);
  }
  if (log && std::fflush(log.get()) != 0)
    return failed({.code = FailureCode::disk_full, .message = flags.log + ": not written"});
  return run.differences.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void add_bench(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "bench", "Put a promotion under open-loop load and account for every answer; without a bound, for 10 s");
  auto flags = std::make_shared<BenchFlags>();
  command->add_option("--url", flags->url, "Of the server")->capture_default_str();
  command->add_option("--promotion", flags->promotion, "Id of the promotion to join")->required();
  command->add_option("--rate", flags->rate, "Requests per second; 0: as fast as the connections allow")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--seconds", flags->seconds, "To go on for")->check(CLI::NonNegativeNumber);
  command->add_option("--count", flags->count, "Requests in all");
  command->add_option("--users", flags->users, "Different users in all");
  command->add_flag("--until-sold-out", flags->until_sold_out, "Stop with the first SOLD_OUT");
  command->add_option("--repeats", flags->repeats, "Share of requests by users who were there before")
      ->check(CLI::Range(0.0, 0.99));
  command->add_option("--connections", flags->connections)
      ->check(CLI::Range(std::size_t{1}, kMaxConnections))
      ->capture_default_str();
  command->add_option("--user-prefix", flags->user_prefix, "Users are this and a number")->capture_default_str();
  command->add_option("--first-user", flags->first_user, "Number of the first user");
  command
      ->add_option("--gateway-key", flags->gateway_key,
                   "Without it users come with X-User-Id alone, as with serve --dev")
      ->envname("WINDFALL_GATEWAY_KEY");
  command->add_option("--admin-key", flags->admin_key, "Compare the answers with stock and ledger afterwards")
      ->envname("WINDFALL_ADMIN_KEY");
  command->add_option("--book", flags->book,
                      "URL of the partner's book, to be compared too: …/book or …/v1/dev/partner/book");
  command
      ->add_option("--settle", flags->settle,
                   "Seconds without a new accrual until the book is read though some are pending")
      ->capture_default_str();
  command->add_flag("--drop", flags->drop, "A due request that finds no free connection is dropped, not delayed");
  command->add_option("--patience", flags->patience, "Seconds to wait for a server that is away")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Of the order of repeats")->capture_default_str();
  command->add_option("--log", flags->log, "File for one line per request: user, status, code, microseconds");
  command->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([flags, &chosen] { chosen = [flags] { return bench(*flags); }; });
}

}  // namespace windfall::app
