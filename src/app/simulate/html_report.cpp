// The report as one page: plots as inline SVG, no script, nothing loaded from anywhere. Colours follow the reader's
// light or dark setting.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "adapters/codec/time_text.hpp"
#include "app/simulate/figures.hpp"

namespace windfall::simulate {

namespace {

constexpr double kWidth = 860;
constexpr double kHeight = 220;
constexpr double kLeft = 70;
constexpr double kBottom = 34;
constexpr double kTop = 10;
/// More labels than that below a plot run into each other.
constexpr std::size_t kLabels = 12;

struct Point {
  std::string label;
  double value = 0;
};

class Page {
 public:
  template <class... A>
  void add(fmt::format_string<A...> format, A&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<A>(args)...);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// Bars, and a line over them if `line` is not empty.
void plot(Page& page, std::string_view title, const std::vector<Point>& bars, const std::vector<double>& line,
          std::string_view unit) {
  double highest = 0;
  for (const Point& bar : bars) highest = std::max(highest, bar.value);
  for (const double value : line) highest = std::max(highest, value);
  if (highest <= 0) highest = 1;
  const double span = kHeight - kTop - kBottom;
  const double step = (kWidth - kLeft) / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  const auto y_of = [&](double value) { return kTop + (span * (1 - (value / highest))); };
  page.add("<section><h2>{}</h2><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", title, kWidth, kHeight,
           title);
  for (const double part : {0.0, 0.5, 1.0}) {
    page.add("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, kWidth,
             y_of(highest * part), y_of(highest * part));
    page.add("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}{}</text>", kLeft - 6, y_of(highest * part) + 4,
             highest * part, unit);
  }
  const std::size_t every = std::max<std::size_t>(1, (bars.size() + kLabels - 1) / kLabels);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double x = kLeft + (step * static_cast<double>(i));
    page.add(
        "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\"><title>{}: "
        "{}{}</title></rect>",
        x + (step * 0.1), y_of(bars[i].value), step * 0.8, kTop + span - y_of(bars[i].value), bars[i].label,
        bars[i].value, unit);
    if (i % every == 0) {
      page.add("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x + (step / 2), kHeight - 12,
               bars[i].label);
    }
  }
  if (!line.empty()) {
    page.add("<polyline class=\"line\" points=\"");
    for (std::size_t i = 0; i < line.size(); ++i) {
      page.add("{:.1f},{:.1f} ", kLeft + (step * (static_cast<double>(i) + 0.5)), y_of(line[i]));
    }
    page.add("\"/>");
  }
  page.add("</svg></section>\n");
}

std::vector<Point> odds_per_hour(const SimulationResult& result) {
  std::vector<Point> odds;
  for (const Hour& hour : hours_of(result)) {
    odds.push_back(
        {.label = fmt::format("{} {:02}h", codec::to_text(hour.date).substr(5), hour.hour), .value = hour.odds});
  }
  return odds;
}

}  // namespace

std::string as_html(const Campaign& campaign, const SimulationResult& result) {
  Page page;
  page.add(
      "<!doctype html>\n<html lang=\"ko\"><head><meta charset=\"utf-8\"><title>Windfall 모의 캠페인</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
      ":root{{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--bar:#3b7dd8;--line:#d8593b;--grid:#8884}}\n"
      "@media (prefers-color-scheme:dark){{:root{{--fg:#e6e8eb;--bg:#15181c;--bar:#6ea8fe;--line:#ff9776}}}}\n"
      "body{{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem;color:var(--fg);"
      "background:var(--bg)}}\nh1{{font-size:1.4rem}}h2{{font-size:1rem;margin:1.6rem 0 .3rem}}\n"
      "svg{{width:100%;height:auto}}text{{font-size:11px;fill:var(--fg)}}.bar{{fill:var(--bar)}}\n"
      ".line{{fill:none;stroke:var(--line);stroke-width:2}}.grid{{stroke:var(--grid)}}\n"
      "table{{border-collapse:collapse}}td,th{{padding:.2rem .7rem .2rem 0;text-align:left}}td.n{{text-align:right}}\n"
      ".bad{{color:var(--line);font-weight:bold}}\n</style></head><body>\n");
  page.add(
      "<h1>모의 캠페인 · Simulated campaign</h1>\n<p>{}명 {}일, 수요 {}배, 시드 {}. {} people, {} days, demand ×{}, "
      "seed {}.</p>\n",
      campaign.users, campaign.days, campaign.demand, campaign.seed, campaign.users, campaign.days, campaign.demand,
      campaign.seed);
  page.add("<table>");
  const auto row = [&page](std::string_view name, std::int64_t value) {
    page.add("<tr><th>{}</th><td class=\"n\">{}</td></tr>", name, value);
  };
  row("계획한 경품 · prizes planned", result.planned);
  row("당첨자 · winners", result.winners);
  row("두 번째 기회 · second chance", result.second_chance);
  row("남은 경품 · shortfall", result.shortfall);
  row("응모 · draws", result.draws);
  row("지급한 경품의 가치 · worth of prizes given", result.spend);
  page.add("</table>\n");

  std::vector<Point> causes;
  causes.reserve(kGrantCauses);
  for (std::size_t i = 0; i < kGrantCauses; ++i) {
    causes.push_back({.label = name_of_cause(i), .value = static_cast<double>(result.granted[i])});
  }
  plot(page, "응모권 발급 사유 · Tickets by cause", causes, {}, "");
  std::vector<Point> won;
  std::vector<Point> spend;
  std::vector<double> plan;
  double spent = 0;
  for (const SimulatedDay& day : result.days) {
    const std::string label = codec::to_text(day.date).substr(5);
    won.push_back({.label = label, .value = static_cast<double>(day.won)});
    plan.push_back(static_cast<double>(day.plan));
    spent += static_cast<double>(day.worth);
    spend.push_back({.label = label, .value = spent});
  }
  plot(page, "일별 당첨(막대)과 계획(선) · Winners per day (bars) against plan (line)", won, plan, "");
  plot(page, "시간별 당첨률 · Odds per hour", odds_per_hour(result), {}, " %");
  std::vector<Point> refused;
  for (const auto& [code, count] : result.refusals)
    refused.push_back({.label = code, .value = static_cast<double>(count)});
  plot(page, "거절과 무효 · What was refused or granted nothing", refused, {}, "");
  plot(page, "누적 경품 가치 · Worth of prizes won, cumulated", spend, {}, "");

  const RewardFigures& r = result.rewards;
  page.add("<h2>제휴사 · Partner</h2>\n<table>");
  row("장부의 포인트 · points in its book", r.spend);
  row("완료된 적립 · accruals done", r.accruals.done);
  row("결과를 모르는 적립 · accruals unknown", r.accruals.unknown);
  row("실패한 적립 · accruals dead", r.accruals.dead);
  row("완료된 알림 · notices done", r.notifications.done);
  row("실패한 알림 · notices dead", r.notifications.dead);
  row("재처리한 실패 건 · dead letters redriven", r.redriven);
  row("호출 · calls", r.partner.calls);
  row("실패한 호출 · calls that failed", r.partner.failed);
  row("답이 없던 호출 · calls without an answer", r.partner.unknown);
  row("중단 시간(분) · minutes of outage", r.down_ms / 60'000);
  page.add("</table>\n");
  const CodeFigures& c = result.codes;
  page.add("<h2>쿠폰 코드 · Gifticon codes</h2>\n<table>");
  row("등록한 코드 · codes imported", c.imported);
  row("코드 파일 · files", c.files);
  row("중복으로 거절한 줄 · lines refused as duplicates", c.duplicates);
  row("배정한 코드 · codes assigned", c.assigned);
  row("남은 코드 · codes left", c.left);
  row("끝내 코드가 없는 쿠폰(PENDING_CODE) · coupons without a code in the end", c.waiting);
  row("가장 많이 기다린 쿠폰 수 · coupons waiting at most", c.most_waiting);
  row("가장 오래 기다린 시간(분) · longest wait, minutes", c.longest_wait_ms / 60'000);
  row("코드 부족 경보 · low-water alarms", c.alarms);
  page.add("</table>\n");
  page.add("<h2>불변 조건 · Invariants</h2><table><tr><th>id</th><th></th><th>checked</th><th>violations</th></tr>");
  for (const InvariantResult& invariant : result.invariants) {
    page.add("<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n{}\">{}</td></tr>", invariant.id,
             invariant.what, invariant.checked, invariant.violations > 0 ? " bad" : "", invariant.violations);
  }
  page.add("</table>\n</body></html>\n");
  return page.take();
}

}  // namespace windfall::simulate
