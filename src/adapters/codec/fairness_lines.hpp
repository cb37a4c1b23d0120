// The fairness export as text: one JSON object per line, in exactly one spelling, so that the same promotion is always
// the same file. docs/fairness.md describes it; `windfall verify` and docs/fairness/verify.py read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "domain/lottery/plan.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::codec {

/// The first line: what was committed to, and the seed that was kept secret until the close.
struct ExportHeader {
  std::string promotion;
  std::string commitment;  ///< 64 hex digits
  std::string plan;        ///< plan_text()
  Seed seed;
};
/// A segment was opened; its draws follow.
struct ExportSegment {
  SegmentNo segment;
  std::uint32_t quota = 0;   ///< Q
  std::uint32_t length = 0;  ///< L
  std::uint64_t draws = 0;   ///< how many follow
  DrawHistory::Paused paused = DrawHistory::Paused::no;
};
struct ExportDraw {
  SegmentNo segment;
  std::uint64_t serial = 0;  ///< from 0, in each segment
  Pseudonym user;
  std::optional<std::string_view> prize;  ///< id; none: it lost
};
/// A win of a draw was voided.
struct ExportVoid {
  SegmentNo segment;
  std::uint64_t serial = 0;
};
/// No draw can follow. `pool` and `items` are what the second chance has to work on, whether it is held or not.
struct ExportClosed {
  enum class SecondChance : bool { no, yes };
  SecondChance second_chance = SecondChance::no;
  std::uint64_t pool = 0;
  std::uint64_t items = 0;
};
struct ExportSecondWin {
  std::uint64_t number = 0;  ///< from 0, in the order of the shuffle
  Pseudonym user;
  std::string_view prize;
};
/// A win of the second chance was voided.
struct ExportSecondVoid {
  std::uint64_t number = 0;
};
/// The last line: sums, and what nobody got.
struct ExportEnd {
  std::uint64_t draws = 0;
  std::uint64_t wins = 0;         ///< of draws, voided ones included
  std::uint64_t second_wins = 0;  ///< voided ones included
  std::uint64_t voided = 0;
  std::uint64_t shortfall = 0;  ///< items - wins - second wins + voided
};

/// Texts that are views live as long as what they were read from or made of.
using ExportLine = std::variant<ExportHeader, ExportSegment, ExportDraw, ExportVoid, ExportClosed, ExportSecondWin,
                                ExportSecondVoid, ExportEnd>;

/// Appends the line with its line feed.
void append_export_line(std::string& out, const ExportLine& line);

/// Reads a line without its line feed; what is wrong if it is not spelled exactly as append_export_line would.
[[nodiscard]] tl::expected<ExportLine, std::string> decode_export_line(std::string_view line);

/// Reads a published plan; what is wrong if it is no plan or not its canonical spelling. Within the limits of
/// domain/lottery, days without a gap, and as many items in the days as in the prizes.
[[nodiscard]] tl::expected<Plan, std::string> decode_plan(std::string_view text);

}  // namespace windfall::codec
