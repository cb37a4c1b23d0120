// What people do in the world: participants join, repeat and look; operators create, change, pause, block and redrive.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "domain/promotion/keys.hpp"
#include "simulation/world.hpp"

namespace windfall::simulation {

namespace {

constexpr std::size_t kPromotions = 5;
constexpr int kMostAttempts = 40;

bool nothing_happened(const Failure& failure) {
  return failure.code == FailureCode::disk_full || failure.code == FailureCode::overloaded;
}

}  // namespace

void World::act() {
  if (!process_) return;
  if (settings_.only_lotteries) return act_in_lottery();
  if (planned_.size() < 2) return create();
  const bool all_paused = process_->store.peek(keys::paused_all()) != 0;
  if (all_paused && dice_.percent(10)) return pause_all();
  if (dice_.percent(45)) return act_in_lottery();
  const std::uint64_t what = dice_.below(1'000);
  if (what < 750) {
    join_or_repeat();
  } else if (what < 850) {
    view();
  } else if (what < 890) {
    read_ledger();
  } else if (what < 950) {
    change();
  } else if (what < 956) {
    pause_all();
  } else if (what < 976) {
    block();
  } else {
    create();
  }
}

Command World::command() {
  const std::uint64_t n = next_command_++;
  return {.hash = {.hi = Dice(n).next(), .lo = Dice(n + 1'000'000).next()}, .fingerprint = n};
}

// --- Participants

void World::join_or_repeat() {
  const std::vector<JoinOp>& joins = history_.joins;
  if (!joins.empty() && dice_.percent(20)) {
    const std::size_t op = dice_.below(joins.size());
    if (!joins[op].waiting && joins[op].command) return send(op);
  }
  JoinOp op{.person = dice_.below(history_.everyone().size()),
            .promotion = dice_.pick(promotions_),
            .command = {},
            .joined = {}};
  if (dice_.percent(2)) op.promotion = "nowhere";
  if (dice_.percent(60)) op.command = command();
  history_.joins.push_back(std::move(op));
  send(history_.joins.size() - 1);
}

void World::send_later(std::size_t op, std::int64_t delay_ms) {
  ++to_be_sent_;
  agenda_.after(delay_ms, Owner::world, [this, op] {
    --to_be_sent_;
    send(op);
  });
}

void World::send(std::size_t op) {
  JoinOp& wish = history_.joins[op];
  if (wish.waiting) return;
  if (!process_) {
    send_later(op, dice_.between(50, 500));
    return;
  }
  ++wish.attempts;
  wish.waiting = true;
  detach(join(this, process_.get(), op));
}

Task<void> World::join(World* world, Process* process, std::size_t op) {
  const Person& person = world->history_.everyone()[world->history_.joins[op].person];
  const std::string promotion = world->history_.joins[op].promotion;
  std::optional<Command> command = world->history_.joins[op].command;
  // Now and then the same key comes with another body.
  if (command && world->history_.joins[op].joined && world->dice_.percent(10)) command->fingerprint += 1'000'000;
  Sight before;
  for (const Frame& frame : world->disk_.frames) before.events += frame.events;
  before.clock = world->clock_.now();
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  Participate participate(seen);
  auto joining = participate(JoinCommand{.promotion_id = promotion,
                                         .user_id = person.id,
                                         .user = person.ref,
                                         .segments = person.segments,
                                         .command = command});
  const Result<JoinOutcome> outcome = co_await joining;
  // Only what is absent needs no sight of its own: what was durable when the request came would have been found.
  const bool unknown = outcome && std::holds_alternative<UnknownPromotion>(*outcome);
  world->joined(op, command ? command->fingerprint : 0, unknown ? before : seen.sight(), outcome);
}

void World::joined(std::size_t op, std::uint64_t fingerprint, const Sight& sight, const Result<JoinOutcome>& outcome) {
  JoinOp& wish = history_.joins[op];
  wish.waiting = false;
  if (!outcome) {
    ++tally_.failed;
    (nothing_happened(outcome.error()) ? wish.refused_for_sure : wish.uncertain) = true;
    if (wish.attempts < kMostAttempts && dice_.percent(70)) {
      send_later(op, dice_.between(1, 600));
    }
    return;
  }
  JoinAnswer answer{
      .op = op, .fingerprint = fingerprint, .sight = sight, .answer = {}, .partition = {}, .sequence = {}};
  if (const auto* joined = std::get_if<Joined>(&*outcome)) {
    answer.answer = {
        .replayed = joined->replayed, .day = joined->day.days, .amount = joined->amount, .at = joined->at.ms};
    ++(joined->replayed ? tally_.replayed : tally_.accepted);
    if (!joined->replayed) {
      answer.partition = joined->definition->partition;
      answer.sequence = joined->sequence;
    } else if (wish.joined && joined->at == wish.joined->at && joined->sequence != wish.joined->sequence) {
      fail_with("I12: the same key was answered with another participation");
    }
    if (!wish.joined || !joined->replayed) wish.joined = *joined;
  } else if (const auto* refused = std::get_if<JoinRefused>(&*outcome)) {
    ++tally_.refused;
    answer.answer = oracle_answer(refused->refusal);
    process_->refusals->add(
        history_.everyone()[wish.person].ref, refused->definition->partition,
        {.at = clock_.now(), .promotion_id = wish.promotion, .code = answer.answer.code, .detail = ""});
  } else {
    const bool unknown = std::holds_alternative<UnknownPromotion>(*outcome);
    answer.answer = {.code = unknown ? "PROMOTION_NOT_FOUND" : "KEY_REUSED"};
    if (!unknown) ++tally_.reused;
  }
  history_.join_answers.push_back(std::move(answer));
}

void World::view() { detach(look(this, process_.get(), dice_.pick(promotions_))); }

Task<void> World::look(World* world, Process* process, std::string promotion) {
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  Browse browse(seen);
  auto looking = browse.one(promotion);
  const Result<std::optional<PromotionView>> shown = co_await looking;
  if (!shown || !*shown) co_return;
  ++world->tally_.views;
  world->history_.view_answers.push_back({.promotion = promotion,
                                          .sight = seen.sight(),
                                          .join_count = (*shown)->join_count,
                                          .left = (*shown)->left_join_count,
                                          .spent = (*shown)->spent});
}

void World::read_ledger() { detach(read_history(this, process_.get(), dice_.below(history_.everyone().size()))); }

/// Whoever was told "accepted" finds it in the history from then on, or gets no history.
Task<void> World::read_history(World* world, Process* process, std::size_t person) {
  std::vector<std::pair<PartitionNo, Sequence>> told;
  for (const JoinAnswer& answer : world->history_.join_answers) {
    if (answer.partition && world->history_.joins[answer.op].person == person) {
      told.emplace_back(*answer.partition, answer.sequence);
    }
  }
  auto reaching = process->projection->reached(process->store.acknowledged_position());
  if (!co_await reaching) co_return;
  Ledger::ParticipationQuery query{.user = world->history_.everyone()[person].ref, .limit = 1'000};
  auto reading = process->ledger_reads.run([&] { return process->ledger->participations(query); });
  const Result<std::vector<ParticipationRow>> rows = co_await reading;
  if (!rows) co_return;
  ++world->tally_.ledger_reads;
  for (const auto& [partition, sequence] : told) {
    const bool found = std::ranges::any_of(
        *rows, [&](const ParticipationRow& row) { return row.partition == partition && row.sequence == sequence; });
    if (!found) world->fail_with("I11: a history lacks a participation that was acknowledged before it was asked for");
  }
}

// --- Operators

std::size_t World::begin(std::string action, bool with_command) {
  OperatorOp op{.reason = fmt::format("operation-{}", history_.operations.size()),
                .action = std::move(action),
                .command = {},
                .body = {}};
  if (with_command) op.command = command();
  history_.operations.push_back(std::move(op));
  return history_.operations.size() - 1;
}

void World::settle(std::size_t op, const Failure& failure) {
  history_.operations[op].waiting = false;
  if (nothing_happened(failure)) history_.operations[op].nothing_happened = true;
}

Audit World::audit(std::size_t op) const {
  return {.actor = "k-operator", .action = history_.operations[op].action, .reason = history_.operations[op].reason};
}

std::vector<JoinType> World::random_rules() {
  std::vector<JoinType> rules;
  if (dice_.percent(30)) rules.emplace_back(DupLimit{dice_.between(1, 3)});
  if (dice_.percent(8)) rules.emplace_back(FirstTime{});
  if (dice_.percent(8)) rules.emplace_back(MinJoinCount{dice_.between(1, 3)});
  if (dice_.percent(8)) rules.emplace_back(InSegment{{"vip", "new"}});
  if (dice_.percent(12)) {
    Leading leading{.promotions = {fmt::format("p{}", dice_.below(kPromotions))},
                    .match = dice_.percent(50) ? Leading::Match::all : Leading::Match::any};
    if (leading.promotions.front() != "p0") leading.promotions.emplace_back("p0");
    rules.emplace_back(std::move(leading));
  }
  return rules;
}

Promotion World::random_promotion() {
  const auto today = static_cast<std::int32_t>(clock_.now().ms / 86'400'000);
  Promotion promotion;
  promotion.id = fmt::format("p{}", planned_.size());
  promotion.title = "simulated";
  promotion.reward_amount = dice_.between(1, 500);
  promotion.limit_join_count = dice_.percent(30) ? dice_.between(1, 12) : dice_.between(20, 200);
  if (dice_.percent(30)) promotion.daily_limit_join_count = dice_.between(1, 15);
  promotion.start = {today + static_cast<std::int32_t>(dice_.percent(80) ? 0 : dice_.between(0, 2))};
  promotion.end = {promotion.start.days + static_cast<std::int32_t>(dice_.between(0, 20))};
  promotion.timezone = dice_.percent(80) ? "Asia/Seoul" : "UTC";
  promotion.mode = dice_.percent(85) ? Mode::live : Mode::test;
  promotion.join_types = random_rules();
  return promotion;
}

void World::create() {
  if (!process_) return;
  Promotion promotion;
  if (planned_.size() < kPromotions) {
    promotion = random_promotion();
    planned_.push_back(promotion);
    promotions_.push_back(promotion.id);
  } else {
    promotion = dice_.pick(planned_);  // once more, if it did not come to be: the id decides
  }
  detach(create_as(this, process_.get(), begin("createPromotion", true), std::move(promotion)));
}

/// As the API does it: a kept answer first, else the use case. A lost answer is asked for again with the same key.
Task<void> World::create_as(World* world, Process* process, std::size_t op, Promotion promotion) {
  const Command command = *world->history_.operations[op].command;
  std::string first;
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::string body;
    if (const auto kept = process->store.kept_answer(command.hash)) {
      auto waiting = process->store.durable();
      if (!co_await waiting) continue;
      body = kept->answer.body;
    } else {
      ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
      Manage manage = process->manage_with(seen);
      AnswerOf answer{.command = command, .render = [op](const PromotionView& view) {
                        return AnswerKept{.status = 201,
                                          .headers = "",
                                          .body = fmt::format("{} by operation-{} at {}", view.definition->promotion.id,
                                                              op, view.definition->created.ms)};
                      }};
      auto creating = manage.create(promotion, world->audit(op), std::move(answer));
      const auto outcome = co_await creating;
      if (!outcome) {
        // It was answered before: that a repeat finds the disk full takes nothing back.
        if (!first.empty()) continue;
        world->settle(op, outcome.error());
        co_return;
      }
      const auto* created = std::get_if<AnswerKept>(&*outcome);
      if (created == nullptr) {
        world->history_.operations[op].waiting = false;
        co_return;
      }
      body = created->body;
    }
    if (!first.empty() && first != body)
      world->fail_with("I12: '" + first + "' became '" + body + "' when it was repeated");
    first = body;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = true;
  done.body = first;
  ++world->tally_.created;
}

void World::change() {
  const bool lottery = !lotteries_.empty() && dice_.percent(25);
  detach(change_as(this, process_.get(), begin("changePromotion", false),
                   lottery ? dice_.pick(lotteries_).id : dice_.pick(promotions_)));
}

Task<void> World::change_as(World* world, Process* process, std::size_t op, std::string promotion) {
  Dice& dice = world->dice_;
  const std::uint64_t what = dice.below(10);
  const std::int64_t number = dice.between(1, 120);
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  Manage manage = process->manage_with(seen);
  ChangeOf change = [what, number](const ChangeContext& context) -> std::optional<Promotion> {
    Promotion next = context.definition.promotion;
    if (next.lifecycle == Lifecycle::ended) return std::nullopt;
    if (next.lottery && what < 7) {
      next.title += "!";
    } else if (what < 4) {
      next.limit_join_count = number;
    } else if (what < 6) {
      next.daily_limit_join_count = number % 3 == 0 ? std::nullopt : std::optional(1 + number / 6);
    } else if (what < 7) {
      next.reward_amount = number;
    } else if (what < 9) {
      // Nobody leaves a promotion paused for long.
      const bool pause = next.lifecycle == Lifecycle::open && number < 40;
      next.lifecycle = pause ? Lifecycle::paused : Lifecycle::open;
    } else if (number < 10) {
      next.lifecycle = Lifecycle::ended;
      next.secrets.second_chance = next.lottery && number < 6;
    } else {
      next.end.days += 2;
    }
    return next;
  };
  auto changing = manage.change(promotion, std::nullopt, std::move(change), world->audit(op));
  const auto outcome = co_await changing;
  if (!outcome) {
    world->settle(op, outcome.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = std::holds_alternative<PromotionView>(*outcome);
  if (done.acknowledged) {
    const PromotionView& view = std::get<PromotionView>(*outcome);
    ++world->tally_.changed;
    if (view.definition->promotion.lottery) co_return;
    world->history_.view_answers.push_back({.promotion = promotion,
                                            .sight = seen.sight(),
                                            .join_count = view.join_count,
                                            .left = view.left_join_count,
                                            .spent = view.spent});
  }
}

void World::pause_all() {
  const bool pause = process_->store.peek(keys::paused_all()) == 0;
  detach(pause_as(this, process_.get(), begin("pauseAll", true), pause));
}

Task<void> World::pause_as(World* world, Process* process, std::size_t op, bool paused) {
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  Manage manage = process->manage_with(seen);
  const std::string body = fmt::format("paused {} by operation-{}", paused, op);
  auto pausing = manage.pause_all(paused, world->audit(op), world->history_.operations[op].command,
                                  [&body] { return AnswerKept{.status = 200, .headers = "", .body = body}; });
  const Result<bool> changed = co_await pausing;
  if (!changed) {
    world->settle(op, changed.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = *changed;
  done.body = body;
}

void World::block() {
  const bool blocked = dice_.percent(50);
  // The same few are blocked and forgiven.
  detach(block_as(this, process_.get(), begin("blockUser", false), dice_.below(5), blocked));
}

Task<void> World::block_as(World* world, Process* process, std::size_t op, std::size_t person, bool blocked) {
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  Manage manage = process->manage_with(seen);
  const Person& victim = world->history_.everyone()[person];
  auto blocking = manage.block(victim.ref, victim.id, blocked, world->audit(op));
  const Result<bool> changed = co_await blocking;
  if (!changed) {
    world->settle(op, changed.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = *changed;
}

Task<void> World::redrive(World* world, Process* process, std::size_t op) {
  const Result<std::vector<DeadLetter>> letters = process->ledger->dead_letters(0, 200);
  if (!letters) co_return;
  std::vector<Event> events;
  for (const DeadLetter& letter : *letters) {
    events.emplace_back(
        EffectSettled{.effect = letter.effect, .outcome = EffectSettled::Outcome::redriven, .detail = "k-operator"});
  }
  events.emplace_back(Audited{.audit = world->audit(op), .subject = "dead letters"});
  Manage manage = process->manage_with(process->store);
  auto recording = manage.record(std::move(events), std::nullopt, Identity{});
  const Result<bool> recorded = co_await recording;
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = recorded.has_value();
  process->fulfil->poke();
}

}  // namespace windfall::simulation
