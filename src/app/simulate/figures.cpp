#include "app/simulate/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "adapters/codec/json_out.hpp"

namespace windfall::simulate {

namespace {

constexpr std::size_t kHoursPerDay = 24;

double percent(std::int64_t part, std::int64_t of) {
  return of == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(of);
}

std::int64_t all(const EffectRows::Counts& counts) { return counts.open + counts.unknown + counts.done + counts.dead; }

void append_counts(codec::ObjectWriter& into, const char* name, const EffectRows::Counts& counts) {
  codec::ObjectWriter object(into.name(name));
  object.integer("open", counts.open)
      .integer("unknown", counts.unknown)
      .integer("done", counts.done)
      .integer("dead", counts.dead)
      .close();
}

}  // namespace

const char* name_of_cause(std::size_t cause) {
  static constexpr std::array kNames{"VISIT", "INVITE_SENT", "INVITE_OPENED", "ADJUSTMENT"};
  static_assert(kNames.size() == kGrantCauses);
  return kNames.at(cause);
}

std::vector<Hour> hours_of(const SimulationResult& result) {
  std::vector<Hour> hours;
  hours.reserve(result.segments.size());
  for (const LotteryFold::SegmentSum& segment : result.segments) {
    const std::size_t day = segment.row.segment / kHoursPerDay;
    hours.push_back({.date = day < result.days.size() ? result.days[day].date : LocalDay{},
                     .hour = segment.row.segment % kHoursPerDay,
                     .draws = segment.draws,
                     .wins = segment.wins,
                     .odds = std::round(100 * percent(segment.wins, segment.draws)) / 100});
  }
  return hours;
}

std::string as_json(const Campaign& campaign, const SimulationResult& result) {
  std::string out;
  codec::ObjectWriter body(out);
  body.integer("seed", static_cast<std::int64_t>(result.seed)).integer("users", campaign.users);
  fmt::format_to(std::back_inserter(body.name("demand")), "{}", campaign.demand);
  body.integer("planned", result.planned)
      .integer("winners", result.winners)
      .integer("secondChance", result.second_chance)
      .integer("shortfall", result.shortfall)
      .integer("draws", result.draws)
      .integer("worth", result.spend);
  std::int64_t granted = 0;
  for (const std::int64_t each : result.granted) granted += each;
  codec::ObjectWriter tickets(body.name("tickets"));
  tickets.integer("held", result.held)
      .integer("granted", granted)
      .integer("drawn", result.draws)
      .integer("revoked", result.revoked);
  codec::ObjectWriter causes(tickets.name("byCause"));
  for (std::size_t i = 0; i < kGrantCauses; ++i) causes.integer(name_of_cause(i), result.granted[i]);
  causes.close();
  tickets.close();
  codec::ObjectWriter refusals(body.name("refusals"));
  for (const auto& [code, count] : result.refusals) refusals.integer(code, count);
  refusals.close();
  const RewardFigures& r = result.rewards;
  codec::ObjectWriter partner(body.name("partner"));
  partner.integer("spend", r.spend);
  append_counts(partner, "accruals", r.accruals);
  append_counts(partner, "notifications", r.notifications);
  partner.integer("redriven", r.redriven)
      .integer("calls", r.partner.calls)
      .integer("failed", r.partner.failed)
      .integer("unanswered", r.partner.unknown)
      .integer("refused", r.partner.refused)
      .integer("asked", r.partner.asked)
      .integer("downSeconds", r.down_ms / 1000)
      .close();
  const CodeFigures& c = result.codes;
  codec::ObjectWriter(body.name("codes"))
      .integer("files", c.files)
      .integer("imported", c.imported)
      .integer("duplicates", c.duplicates)
      .integer("assigned", c.assigned)
      .integer("left", c.left)
      .integer("waiting", c.waiting)
      .integer("waitingAtMost", c.most_waiting)
      .integer("longestWaitSeconds", c.longest_wait_ms / 1000)
      .integer("lowWaterAlarms", c.alarms)
      .close();
  codec::append_json_array(body.name("days"), result.days, [&out](const SimulatedDay& day) {
    codec::ObjectWriter(out)
        .day("date", day.date)
        .integer("plan", day.plan)
        .integer("won", day.won)
        .integer("draws", day.draws)
        .integer("worth", day.worth)
        .close();
  });
  codec::append_json_array(body.name("hours"), hours_of(result), [&out](const Hour& hour) {
    codec::ObjectWriter written(out);
    written.day("date", hour.date)
        .integer("hour", static_cast<std::int64_t>(hour.hour))
        .integer("draws", hour.draws)
        .integer("wins", hour.wins);
    fmt::format_to(std::back_inserter(written.name("odds")), "{}", hour.odds);
    written.close();
  });
  codec::append_json_array(body.name("invariants"), result.invariants, [&out](const InvariantResult& invariant) {
    codec::ObjectWriter(out)
        .text("id", invariant.id)
        .text("what", invariant.what)
        .integer("checked", invariant.checked)
        .integer("violations", invariant.violations)
        .close();
  });
  body.close();
  out += '\n';
  return out;
}

std::string as_text(const SimulationResult& result) {
  std::string out;
  const auto line = [&out]<class... A>(fmt::format_string<A...> format, A&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<A>(args)...);
    out += '\n';
  };
  line("seed {}: {} prizes planned, {} winners, {} of them in the second chance, shortfall {}", result.seed,
       result.planned, result.winners, result.second_chance, result.shortfall);
  line("{} draws, {:.2f} % of the prizes won in them", result.draws,
       percent(result.winners - result.second_chance, result.planned));
  std::string tickets;
  for (std::size_t i = 0; i < kGrantCauses; ++i) {
    fmt::format_to(std::back_inserter(tickets), "{}{} {}", i == 0 ? "" : ", ", name_of_cause(i), result.granted[i]);
  }
  line("tickets: {}; {} drawn, {} revoked, {} held", tickets, result.draws, result.revoked, result.held);
  std::string refused;
  for (const auto& [code, count] : result.refusals) {
    fmt::format_to(std::back_inserter(refused), "{}{} {}", refused.empty() ? "" : ", ", code, count);
  }
  line("refused or without a grant: {}", refused.empty() ? "nothing" : refused);
  line("worth of prizes given: {}", result.spend);
  const RewardFigures& r = result.rewards;
  line(
      "the partner's book: {} points; {} of {} accruals done, {} unknown, {} dead; {} of {} notices done, {} unknown, "
      "{} "
      "dead; {} dead letters redriven",
      r.spend, r.accruals.done, all(r.accruals), r.accruals.unknown, r.accruals.dead, r.notifications.done,
      all(r.notifications), r.notifications.unknown, r.notifications.dead, r.redriven);
  line("calls to the partner: {}; {} failed, {} without an answer, {} refused, {} asked; down for {} min",
       r.partner.calls, r.partner.failed, r.partner.unknown, r.partner.refused, r.partner.asked, r.down_ms / 60'000);
  const CodeFigures& c = result.codes;
  line(
      "codes: {} imported from {} files, {} lines refused as duplicates, {} assigned, {} left; {} coupons wait, {} at "
      "most, the longest for {} min; {} low-water alarms",
      c.imported, c.files, c.duplicates, c.assigned, c.left, c.waiting, c.most_waiting, c.longest_wait_ms / 60'000,
      c.alarms);
  line("{} events, {:.1f} MB of log, state {:016x}", result.events, static_cast<double>(result.log_bytes) / 1e6,
       result.digest);
  for (const InvariantResult& invariant : result.invariants) {
    line("{:8} {:>10} checked, {} violations  ({})", invariant.id, invariant.checked, invariant.violations,
         invariant.what);
    if (invariant.violations > 0) line("         first: {}", invariant.first);
  }
  return out;
}

}  // namespace windfall::simulate
