#include "app/simulate/figures.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "adapters/codec/json_out.hpp"

namespace windfall::simulate {

namespace {

double percent(std::int64_t part, std::int64_t of) {
  return of == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(of);
}

}  // namespace

const char* name_of_cause(std::size_t cause) {
  static constexpr std::array kNames{"VISIT", "INVITE_SENT", "INVITE_OPENED", "ADJUSTMENT"};
  static_assert(kNames.size() == kGrantCauses);
  return kNames.at(cause);
}

std::string as_json(const SimulationResult& result) {
  std::string out;
  codec::ObjectWriter body(out);
  body.integer("seed", static_cast<std::int64_t>(result.seed))
      .integer("planned", result.planned)
      .integer("winners", result.winners)
      .integer("secondChance", result.second_chance)
      .integer("shortfall", result.shortfall)
      .integer("draws", result.draws);
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
  codec::append_json_array(body.name("days"), result.days, [&out](const SimulatedDay& day) {
    codec::ObjectWriter(out).integer("plan", day.plan).integer("won", day.won).close();
  });
  codec::append_json_array(body.name("invariants"), result.invariants, [&out](const InvariantResult& invariant) {
    codec::ObjectWriter(out)
        .text("id", invariant.id)
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
