// windfall_load: drives one POST route with unique users and a share of repeats, prints what became of every request as
// one JSON object.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "generator.hpp"

namespace {

using windfall::load::Generator;
using windfall::load::Outcome;
using windfall::load::Plan;
using windfall::load::Report;
using windfall::load::WhenBusy;

std::uint32_t quantile(const std::vector<std::uint32_t>& sorted, double q) {
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

void print(const Report& report) {
  std::map<std::pair<std::int32_t, std::uint32_t>, std::vector<std::uint32_t>> kinds;
  for (const Outcome& outcome : report.outcomes) kinds[{outcome.status, outcome.code}].push_back(outcome.latency_us);
  std::printf("{\"sent\":%llu,\"dropped\":%llu,\"seconds\":%.6f,\"answers\":[",
              static_cast<unsigned long long>(report.sent), static_cast<unsigned long long>(report.dropped),
              report.seconds);
  const char* comma = "";
  for (auto& [kind, latencies] : kinds) {
    std::ranges::sort(latencies);
    std::printf("%s{\"status\":%d,\"code\":\"%s\",\"count\":%zu,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}", comma,
                kind.first, report.codes[kind.second].c_str(), latencies.size(), quantile(latencies, 0.5),
                quantile(latencies, 0.99), latencies.back());
    comma = ",";
  }
  std::printf("]}\n");
}

/// One line per request: user number, status (0 = no answer), code ("-" = none), latency in microseconds.
bool write_log(const Report& report, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  for (const Outcome& outcome : report.outcomes) {
    const std::string& code = report.codes[outcome.code];
    std::fprintf(file, "%u %d %s %u\n", outcome.user, outcome.status, code.empty() ? "-" : code.c_str(),
                 outcome.latency_us);
  }
  return std::fclose(file) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  bool drop = false;
  std::string log;
  CLI::App app("Open-loop load with an account of every answer; loopback only.");
  app.add_option("--port", plan.port, "of the server on 127.0.0.1")->required();
  app.add_option("--path", plan.path, "to POST to")->required();
  app.add_option("--header", plan.headers, "\"Name: value\", repeatable")->take_all();
  app.add_option("--user-prefix", plan.user_prefix, "users are this and a number");
  app.add_option("--first-user", plan.first_user, "number of the first user");
  app.add_option("--rate", plan.rate, "requests per second; 0: as fast as the connections allow");
  app.add_option("--connections", plan.connections)->check(CLI::Range(1, 60'000));
  app.add_option("--count", plan.count, "requests in all");
  app.add_option("--seconds", plan.seconds, "to go on for");
  app.add_option("--repeats", plan.repeats, "share of requests for users who were there before")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--drop", drop, "a due request that finds no free connection is dropped, not delayed");
  app.add_option("--patience", plan.patience, "seconds to wait for a server that is away");
  app.add_option("--seed", plan.seed);
  app.add_option("--log", log, "file for one line per request");
  CLI11_PARSE(app, argc, argv);
  if (plan.count == 0 && plan.seconds <= 0) {
    std::fputs("one of --count and --seconds is needed\n", stderr);
    return 2;
  }
  plan.when_busy = drop ? WhenBusy::drop : WhenBusy::wait;

  const Report report = Generator(plan).run();
  print(report);
  if (!log.empty() && !write_log(report, log)) {
    std::perror(log.c_str());
    return 1;
  }
}
