// An operator's file of codes, read as it arrives: one code a line, LF or CRLF, no header, no quoting. Takes pieces of
// any size and keeps no more of a line than a code can have, whatever the file holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/code_vault.hpp"

namespace windfall::codec {

/// Codes that wait for CodeVault::append(), and the lines that held none. Memory is taken once.
class CodeBatch {
 public:
  /// Full with `most` lines, of which CodeVault::append() takes kAppendMost at most.
  explicit CodeBatch(std::size_t most = CodeVault::kAppendMost);
  CodeBatch(const CodeBatch&) = delete;
  CodeBatch& operator=(const CodeBatch&) = delete;

  /// Good until clear().
  [[nodiscard]] std::span<const CodeLine> codes() const { return codes_; }
  /// Lines that are no code by is_code(): too long, empty, with controls or other bytes that are not ASCII. Ascending.
  [[nodiscard]] std::span<const std::uint64_t> invalid() const { return invalid_; }
  [[nodiscard]] bool full() const { return codes_.size() + invalid_.size() >= most_; }
  [[nodiscard]] bool empty() const { return codes_.empty() && invalid_.empty(); }
  void clear();

 private:
  friend class CodeLines;
  void take(std::uint64_t line, std::string_view text);

  const std::size_t most_;
  std::string text_;  ///< never grows beyond what it reserved: the codes point into it
  std::vector<CodeLine> codes_;
  std::vector<std::uint64_t> invalid_;
};

class CodeLines {
 public:
  /// Reads on until the bytes or the batch's room end; how many bytes were read. The batch is to be emptied when it is
  /// full, and the rest of the bytes fed again.
  [[nodiscard]] std::size_t feed(std::string_view bytes, CodeBatch& into);
  /// The end of the file: a last line without its new line counts. Into a batch that is not full.
  void finish(CodeBatch& into);

 private:
  /// A line with its CR, and one byte more to know that it is too long; the byte order mark on top.
  static constexpr std::size_t kKept = kMostCodeBytes + 1 + 1 + 3;

  void end_line(CodeBatch& into);

  std::string line_;          ///< the first kKept bytes of the line that has begun
  std::uint64_t number_ = 1;  ///< of that line
  std::uint64_t blank_ = 0;   ///< number of an empty line that is invalid unless it is the last one; 0: none
};

}  // namespace windfall::codec
