// Judges a finished lottery by its published export: recomputes from the revealed seed what every line must say, with
// the same pure functions that drew. Knows nothing of servers; docs/fairness/verify.py does the same without our code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::fairness {

struct ExportFinding {
  std::uint64_t line = 0;  ///< from 1; one more than there are if something is missing at the end
  std::string what;        ///< names the place: "segment 3, serial 17: …"
};

struct Verdict {
  std::string promotion;
  std::uint64_t lines = 0;
  std::uint64_t items = 0;
  std::uint64_t draws = 0;
  std::uint64_t wins = 0;         ///< of draws, voided ones included
  std::uint64_t second_wins = 0;  ///< voided ones included
  std::uint64_t voided = 0;
  std::uint64_t shortfall = 0;
  std::uint64_t problems = 0;
  std::vector<ExportFinding> findings;  ///< in order of lines, the first kMaxFindings of the problems

  [[nodiscard]] bool ok() const { return problems == 0; }
  /// For people.
  [[nodiscard]] std::string as_text() const;
  /// {ok, promotionId, lines, items, draws, wins, secondWins, voided, shortfall, problems, findings:[{line, what}]}
  [[nodiscard]] std::string as_json() const;
};

/// One wrong line at the start can make every later one wrong; nobody reads more than this.
inline constexpr std::size_t kMaxFindings = 1000;
/// A plan of 366 days and 100 prizes takes 60 KiB; no other line takes 200 bytes.
inline constexpr std::size_t kMaxExportLine = std::size_t{1} << 20U;

/// Takes the lines of an export one by one. Memory grows with people and wins, not with draws.
class ExportVerifier {
 public:
  /// `published`: the commitment as it was seen before the first draw, 64 hex digits; "" if nobody kept it. Without it
  /// an export only proves that it agrees with itself.
  explicit ExportVerifier(std::string published = "");
  ExportVerifier(const ExportVerifier&) = delete;
  ExportVerifier& operator=(const ExportVerifier&) = delete;
  ~ExportVerifier();

  /// A line without its line feed. False once nothing that follows can be judged: the header is wrong.
  bool line(std::string_view text);
  /// After the last line, once.
  [[nodiscard]] Verdict finish();

 private:
  class Judge;
  std::unique_ptr<Judge> judge_;
};

/// The whole file. Fails if it cannot be read.
[[nodiscard]] Result<Verdict> verify_export(const std::string& path, const std::string& published = "");

}  // namespace windfall::fairness
