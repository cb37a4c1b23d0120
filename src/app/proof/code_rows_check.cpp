#include "app/proof/code_rows_check.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "adapters/sqlite/codes/sqlite_code_vault.hpp"

namespace windfall::proof {

void CodeRowsCheck::violation(const PrizeOfCodes& prize, std::string what) {
  report_.violation(Invariant::i9, fmt::format("codes of promotion {}, prize {}", prize.promotion_id, prize.prize_id),
                    std::move(what));
}

void CodeRowsCheck::judge(const std::string& path, const Announced& announced) {
  Announced missing = announced;
  std::error_code none;
  if (std::filesystem::exists(path, none)) {
    const auto done = sqlite::attempt([&] {
      Result<std::unique_ptr<LedgerFile>> file = LedgerFile::open(path);
      if (!file) throw sqlite::SqlError(file.error().code, file.error().message);
      std::vector<PrizeRow> prizes;
      {
        sqlite::Rows found = (**file)("pragma integrity_check").select();
        while (found.next()) {
          if (found.text(0) != "ok") report_.violation(Invariant::i9, path, std::string(found.text(0)));
        }
      }
      {
        sqlite::Rows rows =
            (**file)("select no, promotion_id, prize_id, count, written, committed from code_prize order by no")
                .select();
        while (rows.next()) {
          prizes.push_back({.no = rows.integer(0),
                            .prize = {.promotion_id = std::string(rows.text(1)), .prize_id = std::string(rows.text(2))},
                            .count = rows.integer(3),
                            .written = rows.integer(4),
                            .committed = rows.integer(5)});
        }
      }
      for (const PrizeRow& row : prizes) {
        const auto supply = missing.extract(row.prize);
        judge_prize(**file, row, supply.empty() ? CodesCheck::Supply{} : supply.mapped());
      }
      return true;
    });
    if (!done) {
      report_.violation(Invariant::i9, path, "cannot be read: " + done.error().message);
      return;
    }
    if (seals_ == nullptr && !announced.empty()) {
      report_.note(Invariant::i9, "not checked: whether codes can be read, since there are no master keys");
    }
  }
  for (const auto& [prize, supply] : missing) {
    if (supply.imported > 0) {
      violation(prize, fmt::format("{} codes were imported, and the vault has none of them", supply.imported));
    }
  }
}

void CodeRowsCheck::judge_prize(LedgerFile& file, const PrizeRow& row, const CodesCheck::Supply& supply) {
  std::int64_t rows = 0;
  std::int64_t announced = 0;  ///< rows of codes that the log knows
  std::int64_t waiting = 0;    ///< those of them that are yet to be given out
  {
    sqlite::Rows found =
        file("select ordinal, key, sealed, digest from code where prize = ? order by ordinal").select(row.no);
    while (found.next()) {
      const std::int64_t ordinal = found.integer(0);
      ++rows;
      report_.checked(Invariant::i9);
      if (ordinal < 0 || ordinal >= row.written) {
        violation(row.prize, fmt::format("a row has ordinal {}, of {} that were written", ordinal, row.written));
        continue;
      }
      if (ordinal >= supply.imported) continue;
      ++announced;
      if (ordinal >= supply.given) ++waiting;
      if (seals_ == nullptr) continue;
      const Result<std::string> code = sqlite::open_code_row(*seals_, row.prize, static_cast<std::uint64_t>(ordinal),
                                                             found.integer(1), found.blob(2), found.blob(3));
      if (!code) violation(row.prize, code.error().message);
    }
  }
  if (rows != row.count) violation(row.prize, fmt::format("there are {} rows; {} are counted", rows, row.count));
  if (supply.imported > row.written) {
    violation(row.prize, fmt::format("{} codes were imported, of {} that were written", supply.imported, row.written));
    return;
  }
  // A code is kept for good.
  if (announced < supply.imported) {
    violation(row.prize, fmt::format("{} codes were imported, and {} of them are there", supply.imported, announced));
  }
  if (waiting < supply.imported - supply.given) {
    violation(row.prize, fmt::format("{} codes are yet to be given out, and {} of them are there",
                                     supply.imported - supply.given, waiting));
  }
  if (row.committed > supply.imported && !restored_) {
    violation(row.prize,
              fmt::format("{} codes are committed as the vault has it, {} by the log", row.committed, supply.imported));
  }
  if (row.written > supply.imported) {
    report_.note(Invariant::i9, fmt::format("promotion {}, prize {}: {} codes were written and never announced; the "
                                            "next import takes their place",
                                            row.prize.promotion_id, row.prize.prize_id, row.written - supply.imported));
  }
}

}  // namespace windfall::proof
