// Text for terminals: columns that align whatever script they hold, and nothing that a terminal would take as a
// command.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace windfall::client {

/// Columns a terminal uses for the text: 2 for Hangul, Han, Kana and emoji, 0 for what combines. Needs no locale.
[[nodiscard]] std::size_t display_width(std::string_view utf8);

/// The text with every control character (which could move the cursor or colour the screen) replaced by U+FFFD, as is
/// what is not UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

/// Rows under a heading; two spaces between columns, no trailing spaces.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  ///< for numbers
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns; they are made printable.
  void add(const std::vector<std::string>& cells);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace windfall::client
