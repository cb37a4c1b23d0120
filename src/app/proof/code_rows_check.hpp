// I9, of the rows in codes.db: whatever the log announced is there, what was given out can be read, and what nobody
// announced is no more than a crash's rest.
#pragma once

#include <map>
#include <string>

#include "app/proof/codes_check.hpp"
#include "app/proof/ledger_file.hpp"
#include "application/port/code_vault.hpp"
#include "application/port/seals.hpp"

namespace windfall::proof {

class CodeRowsCheck {
 public:
  using Announced = std::map<PrizeOfCodes, CodesCheck::Supply>;

  /// Without `seals` rows are counted and not opened. After a restore the vault may be ahead of the log: it was copied
  /// last.
  CodeRowsCheck(Report& report, Seals* seals, bool restored) : report_(report), seals_(seals), restored_(restored) {}

  void judge(const std::string& path, const Announced& announced);

 private:
  struct PrizeRow {
    std::int64_t no = 0;
    PrizeOfCodes prize;
    std::int64_t count = 0;
    std::int64_t written = 0;
    std::int64_t committed = 0;
  };
  void judge_prize(LedgerFile& file, const PrizeRow& row, const CodesCheck::Supply& supply);
  void violation(const PrizeOfCodes& prize, std::string what);

  Report& report_;
  Seals* seals_;
  bool restored_;
};

}  // namespace windfall::proof
