#include "app/fairness/verify_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "adapters/codec/fairness_lines.hpp"
#include "adapters/codec/time_text.hpp"
#include "app/fairness/people.hpp"
#include "domain/lottery/deck.hpp"

namespace windfall::fairness {

namespace {

using codec::ExportClosed;
using codec::ExportDraw;
using codec::ExportEnd;
using codec::ExportHeader;
using codec::ExportLine;
using codec::ExportSecondVoid;
using codec::ExportSecondWin;
using codec::ExportSegment;
using codec::ExportVoid;

/// What follows from a plan and the seed before any draw.
struct Committed {
  Seed seed;
  Plan plan;
  Schedule schedule;
  std::vector<std::uint16_t> order;

  [[nodiscard]] const std::string& prize(std::uint32_t item) const { return plan.prizes[order[item]].id; }
};

/// The segment whose draws are being told.
struct Open {
  Deck deck;
  ExportSegment told;
  std::uint64_t line = 0;
  std::uint64_t next = 0;  ///< serials told so far
};

struct Won {
  SegmentNo segment;
  std::uint64_t serial = 0;
  std::uint32_t item = 0;
  bool voided = false;
};

/// What the close left to the second chance.
struct Closed {
  std::vector<Pseudonym> pool;
  std::vector<SecondWin> expected;  ///< empty if it was not held
  std::vector<bool> voided;         ///< of the second wins told
};

std::string outcome(const std::string* prize) { return prize == nullptr ? "LOSE" : "WIN of " + *prize; }

}  // namespace

class ExportVerifier::Judge {
 public:
  explicit Judge(std::string published) : published_(std::move(published)) {}
  bool line(std::string_view text);
  Verdict finish();

 private:
  void header(const ExportHeader& line);
  void operator()(const ExportHeader&) { problem("a second header"); }
  void operator()(const ExportSegment& line);
  void operator()(const ExportDraw& line);
  void operator()(const ExportVoid& line);
  void operator()(const ExportClosed& line);
  void operator()(const ExportSecondWin& line);
  void operator()(const ExportSecondVoid& line);
  void operator()(const ExportEnd& line);

  void judge_quotas();
  void leave_segment();
  void count_draw(const ExportDraw& line, std::optional<std::uint32_t> item);
  [[nodiscard]] std::vector<std::uint32_t> voided_items() const;
  [[nodiscard]] std::uint64_t standing() const { return verdict_.wins + verdict_.second_wins - verdict_.voided; }

  void problem(std::string what) { problem_at(verdict_.lines, std::move(what)); }
  void problem_at(std::uint64_t line, std::string what);
  void sum(std::string_view name, std::uint64_t told, std::uint64_t counted) {
    if (told != counted) problem(fmt::format("{} is {}, but it comes to {}", name, told, counted));
  }

  std::string published_;
  Verdict verdict_;
  std::optional<Committed> committed_;
  std::optional<DrawHistory> history_;
  std::optional<Open> open_;
  std::optional<SegmentNo> last_;
  People people_;
  std::vector<Won> won_;  ///< by segment and serial
  std::optional<Closed> closed_;
  bool ended_ = false;
};

bool ExportVerifier::Judge::line(std::string_view text) {
  ++verdict_.lines;
  const auto read = codec::decode_export_line(text);
  if (verdict_.lines == 1) {
    const auto* first = read ? std::get_if<ExportHeader>(&*read) : nullptr;
    if (first != nullptr) {
      header(*first);
    } else {
      problem(read ? "the first line is not the header" : "the line " + read.error());
    }
    return committed_.has_value();
  }
  if (!read) {
    problem("the line " + read.error());
  } else if (ended_) {
    problem("a line after the end");
  } else {
    std::visit([this](const auto& each) { (*this)(each); }, *read);
  }
  return true;
}

void ExportVerifier::Judge::header(const ExportHeader& line) {
  verdict_.promotion = line.promotion;
  if (!published_.empty() && published_ != line.commitment)
    problem(fmt::format("the commitment is {}, but the one published before was {}", line.commitment, published_));
  if (const std::string is = commitment_of(line.seed, line.plan); is != line.commitment) {
    problem(fmt::format("the commitment is {}, but seed and plan give {}: nothing else can be judged", line.commitment,
                        is));
    return;
  }
  auto plan = codec::decode_plan(line.plan);
  if (!plan) {
    problem("the plan cannot be used: " + plan.error());
    return;
  }
  if (plan->promotion != line.promotion) {
    problem(fmt::format("promotion {}, but the plan is of {}", line.promotion, plan->promotion));
    return;
  }
  Schedule schedule(*plan);
  auto order = item_order(line.seed, plan->prizes);
  verdict_.items = order.size();
  history_.emplace(schedule.segments_of_a_day());
  committed_.emplace(Committed{
      .seed = line.seed, .plan = *std::move(plan), .schedule = std::move(schedule), .order = std::move(order)});
  judge_quotas();
}

void ExportVerifier::Judge::judge_quotas() {
  const std::vector<std::uint32_t>& told = committed_->plan.day_quotas;
  const auto right = quotas_by_day(committed_->schedule.items(), static_cast<std::uint32_t>(told.size()));
  for (std::size_t day = 0; day < told.size(); ++day) {
    if (told[day] == right[day]) continue;
    const LocalDay date{committed_->plan.start.days + static_cast<std::int32_t>(day)};
    problem(fmt::format("plan, {}: its quota is {}, but laid evenly it is {}", codec::to_text(date), told[day],
                        right[day]));
  }
}

void ExportVerifier::Judge::operator()(const ExportSegment& line) {
  const SegmentNo no = line.segment;
  if (closed_) return problem(fmt::format("segment {}: opened after the close", no.value));
  if (last_ && no <= *last_) {
    return problem(fmt::format("segment {}: opened when segment {} had been", no.value, last_->value));
  }
  const Schedule& schedule = committed_->schedule;
  if (no.value / schedule.segments_of_a_day() >= kMaxLotteryDays)
    return problem(fmt::format("segment {}: no promotion lasts that long", no.value));
  leave_segment();
  last_ = no;
  // What is told may be wrong; judging the draws by what is right keeps one wrong number from making every draw wrong.
  const auto won = static_cast<std::uint32_t>(verdict_.wins);
  const std::uint32_t quota = schedule.items_until(no) - won;
  const std::uint32_t length = schedule.deck_length(no, quota, history_->before(no));
  if (line.quota != quota) {
    problem(fmt::format("segment {}: quota is {}, but plan and wins so far give {}", no.value, line.quota, quota));
  }
  if (line.length != length) {
    problem(
        fmt::format("segment {}: length is {}, but quota and earlier draws give {}", no.value, line.length, length));
  }
  const DeckTerms terms{.segment = no, .quota = quota, .length = length, .first_item = won};
  open_.emplace(Open{
      .deck = make_deck(committed_->seed, committed_->plan.promotion, terms), .told = line, .line = verdict_.lines});
}

void ExportVerifier::Judge::leave_segment() {
  if (!open_) return;
  const ExportSegment& told = open_->told;
  if (told.draws != open_->next) {
    problem_at(open_->line, fmt::format("segment {}: {} draws are announced, but its serials end at {}",
                                        told.segment.value, told.draws, open_->next));
  }
  verdict_.wins += open_->deck.wins(open_->next);
  history_->over(told.segment, static_cast<std::int64_t>(open_->next), told.paused);
  open_.reset();
}

void ExportVerifier::Judge::operator()(const ExportDraw& line) {
  const std::string place = fmt::format("segment {}, serial {}", line.segment.value, line.serial);
  if (!open_ || line.segment != open_->told.segment) {
    return problem(fmt::format("{}: a draw of a segment that is not open", place));
  }
  if (line.serial < open_->next) return problem(fmt::format("{}: the serial was drawn before", place));
  if (line.serial > open_->next) {
    problem(fmt::format("{}: serials {} to {} are missing", place, open_->next, line.serial - 1));
  }
  open_->next = line.serial + 1;
  const std::optional<std::uint32_t> item = open_->deck.win_at(line.serial);
  const std::string* right = item ? &committed_->prize(*item) : nullptr;
  const std::string told = line.prize ? std::string(*line.prize) : "";
  if (told != (right == nullptr ? "" : *right)) {
    problem(fmt::format("{}: told as {}, but the deck says {}", place, outcome(line.prize ? &told : nullptr),
                        outcome(right)));
  }
  count_draw(line, item);
}

void ExportVerifier::Judge::count_draw(const ExportDraw& line, std::optional<std::uint32_t> item) {
  ++verdict_.draws;
  People::Record& person = people_.at(line.user);
  if (person.wins >= committed_->plan.max_wins_per_user) {
    problem(fmt::format("segment {}, serial {}: user {} draws after {} wins, all that are allowed", line.segment.value,
                        line.serial, to_text(line.user), person.wins));
  }
  if (!item) {
    person.lost = true;
    return;
  }
  ++person.wins;
  won_.push_back({.segment = line.segment, .serial = line.serial, .item = *item});
}

void ExportVerifier::Judge::operator()(const ExportVoid& line) {
  const std::string place = fmt::format("segment {}, serial {}", line.segment.value, line.serial);
  const auto key = [](const Won& won) { return std::pair(won.segment, won.serial); };
  const auto wanted = std::pair(line.segment, line.serial);
  const auto found = std::ranges::lower_bound(won_, wanted, {}, key);
  if (found == won_.end() || key(*found) != wanted) return problem(fmt::format("{}: a void of no win", place));
  if (found->voided) return problem(fmt::format("{}: voided before", place));
  found->voided = true;
  ++verdict_.voided;
}

std::vector<std::uint32_t> ExportVerifier::Judge::voided_items() const {
  std::vector<std::uint32_t> items;
  for (const Won& won : won_) {
    if (won.voided) items.push_back(won.item);
  }
  return items;
}

void ExportVerifier::Judge::operator()(const ExportClosed& line) {
  if (closed_) return problem("closed a second time");
  leave_segment();
  const bool held = line.second_chance == ExportClosed::SecondChance::yes;
  closed_.emplace();
  closed_->pool = people_.pool(committed_->plan.max_wins_per_user);
  const auto items =
      items_left(voided_items(), static_cast<std::uint32_t>(verdict_.wins), committed_->schedule.items());
  sum("closed: pool", line.pool, closed_->pool.size());
  sum("closed: items", line.items, items.size());
  if (held)
    closed_->expected = second_chance(committed_->seed, static_cast<std::uint32_t>(closed_->pool.size()), items);
}

void ExportVerifier::Judge::operator()(const ExportSecondWin& line) {
  const std::string place = fmt::format("second chance, number {}", line.number);
  if (!closed_) return problem(fmt::format("{}: before the close", place));
  if (line.number != closed_->voided.size()) {
    return problem(fmt::format("{}: out of order, {} is next", place, closed_->voided.size()));
  }
  closed_->voided.push_back(false);
  ++verdict_.second_wins;
  const std::string user = to_text(line.user);
  if (line.number >= closed_->expected.size()) {
    return problem(fmt::format("{}: user {} wins, but only {} win", place, user, closed_->expected.size()));
  }
  const SecondWin& right = closed_->expected[line.number];
  const Pseudonym& winner = closed_->pool[right.place];
  if (line.user != winner) {
    const bool in_pool = std::ranges::binary_search(closed_->pool, line.user);
    problem(fmt::format("{}: user {}{} wins, but the shuffle says {}", place, user, in_pool ? "" : ", not in the pool,",
                        to_text(winner)));
  }
  if (const std::string& prize = committed_->prize(right.item); line.prize != prize)
    problem(fmt::format("{}: the prize is {}, but the next item left is {}", place, line.prize, prize));
}

void ExportVerifier::Judge::operator()(const ExportSecondVoid& line) {
  const std::string place = fmt::format("second chance, number {}", line.number);
  if (!closed_ || line.number >= closed_->voided.size()) return problem(fmt::format("{}: a void of no win", place));
  if (closed_->voided[line.number]) return problem(fmt::format("{}: voided before", place));
  closed_->voided[line.number] = true;
  ++verdict_.voided;
}

void ExportVerifier::Judge::operator()(const ExportEnd& line) {
  ended_ = true;
  if (!closed_) problem("end: the promotion was not closed");
  leave_segment();
  if (closed_ && closed_->voided.size() < closed_->expected.size()) {
    problem(fmt::format("second chance, number {}: missing, {} win", closed_->voided.size(), closed_->expected.size()));
  }
  sum("end: draws", line.draws, verdict_.draws);
  sum("end: wins", line.wins, verdict_.wins);
  sum("end: secondWins", line.second_wins, verdict_.second_wins);
  sum("end: voided", line.voided, verdict_.voided);
  if (standing() > verdict_.items) {
    problem(fmt::format("end: {} wins stand, but there are only {} items", standing(), verdict_.items));
  } else {
    sum("end: shortfall", line.shortfall, verdict_.items - standing());
  }
}

Verdict ExportVerifier::Judge::finish() {
  if (!ended_ && (committed_ || verdict_.lines == 0)) {
    leave_segment();
    problem_at(verdict_.lines + 1, "the end line is missing: the export was cut off");
  }
  verdict_.shortfall = verdict_.items - std::min(standing(), verdict_.items);
  return std::move(verdict_);
}

void ExportVerifier::Judge::problem_at(std::uint64_t line, std::string what) {
  if (++verdict_.problems > kMaxFindings) return;
  // Some are found at the end of what they are about.
  const auto at = std::ranges::upper_bound(verdict_.findings, line, {}, &ExportFinding::line);
  verdict_.findings.insert(at, {.line = line, .what = std::move(what)});
}

ExportVerifier::ExportVerifier(std::string published) : judge_(std::make_unique<Judge>(std::move(published))) {}
ExportVerifier::~ExportVerifier() = default;
bool ExportVerifier::line(std::string_view text) { return judge_->line(text); }
Verdict ExportVerifier::finish() { return judge_->finish(); }

}  // namespace windfall::fairness
