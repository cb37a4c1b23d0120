#include <fmt/format.h>

#include "adapters/codec/json_out.hpp"
#include "app/fairness/verify_export.hpp"

namespace windfall::fairness {

std::string Verdict::as_text() const {
  std::string out = fmt::format(
      "promotion {}: {} lines, {} items, {} draws, {} wins, {} second-chance wins, {} voided, "
      "shortfall {}\n",
      promotion.empty() ? "unknown" : promotion, lines, items, draws, wins, second_wins, voided, shortfall);
  for (const ExportFinding& finding : findings) out += fmt::format("line {}: {}\n", finding.line, finding.what);
  if (problems > findings.size()) out += fmt::format("and {} more\n", problems - findings.size());
  out += ok() ? "every line follows from the committed plan and seed\n" : fmt::format("{} problems\n", problems);
  return out;
}

std::string Verdict::as_json() const {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  std::string out;
  codec::ObjectWriter writer(out);
  writer.boolean("ok", ok())
      .text("promotionId", promotion)
      .integer("lines", number(lines))
      .integer("items", number(items))
      .integer("draws", number(draws))
      .integer("wins", number(wins))
      .integer("secondWins", number(second_wins))
      .integer("voided", number(voided))
      .integer("shortfall", number(shortfall))
      .integer("problems", number(problems));
  codec::append_json_array(writer.name("findings"), findings, [&](const ExportFinding& finding) {
    codec::ObjectWriter item(out);
    item.integer("line", number(finding.line)).text("what", finding.what);
    item.close();
  });
  writer.close();
  return out;
}

}  // namespace windfall::fairness
