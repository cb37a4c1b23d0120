// The vault of gifticon codes: (prize, ordinal) → code, encrypted at rest. It is a source of truth: what it loses
// nobody else has. It knows nothing of wins: which ordinal belongs to which win is decided by commits (`CodeAssigned`)
// and stands in the journal; burning a code is a commit too and changes nothing here.
//
// Ordinals of a prize count from 0 without gaps, in the order of import: `imported`, the number of codes that
// `CodesImported` events have announced, is also the ordinal of the next one, and a code may be assigned if its ordinal
// is below it. A code is kept for good, whatever becomes of its win: it could be imported once more if it were
// forgotten, and belong to two people.
//
// An import, in this order:
//   1. begin_import(prize, imported)   claims the prize; deletes rows at and above `imported` that a crash has left
//   2. append(import, lines) ...       rows are durable when each call returns
//   3. finish_import(import)           how many codes came in
//   4. the caller commits CodesImported{prize, count}; 0 needs no commit
//   5. end_import(import, imported)    with the number after the commit; gives the claim back
// An import that fails anywhere ends with end_import(import, what is committed) as well. A process that dies in between
// loses its claims; the next import of the prize repairs the rows.
//
// Blocking and thread-safe; call it through Blocking. Failures of every method: unavailable, disk_full, damaged; others
// as said. No message, log line or count ever holds a code.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall {

struct PrizeOfCodes {
  std::string promotion_id;
  std::string prize_id;
  auto operator<=>(const PrizeOfCodes&) const = default;
};

/// The contract's 1..64.
inline constexpr std::size_t kMostCodeBytes = 64;

/// A code is 1..64 printable ASCII characters. A space may stand inside ("1234 5678") but not at an end: there it would
/// be invisible, and two codes that look alike would be two codes.
[[nodiscard]] constexpr bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= kMostCodeBytes && text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; });
}

/// One code and the line of the operator's file that it stood on, from 1.
struct CodeLine {
  std::uint64_t line = 0;
  std::string_view code;
};

/// Line numbers for an answer, in bounded memory: an operator who sends the wrong file sees where it begins to be
/// wrong, and how many lines more are.
struct ReportedLines {
  /// A list that a person reads; at 20 bytes a line it keeps the answer small.
  static constexpr std::size_t kMost = 1000;

  std::vector<std::uint64_t> lines;
  std::uint64_t rest = 0;  ///< lines that are not listed

  void add(std::uint64_t line) { lines.size() < kMost ? lines.push_back(line) : void(++rest); }
};

class CodeVault {
 public:
  /// Codes of one append(): one transaction and one sync, from some 6 MiB of memory. Digests are random, so every
  /// transaction touches most of their index; sixteen for a million codes write a tenth of what 250 would.
  static constexpr std::size_t kAppendMost = 65'536;
  /// Rows of one reseal(): the writer is busy for some milliseconds, and readers never wait.
  static constexpr std::size_t kBatchMost = 1024;

  /// Names a running import; never zero, never used twice in a process.
  struct Import {
    std::uint64_t number = 0;
    auto operator<=>(const Import&) const = default;
  };

  /// What the vault has of one prize.
  struct Counts {
    PrizeOfCodes prize;
    std::uint64_t rows = 0;       ///< codes that can be read, also those that no event has announced yet
    std::uint64_t written = 0;    ///< ordinals given out by imports
    std::uint64_t committed = 0;  ///< as end_import() and begin_import() were told last; may lag behind the journal
  };

  struct Resealed {
    std::uint64_t rows = 0;  ///< in this call
    bool done = false;       ///< every row is under the current key now, and earlier keys may be withdrawn
  };

  virtual ~CodeVault() = default;

  /// Claims the prize for one import and deletes its rows at and above `imported`. conflict: another import of this
  /// prize runs; or `imported` is less than what an import was told to be committed, so rows that are deleted might
  /// belong to somebody (after a restore: rewind() first). damaged: fewer rows were ever written than are announced.
  virtual Result<Import> begin_import(const PrizeOfCodes& prize, std::uint64_t imported) = 0;
  /// Appends at most kAppendMost codes, in order, in one transaction; those that the installation has already, from
  /// whatever prize or earlier in the same import, are left out. The lines of these, ascending. not_found: no such
  /// import runs. invalid: a code is none by is_code(), or too many; nothing was written, the message names the line.
  virtual Result<std::vector<std::uint64_t>> append(Import import, std::span<const CodeLine> lines) = 0;
  /// Codes that this import has appended. Every row is durable. not_found: no such import runs.
  virtual Result<std::uint64_t> finish_import(Import import) = 0;
  /// Gives the prize back and remembers that `imported` codes are committed, if that is more than was known. Of an
  /// import that does not run: changes nothing, and is no failure.
  virtual Result<bool> end_import(Import import, std::uint64_t imported) = 0;

  /// The code. not_found: no such row. damaged: the row is not what was written there; the message names
  /// promotion, prize and ordinal.
  virtual Result<std::string> read(const PrizeOfCodes& prize, std::uint64_t ordinal) = 0;
  /// Prizes with codes, of one promotion or of all (empty), by promotion and prize.
  virtual Result<std::vector<Counts>> counts(std::string_view promotion_id) = 0;

  /// Seals up to `limit` (≤ kBatchMost) rows under the current key that are under another one. Called again until done;
  /// may be interrupted anywhere, also by the end of the process.
  virtual Result<Resealed> reseal(std::size_t limit) = 0;

  /// After a restore, before anything is imported: forgets that more than `imported` codes of the prize were committed
  /// and deletes the rows at and above it. The caller has burned what may have been given out. conflict: an import of
  /// this prize runs.
  virtual Result<bool> rewind(const PrizeOfCodes& prize, std::uint64_t imported) = 0;
};

}  // namespace windfall
