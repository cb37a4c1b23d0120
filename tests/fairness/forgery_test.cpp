// Every way to cheat that we could think of, done to an honest export: both verifiers catch it, name the place, and say
// the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <span>

#include "domain/deck/lotteries.hpp"
#include "fairness/export_story.hpp"
#include "fairness/verifiers.hpp"

namespace windfall::fairness {
namespace {

using namespace codec;

/// The n-th line of that kind that fits.
template <class Line>
std::size_t find_line(
    const Story& story, std::size_t n = 0,
    const std::function<bool(const Line&)>& fits = [](const Line&) { return true; }) {
  for (std::size_t at = 0; at < story.lines.size(); ++at) {
    const auto* line = std::get_if<Line>(&story.lines[at]);
    if (line != nullptr && fits(*line) && n-- == 0) return at;
  }
  ADD_FAILURE() << "the story has no such line";
  return 0;
}
template <class Line>
Line& nth(Story& story, std::size_t n = 0) {
  return std::get<Line>(story.lines[find_line<Line>(story, n)]);
}
std::size_t win_line(const Story& story, std::size_t n) {
  return find_line<ExportDraw>(story, n, [](const ExportDraw& draw) { return draw.prize.has_value(); });
}
std::size_t loss_line(const Story& story, std::size_t n) {
  return find_line<ExportDraw>(story, n, [](const ExportDraw& draw) { return !draw.prize; });
}
ExportDraw& draw_at(Story& story, std::size_t line) { return std::get<ExportDraw>(story.lines[line]); }
void erase_line(Story& story, std::size_t line) {
  story.lines.erase(story.lines.begin() + static_cast<std::ptrdiff_t>(line));
}
void insert_line(Story& story, std::size_t before, const ExportLine& line) {
  const ExportLine copy = line;
  story.lines.insert(story.lines.begin() + static_cast<std::ptrdiff_t>(before), copy);
}
std::string place_of(const ExportDraw& draw) {
  return "segment " + std::to_string(draw.segment.value) + ", serial " + std::to_string(draw.serial);
}
/// The last draw of the n-th segment.
std::size_t last_draw_of(const Story& story, std::size_t n) {
  std::size_t at = find_line<ExportSegment>(story, n) + 1;
  while (std::holds_alternative<ExportDraw>(story.lines[at + 1])) ++at;
  return at;
}
void erase_segments(Story& story, std::uint32_t from, std::uint32_t to) {
  const auto in = [&](SegmentNo no) { return no.value >= from && no.value < to; };
  std::erase_if(story.lines, [&](const ExportLine& line) {
    if (const auto* segment = std::get_if<ExportSegment>(&line)) return in(segment->segment);
    if (const auto* draw = std::get_if<ExportDraw>(&line)) return in(draw->segment);
    return false;
  });
}
/// An insider who controls seed and plan can commit to anything; it still has to be a plan.
void commit_to(Story& story, const std::string& plan) {
  auto& header = nth<ExportHeader>(story);
  header.plan = plan;
  header.commitment = commitment_of(header.seed, plan);
}
std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}
std::string text_from_line(Story& story, std::size_t line, const std::string& what, const std::string& by) {
  const std::string text = story.text();
  std::size_t at = 0;
  for (std::size_t n = 0; n < line; ++n) at = text.find('\n', at) + 1;
  return text.substr(0, at) + replaced(text.substr(at), what, by);
}

struct Forged {
  std::string text;
  std::string place;  ///< what one of the findings must say
};
struct Forgery {
  const char* name;
  std::function<Forged(Story&)> forge;
};

Forged done(const Story& story, std::string place) { return {.text = story.text(), .place = std::move(place)}; }

const Forgery kDraws[] = {
    {"a loss told as a win",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, loss_line(s, 30));
       draw.prize = "grand";
       return done(s, place_of(draw) + ": told as WIN of grand, but the deck says LOSE");
     }},
    {"a win told as a loss",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, win_line(s, 20));
       draw.prize.reset();
       return done(s, place_of(draw) + ": told as LOSE, but the deck says WIN");
     }},
    {"a prize changed for a better one",
     [](Story& s) {
       const std::size_t at = find_line<ExportDraw>(s, 9, [](const auto& d) { return d.prize == "americano"; });
       draw_at(s, at).prize = "grand";
       return done(s, place_of(draw_at(s, at)) + ": told as WIN of grand, but the deck says WIN of americano");
     }},
    {"a prize that is not in the plan",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, win_line(s, 3));
       draw.prize = "latte";
       return done(s, place_of(draw) + ": told as WIN of latte");
     }},
    {"the prizes of two winners exchanged",
     [](Story& s) {
       ExportDraw& a = draw_at(s, find_line<ExportDraw>(s, 0, [](const auto& d) { return d.prize == "grand"; }));
       ExportDraw& b = draw_at(s, find_line<ExportDraw>(s, 0, [](const auto& d) { return d.prize == "americano"; }));
       std::swap(a.prize, b.prize);
       return done(s, place_of(a) + ": told as WIN of americano");
     }},
    {"the serials of a winner and a loser exchanged",
     [](Story& s) {
       const std::size_t win = win_line(s, 12);
       const std::size_t loss = loss_line(s, 30);
       std::swap(draw_at(s, win).prize, draw_at(s, loss).prize);
       return done(s, place_of(draw_at(s, win)) + ": told as LOSE");
     }},
    {"a loss in the middle hidden",
     [](Story& s) {
       const std::size_t at = loss_line(s, 30);
       const std::string serial = std::to_string(draw_at(s, at).serial);
       erase_line(s, at);
       return done(s, "serials " + serial + " to " + serial + " are missing");
     }},
    {"a win in the middle hidden",
     [](Story& s) {
       const std::size_t at = win_line(s, 10);
       const std::string serial = std::to_string(draw_at(s, at).serial);
       erase_line(s, at);
       return done(s, "serials " + serial + " to ");
     }},
    {"the last draw of a segment hidden",
     [](Story& s) {
       const std::size_t at = last_draw_of(s, 4);
       const std::string no = std::to_string(draw_at(s, at).segment.value);
       erase_line(s, at);
       return done(s, "segment " + no + ": " + std::to_string(nth<ExportSegment>(s, 4).draws) + " draws are announced");
     }},
    {"the last draw of a segment hidden and not announced",
     [](Story& s) {
       erase_line(s, last_draw_of(s, 4));
       --nth<ExportSegment>(s, 4).draws;
       return done(s, "end: draws is");
     }},
    {"a draw added after the last",
     [](Story& s) {
       const std::size_t at = last_draw_of(s, 2);
       ExportDraw more = draw_at(s, at);
       ++more.serial;
       more.prize = "grand";
       insert_line(s, at + 1, more);
       return done(s, place_of(more) + ": told as WIN of grand");
     }},
    {"a serial used twice",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, find_line<ExportDraw>(s, 70));
       --draw.serial;
       return done(s, place_of(draw) + ": the serial was drawn before");
     }},
    {"a line repeated",
     [](Story& s) {
       const std::size_t at = find_line<ExportDraw>(s, 55);
       insert_line(s, at, s.lines[at]);
       return done(s, place_of(draw_at(s, at)) + ": the serial was drawn before");
     }},
    {"two lines exchanged",
     [](Story& s) {
       const std::size_t at = find_line<ExportDraw>(s, 5);
       std::swap(s.lines[at], s.lines[at + 1]);
       return done(s, place_of(draw_at(s, at + 1)) + ": the serial was drawn before");
     }},
    {"a draw moved to another segment",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, find_line<ExportDraw>(s, 60));
       draw.segment.value += 3;
       return done(s, place_of(draw) + ": a draw of a segment that is not open");
     }},
    {"a win given to somebody who has all that are allowed",
     [](Story& s) {
       std::vector<Pseudonym> winners;
       for (std::size_t n = 0;; ++n) {
         const std::size_t at = win_line(s, n);
         const Pseudonym user = draw_at(s, at).user;
         if (std::ranges::count(winners, user) == 1) {  // twice by now, and two are allowed
           ExportDraw& next = draw_at(s, win_line(s, n + 5));
           next.user = user;
           return done(s, place_of(next) + ": user " + to_text(user) + " draws after 2 wins");
         }
         winners.push_back(user);
       }
     }},
    {"a win given to another person, so that the pool changes",
     [](Story& s) {
       ExportDraw& draw = draw_at(s, find_line<ExportDraw>(s, 100));
       draw.user = Pseudonyms(test::seed_no(99)).of({.hi = 1, .lo = 1});
       draw_at(s, loss_line(s, 90)).user = draw.user;
       return done(s, "closed: pool is");
     }},
    {"a draw after the close",
     [](Story& s) {
       const ExportDraw last = draw_at(s, last_draw_of(s, 3));
       insert_line(s, find_line<ExportClosed>(s) + 1, last);
       return done(s, place_of(last) + ": a draw of a segment that is not open");
     }},
};

const Forgery kSegments[] = {
    {"a quota altered",
     [](Story& s) {
       auto& segment = nth<ExportSegment>(s, 3);
       ++segment.quota;
       return done(s, "segment " + std::to_string(segment.segment.value) + ": quota is");
     }},
    {"a deck made longer",
     [](Story& s) {
       auto& segment = nth<ExportSegment>(s, 6);
       ++segment.length;
       return done(s, "segment " + std::to_string(segment.segment.value) + ": length is");
     }},
    {"a pause invented",
     [](Story& s) {
       auto& segment = nth<ExportSegment>(s, 5);
       segment.paused = DrawHistory::Paused::yes;
       return done(s, "segment " + std::to_string(segment.segment.value + 8) + ": length is");
     }},
    {"a day left out",
     [](Story& s) {
       erase_segments(s, 8, 16);
       return done(s, "segment 16: quota is");
     }},
    {"a segment left out",
     [](Story& s) {
       erase_segments(s, 5, 6);
       return done(s, "segment 6: quota is");
     }},
    {"a segment opened twice",
     [](Story& s) {
       const std::size_t at = find_line<ExportSegment>(s, 2);
       insert_line(s, at, s.lines[at]);
       return done(s, "segment 2: opened when segment 2 had been");
     }},
    {"a segment opened again later",
     [](Story& s) {
       insert_line(s, find_line<ExportSegment>(s, 7), nth<ExportSegment>(s, 1));
       return done(s, "segment 1: opened when segment 6 had been");
     }},
    {"a segment opened after the close",
     [](Story& s) {
       auto segment = nth<ExportSegment>(s, 1);
       segment.segment = {31};
       insert_line(s, find_line<ExportClosed>(s) + 1, segment);
       return done(s, "segment 31: opened after the close");
     }},
    {"a segment beyond any promotion",
     [](Story& s) {
       auto segment = nth<ExportSegment>(s, 1);
       segment.segment = {400 * 8};
       insert_line(s, find_line<ExportClosed>(s), segment);
       return done(s, "segment 3200: no promotion lasts that long");
     }},
};

const Forgery kPlans[] = {
    {"another seed",
     [](Story& s) {
       nth<ExportHeader>(s).seed = test::seed_no(77);
       return done(s, "line 1: the commitment is");
     }},
    {"another commitment",
     [](Story& s) {
       nth<ExportHeader>(s).commitment = std::string(64, '0');
       return done(s, "line 1: the commitment is 0000");
     }},
    {"a prize's count changed in the plan",
     [](Story& s) {
       auto& header = nth<ExportHeader>(s);
       header.plan = replaced(header.plan, "\"count\":10,", "\"count\":9,");
       return done(s, "line 1: the commitment is");
     }},
    {"a committed plan that favours a day",
     [](Story& s) {
       s.plan.day_quotas = {102, 99, 99};
       commit_to(s, plan_text(s.plan));
       return done(s, "plan, 2025-06-20: its quota is 102, but laid evenly it is 100");
     }},
    {"a committed plan with more days than prizes say",
     [](Story& s) {
       commit_to(s, replaced(nth<ExportHeader>(s).plan, "\"quota\":100", "\"quota\":101"));
       return done(s, "line 1: the plan cannot be used: its days hold 301 items, its prizes 300");
     }},
    {"another seed, committed to afterwards",
     [](Story& s) {
       nth<ExportHeader>(s).seed = test::seed_no(77);
       commit_to(s, nth<ExportHeader>(s).plan);
       return done(s, "but the deck says");
     }},
    {"an export of another promotion",
     [](Story& s) {
       nth<ExportHeader>(s).promotion = "winter";
       return done(s, "line 1: promotion winter, but the plan is of summer");
     }},
    {"a second header",
     [](Story& s) {
       insert_line(s, 5, nth<ExportHeader>(s));
       return done(s, "line 6: a second header");
     }},
    {"a header that does not come first",
     [](Story& s) {
       std::swap(s.lines[0], s.lines[1]);
       return done(s, "line 1: the first line is not the header");
     }},
};

const Forgery kClose[] = {
    {"a void of a loss",
     [](Story& s) {
       auto& voided = nth<ExportVoid>(s, 1);
       const ExportDraw loss = draw_at(s, loss_line(s, 8));
       voided = {.segment = loss.segment, .serial = loss.serial};
       return done(s, place_of(loss) + ": a void of no win");
     }},
    {"a void of nothing",
     [](Story& s) {
       nth<ExportVoid>(s, 5).serial = 999'999;
       return done(s, "serial 999999: a void of no win");
     }},
    {"a void repeated",
     [](Story& s) {
       const std::size_t at = find_line<ExportVoid>(s, 2);
       insert_line(s, at, s.lines[at]);
       return done(s, ": voided before");
     }},
    {"a void before the close hidden",
     [](Story& s) {
       erase_line(s, find_line<ExportVoid>(s, 1));
       return done(s, "closed: items is");
     }},
    {"a void moved from after the close to before it",
     [](Story& s) {
       const ExportLine late = s.lines[find_line<ExportVoid>(s, 5)];
       erase_line(s, find_line<ExportVoid>(s, 5));
       insert_line(s, find_line<ExportClosed>(s), late);
       return done(s, "closed: items is");
     }},
    {"a second-chance win voided twice",
     [](Story& s) {
       insert_line(s, find_line<ExportEnd>(s), ExportSecondVoid{.number = 0});
       return done(s, "second chance, number 0: voided before");
     }},
    {"a void of a second-chance win that was none",
     [](Story& s) {
       nth<ExportSecondVoid>(s).number = 5000;
       return done(s, "second chance, number 5000: a void of no win");
     }},
    {"a second-chance winner who never drew",
     [](Story& s) {
       auto& win = nth<ExportSecondWin>(s, 2);
       win.user = Pseudonyms(test::seed_no(5)).of({.hi = 7, .lo = 7});
       return done(s, "second chance, number 2: user " + to_text(win.user) + ", not in the pool, wins");
     }},
    {"two second-chance winners exchanged",
     [](Story& s) {
       std::swap(nth<ExportSecondWin>(s, 1).user, nth<ExportSecondWin>(s, 2).user);
       return done(s, "second chance, number 1: user");
     }},
    {"the order of the second chance changed",
     [](Story& s) {
       const std::size_t at = find_line<ExportSecondWin>(s, 1);
       std::swap(s.lines[at], s.lines[at + 1]);
       return done(s, "second chance, number 2: out of order, 1 is next");
     }},
    {"a second-chance prize changed",
     [](Story& s) {
       auto& win = nth<ExportSecondWin>(s, 3);
       win.prize = win.prize == "grand" ? "americano" : "grand";
       return done(s, "second chance, number 3: the prize is");
     }},
    {"the last second-chance winner left out",
     [](Story& s) {
       const std::uint64_t wins = nth<ExportEnd>(s).second_wins;
       erase_line(s, find_line<ExportSecondWin>(s, wins - 1));
       return done(s, "second chance, number " + std::to_string(wins - 1) + ": missing");
     }},
    {"one second-chance winner more",
     [](Story& s) {
       const std::uint64_t wins = nth<ExportEnd>(s).second_wins;
       const std::size_t last = find_line<ExportSecondWin>(s, wins - 1);
       auto more = std::get<ExportSecondWin>(s.lines[last]);
       more.number = wins;
       insert_line(s, last + 1, more);
       return done(s, "second chance, number " + std::to_string(wins) + ": user");
     }},
    {"a second-chance winner before the close",
     [](Story& s) {
       insert_line(s, find_line<ExportClosed>(s), nth<ExportSecondWin>(s));
       return done(s, "second chance, number 0: before the close");
     }},
    {"a pool of another size",
     [](Story& s) {
       --nth<ExportClosed>(s).pool;
       return done(s, "closed: pool is");
     }},
    {"fewer items than are left",
     [](Story& s) {
       --nth<ExportClosed>(s).items;
       return done(s, "closed: items is");
     }},
    {"a second chance that is said not to have been held",
     [](Story& s) {
       nth<ExportClosed>(s).second_chance = ExportClosed::SecondChance::no;
       return done(s, "but only 0 win");
     }},
    {"no close",
     [](Story& s) {
       erase_line(s, find_line<ExportClosed>(s));
       return done(s, "end: the promotion was not closed");
     }},
    {"closed twice",
     [](Story& s) {
       insert_line(s, find_line<ExportClosed>(s), nth<ExportClosed>(s));
       return done(s, "closed a second time");
     }},
    {"a shortfall concealed",
     [](Story& s) {
       --nth<ExportEnd>(s).shortfall;
       return done(s, "end: shortfall is");
     }},
    {"fewer wins in the sum",
     [](Story& s) {
       --nth<ExportEnd>(s).wins;
       return done(s, "end: wins is");
     }},
    {"fewer second-chance wins in the sum",
     [](Story& s) {
       --nth<ExportEnd>(s).second_wins;
       return done(s, "end: secondWins is");
     }},
    {"a void missing in the sum",
     [](Story& s) {
       --nth<ExportEnd>(s).voided;
       return done(s, "end: voided is");
     }},
    {"an export that was cut off",
     [](Story& s) {
       s.lines.resize(s.lines.size() / 2);
       return done(s, "line " + std::to_string(s.lines.size() + 1) + ": the end line is missing");
     }},
    {"a line after the end",
     [](Story& s) {
       s.lines.push_back(nth<ExportVoid>(s));
       return done(s, ": a line after the end");
     }},
};

class Forgeries : public testing::Test {
 protected:
  static void expect_all_caught(std::span<const Forgery> forgeries) {
    std::vector<std::string> texts;
    std::vector<std::vector<std::string>> ours;
    for (const Forgery& forgery : forgeries) {
      SCOPED_TRACE(forgery.name);
      Story story;
      tell(story, eventful());
      const Forged forged = forgery.forge(story);
      texts.push_back(forged.text);
      ours.push_back(told_by(verdict_of(forged.text)));
      const auto names_it = [&](const std::string& line) { return line.find(forged.place) != std::string::npos; };
      EXPECT_TRUE(std::ranges::any_of(ours.back(), names_it))
          << "nobody says: " << forged.place << "\nfirst: " << (ours.back().empty() ? "nothing" : ours.back().front());
    }
    const auto theirs = told_by_script(texts);
    for (std::size_t i = 0; i < theirs.size(); ++i) EXPECT_EQ(theirs[i], ours[i]) << forgeries[i].name;
  }
};

TEST_F(Forgeries, of_draws_are_caught_and_named) { expect_all_caught(kDraws); }
TEST_F(Forgeries, of_segments_are_caught_and_named) { expect_all_caught(kSegments); }
TEST_F(Forgeries, of_plan_and_seed_are_caught_and_named) { expect_all_caught(kPlans); }
TEST_F(Forgeries, of_voids_second_chance_and_sums_are_caught_and_named) { expect_all_caught(kClose); }

/// How a line may be spelled wrongly; each keeps its meaning, or nearly.
TEST_F(Forgeries, of_the_spelling_are_caught_by_both) {
  struct Misspelling {
    const char* what;
    const char* by;
  };
  const std::vector<Misspelling> misspellings{
      {",\"serial\":", ", \"serial\":"},
      {"\"serial\":0", "\"serial\":00"},
      {"\"serial\":0", "\"serial\":0.0"},
      {"\"serial\":0", "\"serial\":\"0\""},
      {"\"serial\":0", "\"serial\":false"},
      {"\"serial\":0", "\"serial\":0,\"serial\":0"},
      {"\"serial\":0", "\"serial\":0,\"more\":0"},
      {"\"type\":\"draw\",", ""},
      {"\"type\":\"draw\"", "\"type\":\"drawn\""},
      {"\"type\":\"draw\"", "\"type\":[]"},
      {"\"outcome\":\"", "\"outcome\":\"x"},
      {"\"outcome\":\"LOSE\"", "\"outcome\":\"WIN\",\"prizeId\":\"grand prize\""},
      {"\"outcome\":\"LOSE\"",
       "\"outcome\":\"WIN\",\"prizeId\":\"\xc2\x9b"
       "2J\""},
      {"\"outcome\":\"LOSE\"", "\"outcome\":\"WIN\",\"prizeId\":\"\""},
      {"\"user\":\"", "\"user\":\"A"},
      {"{\"type\":\"draw\"", "\xef\xbb\xbf{\"type\":\"draw\""},
      {"{\"type\":\"draw\"", "x"},
      {"{\"type\":\"draw\"", "\n{\"type\":\"draw\""},
      {"}\n", "}\r\n"},
  };
  Story story;
  tell(story, eventful());
  const std::size_t line = find_line<ExportDraw>(story, 0);
  std::vector<std::string> texts;
  for (const Misspelling& m : misspellings) texts.push_back(text_from_line(story, line, m.what, m.by));
  const auto theirs = told_by_script(texts);
  const std::string place = "line " + std::to_string(line + 1) + ": the line is not ";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(misspellings[i].by);
    const std::vector<std::string> ours = told_by(verdict_of(texts[i]));
    ASSERT_FALSE(ours.empty());
    ASSERT_FALSE(theirs[i].empty());
    EXPECT_TRUE(ours.front().starts_with(place)) << ours.front();
    EXPECT_TRUE(theirs[i].front().starts_with(place)) << theirs[i].front();
  }
}

TEST_F(Forgeries, that_leave_nothing_are_caught) {
  const std::vector<std::string> texts{"", "\n", "{}\n", "{\"type\":\"header\"}\n", "\xff\xff\n"};
  for (const std::string& text : texts) EXPECT_FALSE(verdict_of(text).ok());
  for (const auto& told : told_by_script(texts)) EXPECT_FALSE(told.empty());
}

/// Committed plans that are none: refused before anything is computed from them.
TEST_F(Forgeries, of_committed_plans_are_refused_by_both) {
  struct Change {
    const char* what;
    const char* by;
  };
  const std::vector<Change> changes{
      {"{\"days\"", "{ \"days\""},
      {"\"maxWinsPerUser\":2", "\"maxWinsPerUser\":0"},
      {"\"segmentMinutes\":180", "\"segmentMinutes\":181"},
      {"\"min\":20", "\"min\":401"},
      {"\"max\":400", "\"max\":1001"},
      {"\"max\":400", "\"max\":4e2"},
      {"\"trafficCurve\":[1,", "\"trafficCurve\":["},
      {"\"trafficCurve\":[1,", "\"trafficCurve\":[-1,"},
      {"2025-06-21", "2025-06-20"},
      {"\"endDate\":\"2025-06-22\"", "\"endDate\":\"2025-06-21\""},
      {"\"count\":10,", "\"count\":-10,"},
      {"\"count\":10,", "\"count\":5000000,"},
      {"\"promotionId\":\"summer\",", ""},
      {"{\"days\"", "{\"a\":1,\"days\""},
  };
  std::vector<std::string> texts;
  for (const Change& change : changes) {
    Story story;
    tell(story, eventful());
    commit_to(story, replaced(nth<ExportHeader>(story).plan, change.what, change.by));
    texts.push_back(story.text());
  }
  const auto theirs = told_by_script(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(changes[i].by);
    const std::vector<std::string> ours = told_by(verdict_of(texts[i]));
    ASSERT_EQ(ours.size(), 1U);
    ASSERT_EQ(theirs[i].size(), 1U);
    EXPECT_TRUE(ours[0].starts_with("line 1: the plan cannot be used: ")) << ours[0];
    EXPECT_TRUE(theirs[i][0].starts_with("line 1: the plan cannot be used: ")) << theirs[i][0];
  }
}

}  // namespace
}  // namespace windfall::fairness
