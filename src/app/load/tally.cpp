#include "app/load/tally.hpp"

#include <fmt/format.h>

#include <iterator>

namespace windfall::load {

void Tally::add(const Arrived& arrived) {
  kinds_[{.path = arrived.visit.path, .status = arrived.status, .code = std::string(arrived.code)}].add(
      arrived.latency_us);
}

std::uint64_t Tally::total() const {
  std::uint64_t total = 0;
  for (const auto& [kind, latencies] : kinds_) total += latencies.count();
  return total;
}

void append_report(std::string& out, const Report& report, const Tally& tally) {
  constexpr double kMedian = 0.5;
  constexpr double kP90 = 0.9;
  constexpr double kP99 = 0.99;
  constexpr double kP999 = 0.999;
  fmt::format_to(std::back_inserter(out), R"({{"sent":{},"dropped":{},"seconds":{:.6f},"answers":[)", report.sent,
                 report.dropped, report.seconds);
  const char* comma = "";
  for (const auto& [kind, took] : tally.kinds()) {
    fmt::format_to(
        std::back_inserter(out),
        R"({}{{"status":{},"code":"{}","count":{},"p50Us":{},"p90Us":{},"p99Us":{},"p999Us":{},"maxUs":{}}})", comma,
        kind.status, kind.code, took.count(), took.quantile(kMedian), took.quantile(kP90), took.quantile(kP99),
        took.quantile(kP999), took.max());
    comma = ",";
  }
  out += ']';
}

}  // namespace windfall::load
