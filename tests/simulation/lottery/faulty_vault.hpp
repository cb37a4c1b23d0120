// The real vault of codes, out of order now and then. What it says it did not do, it has not done; the exception is the
// planted bug.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "adapters/sqlite/codes/sqlite_code_vault.hpp"
#include "simulation/agenda.hpp"
#include "simulation/faulty_ledger.hpp"

namespace windfall::simulation {

class FaultyVault final : public CodeVault {
 public:
  FaultyVault(sqlite::SqliteCodeVault& real, const LedgerWeather& weather, Dice& dice, Mutant mutant)
      : real_(real), weather_(weather), dice_(dice), mutant_(mutant) {}

  Result<Import> begin_import(const PrizeOfCodes& prize, std::uint64_t imported) override {
    if (fails()) return busy();
    return real_.begin_import(prize, imported);
  }
  Result<std::vector<std::uint64_t>> append(Import import, std::span<const CodeLine> lines) override {
    if (fails()) return busy();
    return real_.append(import, lines);
  }
  Result<std::uint64_t> finish_import(Import import) override {
    if (fails()) return busy();
    const Result<std::uint64_t> rows = real_.finish_import(import);
    return rows && mutant_ == Mutant::codes_counted_wrongly ? *rows + 1 : rows;
  }
  /// Gives the claim back even if it fails.
  Result<bool> end_import(Import import, std::uint64_t imported) override { return real_.end_import(import, imported); }
  Result<std::string> read(const PrizeOfCodes& prize, std::uint64_t ordinal) override {
    if (fails()) return busy();
    return real_.read(prize, ordinal);
  }
  Result<std::vector<Counts>> counts(std::string_view promotion_id) override { return real_.counts(promotion_id); }
  Result<Resealed> reseal(std::size_t limit) override { return real_.reseal(limit); }
  Result<bool> rewind(const PrizeOfCodes& prize, std::uint64_t imported) override {
    return real_.rewind(prize, imported);
  }

 private:
  [[nodiscard]] bool fails() { return !weather_.healed && dice_.percent(2); }
  static tl::unexpected<Failure> busy() { return fail(FailureCode::unavailable, "the vault is busy"); }

  sqlite::SqliteCodeVault& real_;
  const LedgerWeather& weather_;
  Dice& dice_;
  Mutant mutant_;
};

}  // namespace windfall::simulation
