#include "application/on_request/preview_lottery.hpp"

#include <algorithm>
#include <utility>

#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

using Rule = LotteryPreview::Rule;

/// The first refusal that every visit and draw shares.
std::optional<LotteryRefusal> common_refusal(const std::vector<Rule>& rules, Lifecycle lifecycle) {
  for (const Rule& rule : rules) {
    if (rule.holds) continue;
    switch (rule.name) {
      case Rule::Name::period:
        return OutsidePeriod{};
      case Rule::Name::status:
        return lifecycle == Lifecycle::paused ? LotteryRefusal{PromotionPaused{}} : LotteryRefusal{OutsidePeriod{}};
      case Rule::Name::pause_all:
        return PromotionPaused{};
      case Rule::Name::blocked:
        return Blocked{};
      case Rule::Name::first_visit:
      case Rule::Name::wins_left:
      case Rule::Name::has_ticket:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

Task<Result<LotteryPreview>> preview_lottery(PromotionStore* store, DrawBook* book, DefinitionPtr definition,
                                             UserRef user, std::optional<Instant> at) {
  const PartitionNo partition = definition->partition;
  const Promotion& promotion = definition->promotion;
  std::vector<Look> looks{keys::paused_all(),
                          keys::blocked(user),
                          keys::closed(partition),
                          SizeOf{.set = keys::visited(partition, user)},
                          keys::tickets(partition, user),
                          keys::drawn(partition, user)};
  const Result<std::vector<std::int64_t>> values = co_await store->read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  const std::int64_t held = (*values)[4];

  const auto drawn = static_cast<std::uint32_t>((*values)[5]);
  std::vector<Look> draws;
  draws.reserve(drawn);
  for (std::uint32_t i = 0; i < drawn; ++i) {
    draws.emplace_back(keys::draw_at(partition, user, i));
  }
  std::int64_t wins = 0;
  if (!draws.empty()) {
    Result<std::vector<std::int64_t>> coded = co_await store->read(std::move(draws), Freshness::durable);
    if (!coded) co_return tl::unexpected(coded.error());
    const auto prizes = co_await book->prizes_of(definition, std::move(*coded));
    if (!prizes) co_return tl::unexpected(prizes.error());
    wins = std::ranges::count_if(*prizes, [](const auto& prize) { return prize.has_value(); });
  }

  const LocalDay today = definition->zone.day_at(at.value_or(store->now(partition)));
  const bool inside = today >= promotion.start && today <= promotion.end && promotion.lifecycle != Lifecycle::ended &&
                      (*values)[2] == 0;
  const auto most = std::int64_t{promotion.lottery->max_wins_per_user};
  LotteryPreview preview;
  preview.rules = {{.name = Rule::Name::period, .holds = inside},
                   {.name = Rule::Name::status, .holds = promotion.lifecycle == Lifecycle::open},
                   {.name = Rule::Name::pause_all, .holds = (*values)[0] == 0},
                   {.name = Rule::Name::blocked, .holds = (*values)[1] == 0},
                   {.name = Rule::Name::first_visit, .holds = (*values)[3] == 0},
                   {.name = Rule::Name::wins_left, .holds = wins < most, .value = wins, .limit = most},
                   {.name = Rule::Name::has_ticket, .holds = held > 0, .value = held, .limit = 1}};
  preview.visit = common_refusal(preview.rules, promotion.lifecycle);
  const VisitGrant* grant = grant_of<VisitGrant>(*promotion.lottery);
  if (!preview.visit && grant != nullptr && (*values)[3] == 0) preview.visit_tickets = grant->tickets;
  preview.draw = preview.visit;
  if (!preview.draw && wins >= most) preview.draw = AlreadyWon{};
  if (!preview.draw && held < 1) preview.draw = NoTicket{};
  co_return preview;
}

}  // namespace windfall
