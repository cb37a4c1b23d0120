#include "app/metrics.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "domain/promotion/keys.hpp"

namespace windfall::app {

namespace {

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += "# HELP windfall_";
    out_ += name;
    out_ += ' ';
    out_ += help;
    out_ += "\n# TYPE windfall_";
    out_ += name;
    out_ += ' ';
    out_ += type;
    out_ += '\n';
  }
  void sample(std::string_view name, std::string_view labels, std::uint64_t value) {
    out_ += "windfall_";
    out_ += name;
    if (!labels.empty()) {
      out_ += '{';
      out_ += labels;
      out_ += '}';
    }
    out_ += ' ' + std::to_string(value) + '\n';
  }
  void one(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    family(name, type, help);
    sample(name, "", value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

std::string metrics_text(const MetricsParts& parts) {
  Text text;
  const http::Api::Counts& counts = parts.api.counters();
  text.one("http_requests_total", "counter", "Requests handed to the API.", counts.requests);
  text.family("http_responses_total", "counter", "Answers by class of status.");
  for (std::size_t c = 2; c < counts.by_class.size(); ++c) {
    text.sample("http_responses_total", "class=\"" + std::to_string(c) + "xx\"", counts.by_class.at(c));
  }
  text.one("http_connections", "gauge", "Open connections.", parts.connections);
  text.one("joins_deciding", "gauge", "Joins whose answer waits for the journal.", parts.api.deciding());
  text.one("failures_total", "counter", "Requests answered 503 because something failed.", counts.failures);

  text.family("participations_total", "counter", "Accepted participations, by promotion, since its start.");
  for (const DefinitionPtr& d : parts.store.all()) {
    text.sample("participations_total", "promotion=\"" + d->promotion.id + "\"",
                static_cast<std::uint64_t>(parts.store.peek(keys::taken(d->partition))));
  }
  text.family("stock_left", "gauge", "Participations that are still possible, by promotion.");
  for (const DefinitionPtr& d : parts.store.all()) {
    const std::int64_t left = d->promotion.limit_join_count - parts.store.peek(keys::taken(d->partition));
    text.sample("stock_left", "promotion=\"" + d->promotion.id + "\"", static_cast<std::uint64_t>(left));
  }
  text.family("refusals_total", "counter", "Refused participations by code, since the start of the process.");
  for (const auto& [code, count] : parts.refusals.counts()) {
    text.sample("refusals_total", "code=\"" + code + "\"", static_cast<std::uint64_t>(count));
  }
  text.one("refusals_dropped_total", "counter", "Refusals that the log of refusals had no room for.",
           static_cast<std::uint64_t>(parts.refusals.dropped()));

  const std::uint64_t acknowledged = parts.store.acknowledged_position();
  const std::uint64_t behind = acknowledged - std::min(acknowledged, parts.projection.position());
  text.one("journal_frames_total", "counter", "Durable frames of the journal.", acknowledged);
  text.one("ledger_lag_frames", "gauge", "Frames that the ledger has not seen yet.", behind);

  text.one("partner_accruals_total", "counter", "Accrual calls to the partner.", parts.partner.accruals);
  text.one("partner_asks_total", "counter", "Questions to the partner about unknown accruals.", parts.partner.asks);
  text.one("partner_not_done_total", "counter", "Calls to the partner that did not end in done.",
           parts.partner.not_done);
  text.one("effects_done_total", "counter", "Accruals that are done.", parts.partner.done);
  text.one("effects_dead_total", "counter", "Accruals that were given up.", parts.partner.dead);
  text.one("effects_in_flight", "gauge", "Calls to the partner under way.",
           static_cast<std::uint64_t>(parts.in_flight));
  text.one("partner_breaker_open", "gauge", "1 while the partner is not called.", parts.partner.breaker_open ? 1 : 0);

  text.family("job_runs_total", "counter", "Runs of a job.");
  for (const JobStatus& job : parts.jobs.status()) {
    text.sample("job_runs_total", "job=\"" + job.name + "\"", static_cast<std::uint64_t>(job.runs));
  }
  text.family("job_failures_total", "counter", "Runs of a job that failed.");
  for (const JobStatus& job : parts.jobs.status()) {
    text.sample("job_failures_total", "job=\"" + job.name + "\"", static_cast<std::uint64_t>(job.failures));
  }
  return text.take();
}

}  // namespace windfall::app
