// Puts the fairness export of one lottery together, row by row in the order of the ledger, so that neither a server nor
// a simulation ever holds all of it. docs/fairness.md describes the lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "application/port/lottery_ledger.hpp"
#include "domain/lottery/second_chance.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::codec {

/// A lottery that is over: all but its draws.
struct FinishedLottery {
  const Promotion* promotion = nullptr;  ///< outlives the export
  Seed seed;
  struct Segment {
    SegmentRow row;
    std::int64_t draws = 0;
  };
  std::vector<Segment> segments;  ///< ascending
  std::uint64_t pool = 0;         ///< users that the second chance is for
  bool second_chance = false;     ///< it was held
};

class FairnessExport {
 public:
  explicit FairnessExport(FinishedLottery lottery);

  /// The header.
  void begin(std::string& out);
  /// The next row, in order of decision: draws first, then what the second chance gave.
  void row(std::string& out, const DrawRow& row);
  /// What remains to be said after the last row.
  void finish(std::string& out);

 private:
  struct SecondWin {
    Pseudonym user;
    std::string_view prize;
    bool voided = false;
  };
  /// The lines of segments up to this one.
  void open_until(std::string& out, std::uint64_t segment);

  FinishedLottery lottery_;
  Pseudonyms pseudonyms_;
  std::size_t opened_ = 0;
  std::uint64_t draws_ = 0;
  std::uint64_t wins_ = 0;
  std::vector<WinPlace> voided_early_;  ///< what the second chance gives out again
  std::vector<WinPlace> voided_late_;
  std::vector<SecondWin> second_;
};

}  // namespace windfall::codec
