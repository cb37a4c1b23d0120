#include "application/on_request/manage.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "domain/lottery/coupons.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/keys.hpp"
#include "domain/promotion/keys.hpp"

namespace windfall {

namespace {

/// A definition and the day can each change once in between; the system partition's revision with every key.
constexpr int kProposals = 3;

PromotionView view_of_new(const Promotion& promotion, PartitionNo partition, Instant at, Zone zone, bool paused_all) {
  auto definition = std::make_shared<Definition>(Definition{.partition = partition,
                                                            .revision = Revision{1},
                                                            .created = at,
                                                            .modified = at,
                                                            .promotion = promotion,
                                                            .zone = std::move(zone)});
  PromotionView view{.definition = definition,
                     .status = status_at(promotion, definition->zone.day_at(at), paused_all),
                     .left_join_count = promotion.limit_join_count,
                     .left_today_count = {}};
  if (promotion.daily_limit_join_count) {
    view.left_today_count = std::min(*promotion.daily_limit_join_count, promotion.limit_join_count);
  }
  return view;
}

/// From then on little may be changed.
bool has_begun(const Promotion& promotion, LocalDay today) {
  if (promotion.lottery) return plan_stands(promotion, today);
  return promotion.lifecycle != Lifecycle::draft && today >= promotion.start;
}

/// The end that an operator's change notes lies no further than this before the moment at which it is decided: what is
/// due a minute after it must not come early.
constexpr std::int64_t kEndNotedMs = 2000;

/// What Windfall itself notes in a definition: of a lottery, when it is published, begun or ended; of anything, that it
/// was ended as a draft.
void note_turns(const ChangeContext& context, Instant now, Promotion& next) {
  const bool ended = next.lifecycle == Lifecycle::ended;
  const bool ended_as_draft = ended && context.definition.promotion.lifecycle == Lifecycle::draft;
  LotterySecrets& secrets = next.secrets;
  if (!secrets.ended && (ended_as_draft || (ended && next.lottery))) secrets.ended = now;
  if (!next.lottery) return;
  if (!context.begun) secrets.plan_end = next.end;
  if (!secrets.published && next.lifecycle != Lifecycle::draft && !ended_as_draft) secrets.published = now;
}

/// A proposal without guards.
Proposal plain(PartitionNo partition, Revision revision, std::vector<Event> events) {
  Proposal proposal;
  proposal.partition = partition;
  proposal.revision = revision;
  proposal.events = std::move(events);
  return proposal;
}

Result<bool> whether_accepted(const Result<Verdict>& verdict) {
  if (!verdict) return tl::unexpected(verdict.error());
  return std::holds_alternative<Accepted>(*verdict);
}

}  // namespace

Task<Result<std::variant<AnswerKept, IdTaken>>> Manage::create(Promotion promotion, Audit audit, AnswerOf answer) {
  Result<Zone> zone = tools_.load_zone(promotion.timezone);
  if (!zone) co_return tl::unexpected(zone.error());
  if (promotion.id.empty()) {
    promotion.id = tools_.make_id();
    if (answer.command) {
      const Command command = *answer.command;
      std::string wanted = promotion.id;
      Result<std::string> id = co_await store_.claim_id(command, std::move(wanted));
      if (!id) co_return tl::unexpected(id.error());
      promotion.id = std::move(*id);
    }
  }
  if (const DefinitionPtr taken = store_.find(promotion.id)) {
    const Result<bool> durable = co_await store_.durable();
    if (!durable) co_return tl::unexpected(durable.error());
    if (!answer.command) co_return IdTaken{};
    // The same command may have made it a moment ago, in another process or before its answer was kept.
    const auto made = co_await store_.accepted(taken->partition, answer.command->hash);
    if (!made) co_return tl::unexpected(made.error());
    if (!*made || (*made)->fingerprint != answer.command->fingerprint) co_return IdTaken{};
    const auto kept = co_await store_.answer_to(answer.command->hash);
    if (!kept) co_return tl::unexpected(kept.error());
    if (*kept) co_return (*kept)->answer;
    std::vector<Look> look{keys::paused_all()};
    const auto paused = co_await store_.read(std::move(look), Freshness::decided);
    if (!paused) co_return tl::unexpected(paused.error());
    co_return answer.render(
        view_of_new(taken->promotion, taken->partition, taken->created, *zone, paused->front() != 0));
  }
  const PartitionNo partition = store_.next_partition();
  promotion.secrets = {};  // not those of what it may be a copy of
  if (promotion.lottery) {
    Result<std::string> seed = tools_.make_seed(promotion.id);
    if (!seed) co_return tl::unexpected(seed.error());
    promotion.secrets = {.sealed_seed = std::move(*seed), .plan_end = promotion.end};
    if (promotion.lifecycle != Lifecycle::draft) promotion.secrets.published = store_.now(kSystemPartition);
  }
  Proposal proposal = plain(partition, Revision{}, {});
  proposal.looks.emplace_back(keys::paused_all());
  proposal.events.emplace_back(
      DefinitionChanged{.id = promotion.id, .definition = tools_.encode(promotion), .audit = std::move(audit)});

  AnswerKept kept;
  KeepAnswer keep{.command = answer.command, .render = [&](const Accepted& accepted) {
                    kept = answer.render(view_of_new(promotion, partition, accepted.assignment.time, std::move(*zone),
                                                     accepted.looks.at(0) != 0));
                    return kept;
                  }};
  const Result<Verdict> verdict = co_await store_.commit_answering(std::move(proposal), std::move(keep));
  if (!verdict) co_return tl::unexpected(verdict.error());
  if (!std::holds_alternative<Accepted>(*verdict)) {
    co_return fail(FailureCode::unavailable, "another promotion was registered at the same moment; try again");
  }
  co_return kept;
}

Task<Result<ChangeOutcome>> Manage::change(std::string_view id, std::optional<Revision> expected, ChangeOf change,
                                           Audit audit) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const DefinitionPtr definition = store_.find(id);
    const Result<bool> durable = co_await store_.durable();
    if (!durable) co_return tl::unexpected(durable.error());
    if (!definition) co_return NotFound{};
    if (expected && definition->revision != *expected) co_return StaleRevision{definition->revision};

    const Promotion& present = definition->promotion;
    const PartitionNo partition = definition->partition;
    const Instant now = store_.now(partition);
    const LocalDay today = definition->zone.day_at(now);
    const ChangeContext context{.definition = *definition,
                                .today = today,
                                .begun = has_begun(present, today),
                                .status = status_at(present, today, false)};
    std::optional<Promotion> next = change(context);
    if (!next) co_return ChangeInvalid{};
    note_turns(context, now, *next);

    Proposal proposal = plain(partition, definition->revision, {});
    const bool pauses = next->lottery && next->lifecycle == Lifecycle::paused && context.status == Status::active;
    const bool ends = next->lottery && next->secrets.ended != present.secrets.ended;
    // What names the segment or the moment by this clock must not be decided at another one by the store's.
    if (pauses) {
      proposal.window = definition->zone.stretch_window(now, next->lottery->segment_minutes);
    } else if (ends) {
      proposal.window = {.from = now, .until = Instant{now.ms + kEndNotedMs}};
    } else {
      proposal.window = definition->zone.day_window(now);
    }
    if (next->limit_join_count < present.limit_join_count) {
      proposal.guards.emplace_back(Below{.counter = keys::taken(partition), .limit = next->limit_join_count + 1});
    }
    const bool lowers_day = next->daily_limit_join_count && context.begun && today <= present.end;
    const std::size_t daily_guard = proposal.guards.size();
    if (lowers_day) {
      const CounterKey of_today = keys::taken_on(partition, present.day_index(today));
      proposal.guards.emplace_back(Below{.counter = of_today, .limit = *next->daily_limit_join_count + 1});
      proposal.looks.emplace_back(of_today);
    }
    proposal.looks.emplace_back(keys::taken(partition));
    const std::size_t closed_guard = proposal.guards.size();
    if (next->lottery && next->end != present.end) {
      proposal.guards.emplace_back(Equals{.counter = keys::closed(partition), .value = 0});
    }
    const std::size_t codes_guards = proposal.guards.size();
    std::ranges::move(no_codes_where_prizes_move(partition, present.lottery, next->lottery),
                      std::back_inserter(proposal.guards));
    proposal.events.emplace_back(
        DefinitionChanged{.id = present.id, .definition = tools_.encode(*next), .audit = audit});
    if (pauses) {
      proposal.events.emplace_back(SegmentPaused{.segment = segment_at(*definition, now).value});
    }
    const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (const auto* refused = std::get_if<Refused>(&*verdict)) {
      if (refused->guard >= codes_guards) co_return PrizesHaveCodes{};
      if (next->lottery && refused->guard == closed_guard) co_return LotteryOver{};
      const bool daily = refused->guard == daily_guard;
      co_return LimitBelowUsed{.daily = daily, .used = daily ? refused->looks.front() : refused->looks.back()};
    }
    if (std::holds_alternative<Accepted>(*verdict)) {
      Browse browse(store_);
      Result<std::optional<PromotionView>> view = co_await browse.one(id);
      // The change stands: what fails here is the look at it, and the caller has to know the difference.
      if (!view)
        co_return fail(FailureCode::unavailable, "changed, but the answer cannot be read: " + view.error().message);
      co_return std::move(**view);
    }
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while it was being changed; try again");
}

Task<Result<bool>> Manage::pause_all(bool paused, Audit audit, std::optional<Command> command,
                                     std::function<AnswerKept()> render) {
  std::vector<Event> events{PausedAll{.paused = paused, .audit = std::move(audit)}};
  Proposal proposal = plain(kSystemPartition, store_.system_revision(), std::move(events));
  proposal.guards.emplace_back(Equals{.counter = keys::paused_all(), .value = paused ? 0 : 1});
  const CommitOf answering = [&](Proposal next) {
    KeepAnswer keep{.command = command, .render = [&render](const Accepted&) { return render(); }};
    return store_.commit_answering(std::move(next), std::move(keep));
  };
  co_return whether_accepted(co_await commit_to_system(std::move(proposal), answering));
}

Task<Result<bool>> Manage::adjust_tickets(DefinitionPtr definition, Identity identity, std::int64_t tickets,
                                          Audit audit, std::optional<Command> command,
                                          std::function<AnswerKept(const TicketAccount&)> render) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    Proposal proposal = propose_adjustment(*definition, identity.user, tickets, audit);
    proposal.looks = account_looks(definition->partition, identity.user);
    KeepAnswer keep{.command = command,
                    .render = [&](const Accepted& accepted) { return render(account_of(accepted.looks)); },
                    .identity = identity};
    const Result<Verdict> verdict = co_await store_.commit_answering(std::move(proposal), std::move(keep));
    if (!verdict) co_return tl::unexpected(verdict.error());
    if (!std::holds_alternative<Stale>(*verdict)) co_return std::holds_alternative<Accepted>(*verdict);
    const DefinitionPtr present = store_.find(definition->promotion.id);
    if (present) definition = present;
  }
  co_return fail(FailureCode::unavailable, "the promotion changed while tickets were being adjusted; try again");
}

Task<Result<bool>> Manage::block(UserRef user, std::string_view user_id, bool blocked, Audit audit) {
  std::vector<Event> events{UserBlocked{.user = user, .blocked = blocked, .audit = std::move(audit)}};
  Proposal proposal = plain(kSystemPartition, store_.system_revision(), std::move(events));
  proposal.guards.emplace_back(Equals{.counter = keys::blocked(user), .value = blocked ? 0 : 1});
  const CommitOf naming = [&](Proposal next) {
    return store_.commit(std::move(next), Identity{.user = user, .id = user_id});
  };
  co_return whether_accepted(co_await commit_to_system(std::move(proposal), naming));
}

Task<Result<bool>> Manage::change_keys(Revision expected, KeyChanged event) {
  Proposal proposal = plain(kSystemPartition, expected, {});
  proposal.events.emplace_back(std::move(event));
  const Result<Verdict> verdict = co_await store_.commit(std::move(proposal), Identity{});
  if (!verdict) co_return tl::unexpected(verdict.error());
  co_return std::holds_alternative<Accepted>(*verdict);
}

Task<Result<bool>> Manage::record(std::vector<Event> events, std::optional<Command> command, Identity identity) {
  Proposal proposal = plain(kSystemPartition, store_.system_revision(), std::move(events));
  proposal.command = command;
  const CommitOf naming = [&](Proposal next) { return store_.commit(std::move(next), identity); };
  const Result<Verdict> verdict = co_await commit_to_system(std::move(proposal), naming);
  if (!verdict) co_return tl::unexpected(verdict.error());
  co_return true;  // Repeated stands, too; a guard there is none
}

Task<Result<Verdict>> Manage::commit_to_system(Proposal proposal, const CommitOf& commit) {
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    proposal.revision = store_.system_revision();
    Proposal next = proposal;
    Result<Verdict> verdict = co_await commit(std::move(next));
    if (!verdict || !std::holds_alternative<Stale>(*verdict)) co_return verdict;
  }
  co_return fail(FailureCode::unavailable, "keys changed while this was being decided; try again");
}

}  // namespace windfall
