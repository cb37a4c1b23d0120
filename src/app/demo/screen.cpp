#include "app/demo/screen.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "app/demo/columns.hpp"

namespace windfall::demo {

namespace {

constexpr std::size_t kNarrowest = 40;  // below that lines break anyway
constexpr std::size_t kWidest = 120;
constexpr std::chrono::seconds kBetweenLines{1};

constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kBold = "\x1b[1m";

/// Empty if it is not set.
std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

bool utf8_environment() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos;
  }
  return false;
}

std::string coloured(const std::string& text, std::string_view colour, const Look& look) {
  return look.colour ? std::string(colour) + text + "\x1b[0m" : text;
}

double share_of(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

/// Name, bar and what follows, in the look's columns.
std::string bar_line(std::string_view name, double share, std::string_view rest, std::string_view colour,
                     const Look& look) {
  constexpr std::size_t kGaps = 4;
  const std::size_t name_columns = look.columns / 5;
  const std::size_t bar_columns = look.columns * 3 / 10;
  const std::size_t rest_columns = look.columns - name_columns - bar_columns - kGaps;
  return fit(name, name_columns) + "  " + coloured(bar(share, bar_columns, look.ascii), colour, look) + "  " +
         fit(rest, rest_columns);
}

std::int64_t pending_of(const Picture& picture) {
  std::int64_t pending = 0;
  for (const PromotionPicture& one : picture.promotions) pending += one.stats.pending;
  return pending;
}

}  // namespace

Look look_of(std::FILE* stream) {
  Look look;
  const int descriptor = fileno(stream);
  const std::string_view terminal = variable("TERM");
  look.live = isatty(descriptor) == 1 && !terminal.empty() && terminal != "dumb";
  look.colour = look.live && variable("NO_COLOR").empty();
  look.ascii = !utf8_environment();
  winsize size{};
  if (look.live && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    // The last column stays free: some terminals break the line there.
    look.columns = std::clamp<std::size_t>(size.ws_col - 1U, kNarrowest, kWidest);
  }
  return look;
}

std::vector<std::string> draw(const Picture& picture, const Look& look, const Words& words) {
  std::vector<std::string> lines;
  const std::string head = fmt::format(fmt::runtime(words.head), picture.elapsed, picture.planned);
  const std::string partner =
      fmt::format("{}: {}", words.partner, picture.partner_up ? words.partner_is_up : words.partner_is_down);
  const std::size_t partner_columns = std::min(columns_of(partner), look.columns / 2);
  lines.push_back(coloured(fit(head, look.columns - partner_columns), kBold, look) +
                  coloured(fit(partner, partner_columns), picture.partner_up ? kGreen : kRed, look));
  for (const PromotionPicture& one : picture.promotions) {
    const std::string left = fmt::format(fmt::runtime(words.left), grouped(one.stats.left), grouped(one.stock));
    const std::string rate = fmt::format(fmt::runtime(words.rate), grouped(one.joins_per_second));
    lines.push_back(bar_line(one.title, share_of(one.stats.left, one.stock), left + "  " + rate, kGreen, look));
    const std::string refused = fmt::format(fmt::runtime(words.refused), grouped(one.stats.condition_not_met),
                                            grouped(one.stats.already_participated), grouped(one.stats.sold_out));
    const std::string accrued =
        fmt::format(fmt::runtime(words.accrued), grouped(one.stats.done), grouped(one.stats.pending));
    const std::size_t half = look.columns / 2;
    lines.push_back(fit("  " + refused, half + 4) + fit(accrued, look.columns - half - 4));
  }
  const std::int64_t pending = pending_of(picture);
  lines.push_back(bar_line(words.backlog, share_of(pending, std::max(picture.largest_backlog, pending)),
                           grouped(pending), kYellow, look));
  if (!picture.node.empty()) {
    const std::string node =
        fmt::format("{}: {}", picture.node, picture.node_up ? words.partner_is_up : words.partner_is_down);
    const std::size_t node_columns = look.columns / 5 + 2;
    lines.push_back(coloured(fit(node, node_columns), picture.node_up ? kGreen : kRed, look) +
                    fit(fmt::format(fmt::runtime(words.away), grouped(picture.away)), look.columns - node_columns));
  }
  return lines;
}

std::string describe(const Picture& picture, const Words& words) {
  std::string left;
  load::Stats sum;
  std::int64_t rate = 0;
  for (const PromotionPicture& one : picture.promotions) {
    if (!left.empty()) left += ' ';
    left += grouped(one.stats.left);
    rate += one.joins_per_second;
    sum.condition_not_met += one.stats.condition_not_met;
    sum.already_participated += one.stats.already_participated;
    sum.sold_out += one.stats.sold_out;
    sum.done += one.stats.done;
    sum.pending += one.stats.pending;
  }
  std::string line =
      fmt::format(fmt::runtime(words.plain), picture.elapsed, left, grouped(rate), grouped(sum.condition_not_met),
                  grouped(sum.already_participated), grouped(sum.sold_out), grouped(sum.done), grouped(sum.pending),
                  picture.partner_up ? words.partner_is_up : words.partner_is_down);
  if (picture.node.empty()) return line;
  return line + fmt::format(fmt::runtime(words.plain_node), picture.node,
                            picture.node_up ? words.partner_is_up : words.partner_is_down, grouped(picture.away));
}

void Screen::show(const Picture& picture) {
  const Look look = look_of(stream_);
  if (look.live) {
    draw_over(draw(picture, look, words_));
  } else if (line_is_due()) {
    say(describe(picture, words_));
  }
}

void Screen::show_bar(std::string_view name, double share, std::string_view text) {
  const Look look = look_of(stream_);
  if (look.live) {
    draw_over({bar_line(name, share, text, kGreen, look)});
  } else if (line_is_due()) {
    say(std::string(name) + "  " + std::string(text));
  }
}

bool Screen::line_is_due() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_line_) return false;
  next_line_ = now + kBetweenLines;
  return true;
}

void Screen::draw_over(const std::vector<std::string>& lines) {
  std::string out;
  if (drawn_ > 0) out += fmt::format("\x1b[{}A", drawn_);
  for (const std::string& line : lines) out += line + "\x1b[K\n";
  drawn_ = lines.size();
  std::fwrite(out.data(), 1, out.size(), stream_);
  std::fflush(stream_);
}

void Screen::say(std::string_view line) {
  wipe();
  std::fwrite(line.data(), 1, line.size(), stream_);
  std::fputc('\n', stream_);
  std::fflush(stream_);
}

void Screen::keep() { drawn_ = 0; }

void Screen::wipe() {
  if (drawn_ == 0) return;
  const std::string out = fmt::format("\x1b[{}A\x1b[J", drawn_);
  std::fwrite(out.data(), 1, out.size(), stream_);
  drawn_ = 0;
}

}  // namespace windfall::demo
