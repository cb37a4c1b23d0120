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
    line(name, labels, std::to_string(value));
  }
  void one(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    family(name, type, help);
    sample(name, "", value);
  }
  /// Durations are in seconds, by Prometheus' convention; with thousandths, as they were measured.
  void seconds(std::string_view name, std::string_view labels, std::int64_t ms) {
    const std::int64_t known = std::max<std::int64_t>(0, ms);
    std::string thousandths = std::to_string(known % 1000);
    thousandths.insert(0, 3 - thousandths.size(), '0');
    line(name, labels, std::to_string(known / 1000) + '.' + thousandths);
  }
  std::string take() { return std::move(out_); }

 private:
  void line(std::string_view name, std::string_view labels, std::string_view value) {
    out_ += "windfall_";
    out_ += name;
    if (!labels.empty()) {
      out_ += '{';
      out_ += labels;
      out_ += '}';
    }
    out_ += ' ';
    out_ += value;
    out_ += '\n';
  }

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

  text.one("joins_shed_total", "counter", "Joins answered 503 at once, since too many wait or the journal has no room.",
           counts.shed);
  text.family("rate_limited_total", "counter", "Requests answered 429, by whose limit was reached.");
  text.sample("rate_limited_total", "by=\"user\"", counts.limited_users);
  text.sample("rate_limited_total", "by=\"address\"", counts.limited_addresses);
  text.family("bad_tokens_total", "counter",
              "Requests answered 401 although a token was sent, by what is wrong with it.");
  for (const http::TokenFaultText& fault : http::kTokenFaults) {
    text.sample("bad_tokens_total", "reason=\"" + std::string(fault.name) + "\"",
                counts.bad_tokens.at(static_cast<std::size_t>(fault.fault)));
  }

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

  text.one("journal_frames_total", "counter", "Durable frames of the journal.", parts.log.acknowledged);
  text.one("journal_writable", "gauge", "1 while the journal takes decisions, 0 while it has no room.",
           parts.log.writable ? 1 : 0);
  text.one("fenced_partitions", "gauge", "Partitions that decide nothing until their hot state is rebuilt.",
           parts.log.fenced);
  text.one("ledger_lag_frames", "gauge", "Frames that the ledger has not seen yet.", parts.log.behind);
  text.family("outbox_oldest_seconds", "gauge", "Age of the oldest event that a stage has not dealt with; 0 if none.");
  if (parts.ages.projection_ms) {
    text.seconds("outbox_oldest_seconds", "stage=\"projection\"", *parts.ages.projection_ms);
  }
  if (parts.ages.fulfilment_ms) {
    text.seconds("outbox_oldest_seconds", "stage=\"fulfilment\"", *parts.ages.fulfilment_ms);
  }
  for (const Backend::Figures::Metric& metric : parts.log.more) {
    text.one(metric.name, metric.kind, metric.help, metric.value);
  }
  text.family("ledger_sync_lag_seconds", "gauge", "Time since the ledger's documents were brought up to date.");
  if (parts.ages.ledger_sync_ms) text.seconds("ledger_sync_lag_seconds", "", *parts.ages.ledger_sync_ms);

  text.family(
      "segment_overdue_seconds", "gauge",
      "Time since the segment of a running lottery began that is not open yet, the longest; 0 if all are open.");
  if (parts.ages.segment_ms) text.seconds("segment_overdue_seconds", "", *parts.ages.segment_ms);

  text.one("inbound_waiting", "gauge", "Accepted events that are not judged yet.",
           parts.inbox.waiting() + static_cast<std::uint64_t>(parts.judge.in_flight()) + parts.judge.held());
  text.one("inbound_duplicates_total", "counter", "Accepted events that were known already.", parts.inbox.duplicates());
  text.one("inbound_judged_total", "counter", "Accepted events that were judged.", parts.judge.counts().judged);
  text.one("inbound_dropped_total", "counter", "Of these, events that a rule refused.", parts.judge.counts().dropped);

  text.one("partner_accruals_total", "counter", "Accrual calls to the partner.", parts.partner.accruals);
  text.one("partner_notifications_total", "counter", "Notification calls to the partner.", parts.partner.notifications);
  text.one("partner_asks_total", "counter", "Questions to the partner about unknown accruals.", parts.partner.asks);
  text.one("partner_not_done_total", "counter", "Calls to the partner that did not end in done.",
           parts.partner.not_done);
  text.one("effects_done_total", "counter", "Accruals that are done.", parts.partner.done);
  text.one("effects_dead_total", "counter", "Accruals that were given up.", parts.partner.dead);
  text.family("effects", "gauge", "Accruals that are not done, by state.");
  text.sample("effects", "state=\"pending\"", static_cast<std::uint64_t>(parts.effects.pending));
  text.sample("effects", "state=\"unknown\"", static_cast<std::uint64_t>(parts.effects.unknown));
  text.sample("effects", "state=\"dead\"", static_cast<std::uint64_t>(parts.effects.dead));
  text.family("effects_oldest_unknown_seconds", "gauge", "Age of the oldest accrual of unknown outcome; 0 if none.");
  if (parts.ages.unknown_ms) text.seconds("effects_oldest_unknown_seconds", "", *parts.ages.unknown_ms);
  text.one("effects_in_flight", "gauge", "Calls to the partner under way.",
           static_cast<std::uint64_t>(parts.in_flight));
  text.family("partner_breaker_open", "gauge", "1 while that endpoint of the partner is not called.");
  text.sample("partner_breaker_open", "endpoint=\"accruals\"", parts.partner.accruals_stopped ? 1U : 0U);
  text.sample("partner_breaker_open", "endpoint=\"notifications\"", parts.partner.notifications_stopped ? 1U : 0U);

  const auto by_prize = [&](std::string_view name, std::int64_t CodeLevel::* value) {
    for (const CodeLevel& level : parts.codes) {
      text.sample(name, "promotion=\"" + level.promotion_id + "\",prize=\"" + level.prize_id + "\"",
                  static_cast<std::uint64_t>(level.*value));
    }
  };
  text.family("codes_left", "gauge", "Codes that can still be given out, by prize.");
  by_prize("codes_left", &CodeLevel::left);
  text.family("codes_outstanding", "gauge",
              "Prizes that may still be won, each of which will ask for a code, by prize.");
  by_prize("codes_outstanding", &CodeLevel::outstanding);
  text.family("codes_waiting", "gauge", "Coupons that wait for a code, by prize; 256 means at least that.");
  by_prize("codes_waiting", &CodeLevel::waiting);

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
