// What the demo looks like: bars that are drawn over each other on a terminal, a plain line a second anywhere else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo/words.hpp"
#include "app/load/audit.hpp"

namespace windfall::demo {

struct PromotionPicture {
  std::string title;
  std::int64_t stock = 0;
  load::Stats stats;
  std::int64_t joins_per_second = 0;
};

struct Picture {
  double elapsed = 0;
  double planned = 0;
  bool partner_up = true;
  std::int64_t largest_backlog = 0;  ///< so far
  std::vector<PromotionPicture> promotions;
  std::string node = {};  ///< that is killed; empty: none is
  bool node_up = true;
  std::int64_t away = 0;  ///< answers 503 so far
};

/// How a terminal wants it.
struct Look {
  bool live = false;    ///< may be drawn over
  bool colour = false;  ///< live, and NO_COLOR is not set
  bool ascii = false;   ///< no UTF-8 in the environment
  std::size_t columns = 80;
};

/// Of the stream's terminal and the environment, now.
[[nodiscard]] Look look_of(std::FILE* stream);

/// The lines of a picture on a terminal, each exactly as wide as asked, but for colours.
[[nodiscard]] std::vector<std::string> draw(const Picture& picture, const Look& look, const Words& words);
/// The same in one line.
[[nodiscard]] std::string describe(const Picture& picture, const Words& words);

class Screen {
 public:
  Screen(std::FILE* stream, const Words& words) : stream_(stream), words_(words) {}

  /// Over the last picture on a terminal; elsewhere a line, at most one a second.
  void show(const Picture& picture);
  /// The same for one bar with its text.
  void show_bar(std::string_view name, double share, std::string_view text);
  /// A line that stays, above the pictures to come.
  void say(std::string_view line);
  /// The last picture stays too.
  void keep();

 private:
  void draw_over(const std::vector<std::string>& lines);
  /// True if a plain line is due.
  bool line_is_due();
  void wipe();

  std::FILE* stream_;
  const Words& words_;
  std::size_t drawn_ = 0;  ///< lines of the last picture, which the cursor stands below
  std::chrono::steady_clock::time_point next_line_;
};

}  // namespace windfall::demo
