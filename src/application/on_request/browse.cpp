#include "application/on_request/browse.hpp"

#include <algorithm>
#include <utility>

#include "domain/kernel/guard.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// Values read per promotion by views().
constexpr std::size_t kLooksPerView = 3;

/// A ListPlace that is only looked at.
struct PlaceRef {
  Amount reward_amount = 0;
  std::string_view id;
};

PlaceRef place_of(const ListPlace& place) { return {.reward_amount = place.reward_amount, .id = place.id}; }
PlaceRef place_of(const Definition& definition) {
  return {.reward_amount = definition.promotion.reward_amount, .id = definition.promotion.id};
}

bool before(PlaceRef a, PlaceRef b) {
  return a.reward_amount != b.reward_amount ? a.reward_amount > b.reward_amount : a.id < b.id;
}

const char* name_of(const Definition& definition, const JoinPlan::Step& step) {
  switch (step.rule) {
    case JoinPlan::Rule::paused_all:
      return "PAUSE_ALL";
    case JoinPlan::Rule::blocked:
      return "BLOCKED";
    case JoinPlan::Rule::total_stock:
      return "TOTAL_STOCK";
    case JoinPlan::Rule::daily_stock:
      return "DAILY_STOCK";
    case JoinPlan::Rule::join_type:
      return windfall::name_of(definition.promotion.join_types.at(step.join_type));
    case JoinPlan::Rule::once_a_day:
      break;
  }
  return "ONCE_A_DAY";
}

std::int64_t limit_of(const Guard& guard) {
  struct Limit {
    std::int64_t operator()(const Below& g) const { return g.limit; }
    std::int64_t operator()(const AtLeast& g) const { return g.amount; }
    std::int64_t operator()(const Equals& g) const { return g.value; }
    std::int64_t operator()(const Absent&) const { return 0; }
    std::int64_t operator()(const Fewer& g) const { return g.than; }
  };
  return std::visit(Limit{}, guard);
}

}  // namespace

Task<Result<std::optional<PromotionView>>> Browse::one(std::string_view id) {
  const DefinitionPtr definition = store_.find(id);
  if (!definition) co_return std::optional<PromotionView>{};
  std::vector<DefinitionPtr> wanted{definition};
  Result<std::vector<PromotionView>> found = co_await views(std::move(wanted));
  if (!found) co_return tl::unexpected(found.error());
  co_return std::optional<PromotionView>{std::move(found->front())};
}

Task<Result<std::vector<PromotionView>>> Browse::views(std::vector<DefinitionPtr> definitions) {
  std::vector<Look> looks;
  looks.reserve((definitions.size() * kLooksPerView) + 1);
  looks.emplace_back(keys::paused_all());
  std::vector<LocalDay> today;
  today.reserve(definitions.size());
  for (const DefinitionPtr& d : definitions) {
    const LocalDay day = d->zone.day_at(store_.now(d->partition));
    today.push_back(day);
    const bool inside = day >= d->promotion.start && day <= d->promotion.end;
    looks.emplace_back(keys::taken(d->partition));
    looks.emplace_back(keys::taken_on(d->partition, inside ? d->promotion.day_index(day) : 0));
    looks.emplace_back(keys::spent(d->partition));
  }
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());

  const bool paused_all = values->front() != 0;
  std::vector<PromotionView> result;
  result.reserve(definitions.size());
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    const Promotion& promotion = definitions[i]->promotion;
    const std::int64_t taken = (*values)[1 + (i * kLooksPerView)];
    const std::int64_t taken_today = (*values)[2 + (i * kLooksPerView)];
    PromotionView view{.definition = std::move(definitions[i]),
                       .status = status_at(promotion, today[i], paused_all),
                       .join_count = taken,
                       .left_join_count = promotion.limit_join_count - taken,
                       .left_today_count = {},
                       .spent = (*values)[3 + (i * kLooksPerView)]};
    if (promotion.daily_limit_join_count) {
      const bool inside = today[i] >= promotion.start && today[i] <= promotion.end;
      const std::int64_t left_of_day = *promotion.daily_limit_join_count - (inside ? taken_today : 0);
      view.left_today_count = std::clamp<std::int64_t>(left_of_day, 0, view.left_join_count);
    }
    result.push_back(std::move(view));
  }
  co_return result;
}

Task<Result<Browse::Page>> Browse::exposed(std::optional<ListPlace> after, std::size_t limit) {
  std::vector<DefinitionPtr> candidates;
  for (const DefinitionPtr& d : store_.all()) {
    if (d->promotion.mode != Mode::live || d->promotion.lifecycle != Lifecycle::open) continue;
    // Most promotions are over: their dates say so before anything is read, sorted or copied.
    if (status_at(d->promotion, d->zone.day_at(store_.now(d->partition)), false) != Status::active) continue;
    if (!after || before(place_of(*after), place_of(*d))) candidates.push_back(d);
  }
  std::ranges::sort(candidates,
                    [](const DefinitionPtr& a, const DefinitionPtr& b) { return before(place_of(*a), place_of(*b)); });
  Result<std::vector<PromotionView>> all = co_await views(std::move(candidates));
  if (!all) co_return tl::unexpected(all.error());
  Page page{.items = std::move(*all), .next = {}};
  std::erase_if(page.items, [](const PromotionView& view) {
    return view.status != Status::active || (!view.definition->promotion.lottery && view.left_join_count <= 0);
  });
  if (page.items.size() > limit) {
    page.items.erase(page.items.begin() + static_cast<std::ptrdiff_t>(limit), page.items.end());
    const PlaceRef last = place_of(*page.items.back().definition);
    page.next = ListPlace{.reward_amount = last.reward_amount, .id = std::string(last.id)};
  }
  co_return page;
}

Task<Result<std::optional<JoinPreview>>> Browse::preview(std::string_view id, UserRef user,
                                                         std::vector<std::string> segments, std::optional<Instant> at) {
  const DefinitionPtr definition = store_.find(id);
  if (!definition) co_return std::optional<JoinPreview>{};
  const Instant now = at.value_or(store_.now(definition->partition));
  const LocalDay today = definition->zone.day_at(now);
  const Promotion& promotion = definition->promotion;
  JoinPreview preview{.definition = definition, .refusal = {}, .rules = {}};

  const bool has_today = today >= promotion.start && today <= promotion.end;
  const bool inside = has_today && promotion.lifecycle != Lifecycle::ended;
  const bool open = promotion.lifecycle == Lifecycle::open;
  preview.rules.push_back({.rule = "PERIOD", .holds = inside});
  preview.rules.push_back({.rule = "STATUS", .holds = open});

  // The rest is judged even when the period or the status already refuses: a dry run shows every rule.
  Definition judged = *definition;
  judged.promotion.lifecycle = Lifecycle::open;
  const Instant within = has_today ? now : judged.zone.start_of(promotion.start);
  const Result<GatheredFacts> gathered = co_await gather_join_facts(store_, definition, user);
  if (!gathered) co_return tl::unexpected(gathered.error());
  const JoinRequest request{.user = user, .segments = segments, .command = {}, .now = within};
  const JoinDecision decision = propose_join(judged, request, gathered->facts);
  const auto* planned = std::get_if<JoinPlan>(&decision);
  if (planned == nullptr) {
    // The zone's calendar has no day of the period: no day is left for which the rest could be judged.
    const Result<bool> durable = co_await store_.durable();
    if (!durable) co_return tl::unexpected(durable.error());
    preview.refusal = OutsidePeriod{};
    co_return std::optional<JoinPreview>{std::move(preview)};
  }
  const JoinPlan& plan = *planned;

  std::vector<Look> looks;
  looks.reserve(plan.proposal.guards.size() + 2);
  for (const Guard& guard : plan.proposal.guards) looks.push_back(look_of(guard));
  looks.push_back(plan.proposal.looks.front());
  looks.emplace_back(SizeOf{.set = keys::joined_days(definition->partition, user)});
  const Result<std::vector<std::int64_t>> values = co_await store_.read(std::move(looks), Freshness::durable);
  if (!values) co_return tl::unexpected(values.error());

  const std::size_t guards = plan.proposal.guards.size();
  preview.joined_today = has_today && (*values)[guards] != 0;
  preview.join_count = (*values)[guards + 1];
  if (!inside) {
    preview.refusal = OutsidePeriod{};
  } else if (!open) {
    preview.refusal =
        promotion.lifecycle == Lifecycle::paused ? JoinRefusal{PromotionPaused{}} : JoinRefusal{OutsidePeriod{}};
  }
  // A join type that is known to hold needs no guard; it is shown all the same.
  std::size_t shown_types = 0;
  const auto show_types_before = [&](std::size_t type) {
    for (; shown_types < type; ++shown_types) {
      preview.rules.push_back({.rule = windfall::name_of(promotion.join_types[shown_types]), .holds = true});
    }
  };
  for (std::uint32_t i = 0; i < guards; ++i) {
    const Guard& guard = plan.proposal.guards[i];
    const bool holds = holds_for(guard, (*values)[i]);
    const JoinPlan::Step& step = plan.steps[i];
    const std::string rule = name_of(*definition, step);
    // A join type may need several guards (FIRST_TIME); it stays one line.
    const bool same_type = step.rule == JoinPlan::Rule::join_type && i > 0 &&
                           plan.steps[i - 1].rule == JoinPlan::Rule::join_type &&
                           plan.steps[i - 1].join_type == step.join_type;
    if (step.rule == JoinPlan::Rule::join_type && !same_type) {
      show_types_before(step.join_type);
      ++shown_types;
    } else if (step.rule == JoinPlan::Rule::once_a_day) {
      show_types_before(promotion.join_types.size());
    }
    if (same_type) {
      preview.rules.back().holds = preview.rules.back().holds && holds;
    } else {
      preview.rules.push_back({.rule = rule, .holds = holds, .value = (*values)[i], .limit = limit_of(guard)});
    }
    if (!holds && !preview.refusal) {
      const Refused refused{.guard = i, .time = within, .looks = {(*values)[guards]}};
      preview.refusal = conclude_join(*definition, plan, refused);
    }
  }
  co_return std::optional<JoinPreview>{std::move(preview)};
}

}  // namespace windfall
