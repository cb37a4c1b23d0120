#include "adapters/http/api/lottery_stats.hpp"

#include <map>
#include <numeric>

#include "adapters/codec/json_out.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/http/api/render_lottery.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/plan.hpp"

namespace windfall::http {

namespace {

struct Won {
  std::int64_t draws = 0;
  std::int64_t second_chance = 0;
};

void append_won(codec::ObjectWriter& line, std::int64_t planned, const Won& won) {
  line.integer("planned", planned).integer("won", won.draws).integer("secondChance", won.second_chance);
}

void append_tickets(std::string& out, const ShowTickets::Totals& totals) {
  const std::int64_t granted = std::accumulate(totals.granted.begin(), totals.granted.end(), std::int64_t{0});
  codec::ObjectWriter tickets(out);
  tickets.integer("granted", granted);
  codec::ObjectWriter causes(tickets.name("byCause"));
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    causes.integer(name_of(static_cast<GrantCause>(cause)), totals.granted.at(cause));
  }
  causes.close();
  tickets.integer("drawn", totals.drawn)
      .integer("revoked", totals.revoked)
      .integer("held", granted - totals.drawn - totals.revoked)
      .close();
}

void append_winners(std::string& out, const Promotion& promotion, const LotteryFigures& figures) {
  const Lottery& lottery = *promotion.lottery;
  Won all;
  std::map<std::uint32_t, Won> by_prize;
  std::map<LocalDay, Won> by_day;
  for (const DailyWins& wins : figures.wins) {
    for (Won* won : {&all, &by_prize[wins.prize], &by_day[wins.day]}) {
      won->draws += wins.wins;
      won->second_chance += wins.second_chance;
    }
  }
  codec::ObjectWriter winners(out);
  append_won(winners, items_of(lottery.prizes), all);
  winners.integer("voided", figures.tickets.voided);
  std::vector<std::uint32_t> prizes(lottery.prizes.size());
  std::iota(prizes.begin(), prizes.end(), 0U);
  codec::append_json_array(winners.name("byPrize"), prizes, [&](std::uint32_t prize) {
    codec::ObjectWriter line(out);
    line.text("prizeId", lottery.prizes[prize].id).text("name", lottery.prizes[prize].name);
    append_won(line, lottery.prizes[prize].count, by_prize[prize]);
    line.close();
  });
  // The second chance is given after the last day, which may lie beyond the plan.
  const std::vector<std::uint32_t> quotas = plan_of(promotion).day_quotas;
  std::map<LocalDay, std::uint32_t> planned;
  for (std::size_t i = 0; i < quotas.size(); ++i) {
    planned[{promotion.start.days + static_cast<std::int32_t>(i)}] = quotas[i];
  }
  for (const auto& [day, won] : by_day) planned.try_emplace(day, 0);
  codec::append_json_array(winners.name("byDay"), planned, [&](const auto& day) {
    codec::ObjectWriter line(out);
    line.day("date", day.first);
    append_won(line, day.second, by_day[day.first]);
    line.close();
  });
  winners.close();
}

}  // namespace

LotterySpend spend_of(const Promotion& promotion, const std::vector<DailyWins>& wins) {
  LotterySpend spend;
  if (promotion.mode == Mode::test) return spend;
  for (const DailyWins& row : wins) {
    const Prize& prize = promotion.lottery->prizes.at(row.prize);
    (prize.kind == PrizeKind::points ? spend.points : spend.gifticons) +=
        prize.value * (row.wins + row.second_chance - row.voided);
  }
  return spend;
}

std::optional<std::int64_t> shortfall_of(const Lottery& lottery, const LotteryFigures& figures) {
  if (!figures.tickets.over) return std::nullopt;
  std::int64_t standing = -figures.tickets.voided;
  for (const DailyWins& row : figures.wins) standing += row.wins + row.second_chance;
  return std::int64_t{items_of(lottery.prizes)} - standing;
}

void append_lottery_stats(std::string& out, const Promotion& promotion, const LotteryFigures& figures) {
  const Lottery& lottery = *promotion.lottery;
  codec::ObjectWriter body(out);
  append_tickets(body.name("tickets"), figures.tickets);
  body.integer("draws", figures.tickets.drawn);
  append_winners(body.name("winners"), promotion, figures);
  body.integer("invitesIssued", figures.tickets.funnel.at(static_cast<std::size_t>(FunnelStep::issued)));
  render_funnel(body.name("invites"), {.steps = figures.tickets.funnel});
  const LotterySpend spend = spend_of(promotion, figures.wins);
  codec::ObjectWriter(body.name("spend")).integer("points", spend.points).integer("gifticons", spend.gifticons).close();
  body.integer_or_null("shortfall", shortfall_of(lottery, figures)).close();
}

}  // namespace windfall::http
