#include "app/simulate/campaign.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace windfall::simulate {

namespace {

// Tickets at demand 1: with 0.68 invites each, a person comes to 6.4 tickets and, at one win in eleven draws, needs 4.8
// of them: 1.45 million draws of 300,000 people.
constexpr double kVisitTickets = 3;
constexpr double kInviterTickets = 3;
constexpr double kFriendTickets = 2;
/// Beside so many coupons the contract has ten grand prizes.
constexpr std::uint32_t kGrandPrizes = 10;
constexpr std::uint32_t kFewPrizes = 20;
constexpr std::int32_t kDaysOfAWeek = 7;

/// More draws than at demand 1 need more tickets; fewer are drawn by leaving tickets.
double ticket_scale(const Campaign& campaign) { return std::max(1.0, campaign.demand); }
std::uint32_t scaled(double tickets, const Campaign& campaign) {
  const double wanted = std::ceil(tickets * ticket_scale(campaign));
  return static_cast<std::uint32_t>(std::min(wanted, static_cast<double>(kMaxTicketsPerGrant)));
}

}  // namespace

ArrivalCurve usual_curve(std::int32_t days) {
  ArrivalCurve curve;
  for (std::int32_t day = 0; day < days; ++day) {
    const std::int32_t weekday = day % kDaysOfAWeek;  // the first day is a Monday
    curve.days.push_back(weekday >= 5 ? 1.1 : 1.0);
  }
  curve.hours = {30, 18, 10, 7, 6, 9, 20, 45, 70, 72, 75, 85, 110, 95, 80, 78, 80, 88, 100, 105, 110, 115, 95, 60};
  return curve;
}

Result<ArrivalCurve> read_curve(std::string_view text, std::int32_t days) {
  ArrivalCurve curve = usual_curve(days);
  int line_no = 0;
  while (!text.empty()) {
    ++line_no;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, std::min(line.find('#'), line.size()));
    const auto word = [&line]() -> std::string_view {
      const std::size_t from = std::min(line.find_first_not_of(" \t\r"), line.size());
      line.remove_prefix(from);
      const std::string_view found = line.substr(0, std::min(line.find_first_of(" \t\r"), line.size()));
      line.remove_prefix(found.size());
      return found;
    };
    const std::string_view kind = word();
    if (kind.empty()) continue;
    const std::string place = "line " + std::to_string(line_no) + ": ";
    if (kind != "days" && kind != "hours") {
      return fail(FailureCode::invalid, place + "begins with neither \"days\" nor \"hours\"");
    }
    std::vector<double> weights;
    double sum = 0;
    for (std::string_view item = word(); !item.empty(); item = word()) {
      double weight = -1;
      const auto [rest, error] = std::from_chars(item.data(), item.data() + item.size(), weight);
      if (error != std::errc{} || rest != item.data() + item.size() || !(weight >= 0 && weight <= 1e9)) {
        return fail(FailureCode::invalid, place + "\"" + std::string(item) + "\" is no weight");
      }
      weights.push_back(weight);
      sum += weight;
    }
    if (sum <= 0) return fail(FailureCode::invalid, place + "nobody would ever come");
    if (kind == "days") {
      curve.days = std::move(weights);
    } else if (weights.size() != curve.hours.size()) {
      return fail(FailureCode::invalid, place + "a day has 24 hours");
    } else {
      std::ranges::copy(weights, curve.hours.begin());
    }
  }
  return curve;
}

Promotion promotion_of(const Campaign& campaign) {
  Lottery lottery;
  lottery.grants = {VisitGrant{.tickets = scaled(kVisitTickets, campaign)},
                    InviteGrant{.inviter_tickets = scaled(kInviterTickets, campaign),
                                .friend_tickets = scaled(kFriendTickets, campaign)}};
  const std::uint32_t grand = campaign.prizes >= kFewPrizes ? kGrandPrizes : 0;
  lottery.prizes = {{.id = "americano",
                     .name = "아메리카노",
                     .kind = PrizeKind::gifticon,
                     .value = 4500,
                     .count = campaign.prizes - grand,
                     .valid_days = 30}};
  if (grand > 0) {
    lottery.prizes.push_back({.id = "grand",
                              .name = "100만 포인트",
                              .kind = PrizeKind::points,
                              .value = 1'000'000,
                              .count = grand,
                              .valid_days = {}});
  }
  Promotion promotion;
  promotion.id = "simulated";
  promotion.title = "모의 캠페인";
  promotion.start = kCampaignStart;
  promotion.end = LocalDay{kCampaignStart.days + campaign.days - 1};
  promotion.timezone = "Asia/Seoul";
  promotion.lottery = std::move(lottery);
  return promotion;
}

double share_drawn(const Campaign& campaign) {
  return std::min(1.0, campaign.demand / std::ceil(ticket_scale(campaign)));
}

}  // namespace windfall::simulate
