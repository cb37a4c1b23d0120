#include "adapters/http/api/lottery_dry_run.hpp"

#include <optional>

#include "adapters/codec/json_out.hpp"

namespace windfall::http {

namespace {

using Rule = LotteryPreview::Rule;

std::string_view word_of(Rule::Name name) {
  switch (name) {
    case Rule::Name::period:
      return "PERIOD";
    case Rule::Name::status:
      return "STATUS";
    case Rule::Name::pause_all:
      return "PAUSE_ALL";
    case Rule::Name::blocked:
      return "BLOCKED";
    case Rule::Name::first_visit:
      return "FIRST_VISIT";
    case Rule::Name::wins_left:
      return "WINS_LEFT";
    case Rule::Name::has_ticket:
      break;
  }
  return "HAS_TICKET";
}

std::string why_en(const Rule& rule, Lifecycle lifecycle) {
  switch (rule.name) {
    case Rule::Name::period:
      return rule.holds ? "The lottery is running on that day." : "The lottery is not running on that day.";
    case Rule::Name::status:
      return rule.holds ? "The promotion is open." : std::string(why_not_open(lifecycle, Language::en));
    case Rule::Name::pause_all:
      return rule.holds ? "Not everything is paused." : "Everything is paused.";
    case Rule::Name::blocked:
      return rule.holds ? "The user is not on the block list." : "The user is on the block list.";
    case Rule::Name::first_visit:
      return rule.holds ? "The user has not visited yet."
                        : "The user has visited already; another visit grants nothing.";
    case Rule::Name::wins_left:
      return "The user has won " + std::to_string(rule.value) + " of at most " + std::to_string(rule.limit) + ".";
    case Rule::Name::has_ticket:
      break;
  }
  return "The user holds " + std::to_string(rule.value) + (rule.value == 1 ? " ticket." : " tickets.");
}

std::string why_ko(const Rule& rule, Lifecycle lifecycle) {
  switch (rule.name) {
    case Rule::Name::period:
      return rule.holds ? "추첨 기간입니다." : "추첨 기간이 아닙니다.";
    case Rule::Name::status:
      return rule.holds ? "진행 중인 프로모션입니다." : std::string(why_not_open(lifecycle, Language::ko));
    case Rule::Name::pause_all:
      return rule.holds ? "전체 일시 중지 상태가 아닙니다." : "전체 일시 중지 상태입니다.";
    case Rule::Name::blocked:
      return rule.holds ? "차단되지 않은 사용자입니다." : "차단된 사용자입니다.";
    case Rule::Name::first_visit:
      return rule.holds ? "아직 방문하지 않았습니다." : "이미 방문했으므로 다시 방문해도 지급되지 않습니다.";
    case Rule::Name::wins_left:
      return "최대 " + std::to_string(rule.limit) + "번 중 " + std::to_string(rule.value) + "번 당첨되었습니다.";
    case Rule::Name::has_ticket:
      break;
  }
  return "응모권 " + std::to_string(rule.value) + "장을 가지고 있습니다.";
}

void append_verdict(codec::ObjectWriter& writer, const std::optional<LotteryRefusal>& refusal, bool is_draft) {
  writer.boolean("accepted", !refusal.has_value());
  if (refusal) writer.text("code", is_draft ? "PROMOTION_NOT_FOUND" : std::string_view(code_of(*refusal)));
}

}  // namespace

std::string_view why_not_open(Lifecycle lifecycle, Language language) {
  const bool ko = language == Language::ko;
  switch (lifecycle) {
    case Lifecycle::draft:
      return ko ? "초안이라 아직 공개되지 않았습니다." : "The promotion is a draft, which is not published yet.";
    case Lifecycle::paused:
      return ko ? "일시 중지된 프로모션입니다." : "The promotion is paused.";
    case Lifecycle::ended:
      return ko ? "종료된 프로모션입니다." : "The promotion has been ended.";
    case Lifecycle::open:
      break;
  }
  return {};
}

void append_lottery_dry_run(std::string& out, const LotteryPreview& preview, const Promotion& promotion,
                            Language language) {
  const bool is_draft = !known_to_participants(promotion);
  const Lifecycle lifecycle = promotion.lifecycle;
  codec::ObjectWriter body(out);
  append_verdict(body, preview.draw, is_draft);
  codec::append_json_array(body.name("rules"), preview.rules, [&](const Rule& rule) {
    const std::string why = language == Language::ko ? why_ko(rule, lifecycle) : why_en(rule, lifecycle);
    codec::ObjectWriter(out)
        .text("rule", word_of(rule.name))
        .boolean("holds", rule.holds)
        .text("why", std::string_view(why))
        .close();
  });
  codec::ObjectWriter visit(body.name("visit"));
  append_verdict(visit, preview.visit, is_draft);
  visit.integer("granted", preview.visit_tickets).close();
  codec::ObjectWriter draw(body.name("draw"));
  append_verdict(draw, preview.draw, is_draft);
  draw.close();
  body.close();
}

}  // namespace windfall::http
