// Any lines as a fairness export: each has one spelling, the verdict is one that can be told, and what is found right
// adds up and was promised before. Some inputs are an honest export with changes, some have another plan under a right
// commitment.
#include <algorithm>
#include <map>
#include <string>
#include <variant>

#include "adapters/codec/json_in.hpp"
#include "app/fairness/verify_export.hpp"
#include "domain/deck/lotteries.hpp"
#include "fairness/export_story.hpp"
#include "fuzz/honest.hpp"

namespace {

using namespace windfall;
using namespace windfall::fuzz;
using namespace windfall::fairness;

/// Few people, days and prizes: an export of some fifty lines.
const Story& honest() {
  static Story story;
  if (!story.lines.empty()) return story;
  StoryTerms terms = eventful();
  terms.lottery.prizes = {test::coupon("a", 29), test::points("g", 1)};
  terms.lottery.segment_minutes = 720;
  terms.lottery.traffic_curve.reset();
  terms.days = 2;
  terms.users = 12;
  terms.draws_per_segment = 4;
  terms.voids_before = terms.voids_after = 1;
  tell(story, terms);
  return story;
}

/// What the lines say, added up without the verifier.
struct Sums {
  std::uint64_t draws = 0, wins = 0, second_wins = 0, voided = 0;
  std::map<Pseudonym, std::uint32_t> by_user;
};

void add(Sums& sums, const codec::ExportLine& line) {
  if (const auto* draw = std::get_if<codec::ExportDraw>(&line)) {
    ++sums.draws;
    if (draw->prize) ++sums.wins, ++sums.by_user[draw->user];
  }
  if (std::holds_alternative<codec::ExportSecondWin>(line)) ++sums.second_wins;
  if (std::holds_alternative<codec::ExportVoid>(line) || std::holds_alternative<codec::ExportSecondVoid>(line)) {
    ++sums.voided;
  }
}

Verdict judge(std::string_view text, const std::string& published) {
  ExportVerifier verifier(published);
  Sums sums;
  std::uint64_t lines = 0;
  bool more = true;
  while (more && !text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const auto read = codec::decode_export_line(line)) {
      std::string again;
      codec::append_export_line(again, *read);
      require(again.substr(0, again.size() - 1) == line);
      add(sums, *read);
    }
    const std::vector<char> exact = exactly(line);
    more = verifier.line(view_of(exact));
    ++lines;
  }
  Verdict verdict = verifier.finish();
  require(verdict.lines == lines && verdict.findings.size() == std::min<std::uint64_t>(verdict.problems, kMaxFindings));
  require(std::ranges::is_sorted(verdict.findings, {}, &ExportFinding::line));
  require(codec::parse_json(verdict.as_json()).has_value() && !verdict.as_text().empty());
  if (!verdict.ok()) return verdict;
  require(verdict.draws == sums.draws && verdict.wins == sums.wins && verdict.second_wins == sums.second_wins);
  require(verdict.voided == sums.voided && sums.wins + sums.second_wins <= verdict.items + sums.voided);
  require(verdict.shortfall == verdict.items + sums.voided - sums.wins - sums.second_wins);
  for (const auto& [user, wins] : sums.by_user) require(published.empty() || wins <= honest().plan.max_wins_per_user);
  return verdict;
}

/// The honest lines under the header of another plan.
void check_other_plan(const std::string& plan, const std::string& text) {
  if (const auto read = codec::decode_plan(plan)) require(plan_text(*read) == plan);
  std::string other;
  codec::append_export_line(other, codec::ExportHeader{.promotion = honest().plan.promotion,
                                                       .commitment = commitment_of(honest().seed, plan),
                                                       .plan = plan,
                                                       .seed = honest().seed});
  judge(other + text.substr(text.find('\n') + 1), "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kText = honest().text();
  static const std::string kPlan = plan_text(honest().plan);
  static const std::string kPublished = commitment_of(honest().seed, kPlan);
  static const bool kRight = judge(kText, kPublished).ok();
  require(kRight);
  Bytes says(data, size);
  switch (says.byte() % 4) {
    case 0:
      judge(says.rest(), "");
      break;
    case 1:
      judge(kText.substr(0, kText.find('\n') + 1) + std::string(says.rest()), kPublished);
      break;
    case 2:
      judge(changed(kText, says), kPublished);
      break;
    default:
      check_other_plan(changed(kPlan, says), kText);
      break;
  }
  return 0;
}
