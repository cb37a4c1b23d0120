#include "application/on_request/show_tickets.hpp"

#include <numeric>
#include <utility>

#include "application/port/gather.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

bool visible(const DefinitionPtr& definition) { return definition && known_to_participants(definition->promotion); }

}  // namespace

std::vector<Look> account_looks(PartitionNo partition, UserRef user) {
  std::vector<Look> looks{keys::tickets(partition, user), keys::drawn(partition, user), keys::revoked(partition, user)};
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    looks.emplace_back(keys::granted(partition, user, static_cast<GrantCause>(cause)));
  }
  return looks;
}

TicketAccount account_of(const std::vector<std::int64_t>& values) {
  TicketAccount account{.held = values.at(0), .drawn = values.at(1), .revoked = values.at(2)};
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) account.by_cause[cause] = values.at(3 + cause);
  account.granted = std::accumulate(account.by_cause.begin(), account.by_cause.end(), std::int64_t{0});
  return account;
}

Task<Result<std::variant<TicketAccount, UnknownPromotion, NotJoinable>>> ShowTickets::account(
    std::string_view promotion_id, UserRef user) {
  const DefinitionPtr definition = store_.find(promotion_id);
  if (!visible(definition)) co_return UnknownPromotion{};
  if (!definition->promotion.lottery) co_return NotJoinable{};
  const PartitionNo partition = definition->partition;
  std::vector<Look> looks = account_looks(partition, user);
  looks.emplace_back(keys::paused_all());
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  TicketAccount account = account_of(*values);

  const VisitGrant* visit = grant_of<VisitGrant>(*definition->promotion.lottery);
  const LocalDay today = definition->zone.day_at(store_.now(partition));
  const bool active = status_at(definition->promotion, today, values->back() != 0) == Status::active;
  if (account.granted == 0 && account.revoked == 0 && account.drawn == 0 && active && visit != nullptr) {
    account.held = visit->tickets;
    account.provisional = true;
  }
  co_return account;
}

Task<Result<std::vector<ShowTickets::OnTheirWay>>> ShowTickets::on_their_way(UserRef user) {
  // Copied: while one is waited for, others may be made.
  std::vector<DefinitionPtr> running;
  const std::vector<DefinitionPtr>& all = store_.all();
  for (auto latest = all.rbegin(); latest != all.rend() && running.size() < kLookedAt; ++latest) {
    const Promotion& promotion = (*latest)->promotion;
    if (!promotion.lottery || promotion.mode == Mode::test || grant_of<VisitGrant>(*promotion.lottery) == nullptr) {
      continue;
    }
    const LocalDay today = (*latest)->zone.day_at(store_.now((*latest)->partition));
    if (status_at(promotion, today, false) == Status::active) running.push_back(*latest);
  }
  using Shown = Result<std::variant<TicketAccount, UnknownPromotion, NotJoinable>>;
  std::vector<Task<Shown>> looking;
  looking.reserve(running.size());
  for (const DefinitionPtr& definition : running) looking.push_back(account(definition->promotion.id, user));
  auto looks = gather(std::move(looking));
  const std::vector<Shown> shown = co_await looks;
  std::vector<OnTheirWay> found;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (!shown[i]) co_return tl::unexpected(shown[i].error());
    const auto* tickets = std::get_if<TicketAccount>(&*shown[i]);
    if (tickets != nullptr && tickets->provisional) {
      found.push_back({.definition = running[i], .tickets = tickets->held});
    }
  }
  co_return found;
}

Task<Result<std::variant<InviteFunnel, UnknownPromotion, NotJoinable>>> ShowTickets::funnel(
    std::string_view promotion_id, UserRef user) {
  const DefinitionPtr definition = store_.find(promotion_id);
  if (!visible(definition)) co_return UnknownPromotion{};
  if (!definition->promotion.lottery) co_return NotJoinable{};
  std::vector<Look> looks;
  looks.reserve(kFunnelSteps);
  for (std::size_t step = 0; step < kFunnelSteps; ++step) {
    looks.emplace_back(keys::funnel(definition->partition, user, static_cast<FunnelStep>(step)));
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  InviteFunnel funnel;
  for (std::size_t step = 0; step < kFunnelSteps; ++step) funnel.steps[step] = (*values)[step];
  co_return funnel;
}

Task<Result<ShowTickets::Totals>> ShowTickets::totals(DefinitionPtr definition) {
  const PartitionNo partition = definition->partition;
  std::vector<Look> looks{keys::drawn_in_total(partition),  keys::revoked_in_total(partition),
                          keys::voided_in_total(partition), keys::second(partition),
                          keys::closed(partition),          keys::second_stage(partition)};
  const std::size_t causes = looks.size();
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    looks.emplace_back(keys::granted_in_total(partition, static_cast<GrantCause>(cause)));
  }
  const std::size_t steps = looks.size();
  for (std::size_t step = 0; step < kFunnelSteps; ++step) {
    looks.emplace_back(keys::funnel_in_total(partition, static_cast<FunnelStep>(step)));
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());
  Totals totals{.drawn = (*values)[0],
                .revoked = (*values)[1],
                .voided = (*values)[2],
                .second_chance = (*values)[3],
                .closed = (*values)[4] != 0,
                .over = (*values)[4] == kClosedForGood || (*values)[5] == kSecondOver};
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) totals.granted[cause] = (*values)[causes + cause];
  for (std::size_t step = 0; step < kFunnelSteps; ++step) totals.funnel[step] = (*values)[steps + step];
  co_return totals;
}

}  // namespace windfall
