#include "app/proof/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/codec/json_out.hpp"

namespace windfall::proof {

namespace {

struct Wording {
  const char* holds;   ///< what the invariant says
  const char* advice;  ///< what to do when it does not hold
};

constexpr std::array<Wording, kInvariants> kWordings{{
    {"never oversold, in total and by day", "stop sales of the promotion and report it: the decision itself was wrong"},
    {"at most one participation a day and person", "stop the promotion and report it: the decision itself was wrong"},
    {"every acceptance satisfied its rules", "pause the promotion and report it: the decision itself was wrong"},
    {"one accrual per acceptance, of the amount promised",
     "pause all, compare the named effects with the partner's book before anything is sent again"},
    {"nobody holds less than no ticket", "pause the promotion and report it: the decision itself was wrong"},
    {"tickets are granted once for each cause, as many as promised",
     "pause the promotion and report it: the decision itself was wrong"},
    {"one ticket a draw, in the segment of its time, serials without gaps",
     "pause the promotion and report it: the decision itself was wrong"},
    {"decks follow from plan and seed; never more winners than prizes, nobody wins too often",
     "pause the promotion and report it before any prize is handed out"},
    {"a code belongs to one win, and codes add up to what was imported",
     "pause the promotion and keep its codes back: the named codes may be with two people"},
    {"one notification for each event that asks for it, none of a test",
     "compare the named effects with what the partner has sent before they are sent again"},
    {"what was acknowledged is in the journal, undamaged",
     "keep a copy of the directory, then restore the last backup"},
    {"no command accepted twice within 24 hours", "report it: a repetition was taken for a new command"},
    {"the ledger is the fold of the journal",
     "the journal is right: keep a copy of ledger.db, then have the named people repaired, or the ledger rebuilt "
     "(operations.md)"},
    {"two replays give the same state", "report it: the fold is not deterministic"},
    {"days follow from journalled times, which never decrease", "report it: the sequencer or a clock was wrong"},
    {"every operator action has who, what and when, in an unbroken audit",
     "treat the audit as tampered with: compare it with the last backup"},
}};

const Wording& wording(Invariant invariant) { return kWordings[static_cast<std::size_t>(invariant)]; }

/// What the line of an invariant says, for people and for programs.
struct StateName {
  const char* text;
  const char* json;
};

StateName state_of(std::int64_t violations, bool judged) {
  if (violations > 0) return {.text = "VIOLATED", .json = "VIOLATED"};
  if (!judged) return {.text = "NOT JUDGED", .json = "NOT_JUDGED"};
  return {.text = "holds", .json = "HOLDS"};
}

template <class Visit>
void for_each_invariant(Visit visit) {
  for (std::size_t i = 0; i < kInvariants; ++i) visit(static_cast<Invariant>(i));
}

}  // namespace

std::string name_of(Invariant invariant) { return fmt::format("I{}", static_cast<int>(invariant) + 1); }

std::string to_text(const Place& place) {
  if (place.frame == 0) {
    return fmt::format("partition {}, sequence {}", place.partition.value, place.sequence.value);
  }
  return fmt::format("frame {}, partition {}, sequence {}", place.frame, place.partition.value, place.sequence.value);
}

void Report::violation(Invariant invariant, std::string where, std::string what) {
  Line& of = line(invariant);
  if (++of.violations <= kToldPerInvariant) {
    findings_.push_back({.invariant = invariant, .where = std::move(where), .what = std::move(what)});
  }
}

bool Report::ok() const {
  return std::ranges::all_of(lines_, [](const Line& of) { return of.violations == 0 && of.judged; });
}

/// Behind a hole in the log much looks wrong that was right: nobody should stop, pause or report for that.
std::string Report::advice_on(Invariant invariant) const {
  if (invariant != Invariant::i11 && violations_of(Invariant::i11) > 0) {
    return "see I11 first: what is damaged or missing there may be the cause";
  }
  return wording(invariant).advice;
}

std::string Report::as_text() const {
  std::string out;
  for_each_invariant([&](Invariant invariant) {
    const Line& of = line(invariant);
    out += fmt::format("{:<4} {:<10} {:>10} checked  {}\n", name_of(invariant), state_of(of.violations, of.judged).text,
                       of.checked, wording(invariant).holds);
    for (const std::string& note : of.notes) out += fmt::format("       note: {}\n", note);
    if (of.violations == 0) return;
    for (const ProofFinding& finding : findings_) {
      if (finding.invariant == invariant) out += fmt::format("       {}: {}\n", finding.where, finding.what);
    }
    if (of.violations > kToldPerInvariant)
      out += fmt::format("       and {} more\n", of.violations - kToldPerInvariant);
    out += fmt::format("       what to do: {}\n", advice_on(invariant));
  });
  out += ok() ? "every invariant holds\n" : "there are findings\n";
  return out;
}

std::string Report::as_json() const {
  std::string out;
  codec::ObjectWriter writer(out);
  writer.boolean("ok", ok());
  std::array<Invariant, kInvariants> all{};
  for (std::size_t i = 0; i < kInvariants; ++i) all[i] = static_cast<Invariant>(i);
  codec::append_json_array(writer.name("invariants"), all, [&out, this](Invariant invariant) {
    const Line& of = line(invariant);
    codec::ObjectWriter one(out);
    one.text("id", name_of(invariant)).integer("checked", of.checked).integer("violations", of.violations);
    one.text("state", state_of(of.violations, of.judged).json);
    codec::append_json_array(one.name("notes"), of.notes,
                             [&out](const std::string& note) { codec::append_json_string(out, note); });
    one.close();
  });
  codec::append_json_array(writer.name("findings"), findings_, [&out](const ProofFinding& finding) {
    codec::ObjectWriter(out)
        .text("id", name_of(finding.invariant))
        .text("where", finding.where)
        .text("what", finding.what)
        .close();
  });
  writer.close();
  return out;
}

}  // namespace windfall::proof
