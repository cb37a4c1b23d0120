// What people do in lotteries: participants visit, open links, draw, read and use coupons; pages send events; operators
// bring codes, adjust tickets, take wins back and give other codes.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_ids.hpp"
#include "application/on_request/draw_ticket.hpp"
#include "simulation/world.hpp"

namespace windfall::simulation {

namespace {

constexpr std::size_t kLotteries = 4;
/// Of everyone, those who play: few, so that they come to several draws.
constexpr std::size_t kPlayers = 10;
constexpr int kMostAttempts = 40;
/// Wins that an operator finds on the screen.
constexpr int kWinsShown = 20;

bool nothing_happened(const Failure& failure) {
  return failure.code == FailureCode::disk_full || failure.code == FailureCode::overloaded;
}

using Kind = LotteryAnswer::Kind;
struct Words {
  Kind kind = Kind::refused;
  std::string text;
};

/// What the outcomes of all calls have in common.
template <class Outcome>
Words common_words(const Outcome& outcome) {
  if (const auto* refused = std::get_if<LotteryRefused>(&outcome)) return {.text = code_of(refused->refusal)};
  if (std::holds_alternative<KeyReused>(outcome)) return {.text = "KEY_REUSED"};
  return {};  // not known yet: whether it should be is judged by those who made it
}
Words words(const VisitOutcome& outcome) {
  const auto* judged = std::get_if<VisitJudged>(&outcome);
  if (judged == nullptr) return common_words(outcome);
  return {.kind = judged->replayed ? Kind::replayed
                  : judged->first  ? Kind::accepted
                                   : Kind::refused,
          .text = fmt::format("visit {}, held {}", judged->granted, judged->held)};
}
Words words(const OpenOutcome& outcome) {
  const auto* judged = std::get_if<OpenJudged>(&outcome);
  if (judged == nullptr) return common_words(outcome);
  return {.kind = judged->replayed   ? Kind::replayed
                  : judged->credited ? Kind::accepted
                                     : Kind::refused,
          .text = fmt::format("open {}, held {}{}{}", judged->granted, judged->held, judged->reason ? ", " : "",
                              judged->reason ? code_of(*judged->reason) : "")};
}
Words words(const DrawOutcome& outcome) {
  const auto* drawn = std::get_if<Drawn>(&outcome);
  if (drawn == nullptr) return common_words(outcome);
  const std::vector<Prize>& prizes = drawn->definition->promotion.lottery->prizes;
  return {
      .kind = drawn->replayed ? Kind::replayed : Kind::accepted,
      .text = fmt::format("draw {}, held {}", drawn->prize ? "WIN " + prizes[*drawn->prize].id : "LOSE", drawn->held)};
}

EffectId event_id(const DrawRow& row) {
  return codec::event_ids(
             {.lineage = kLineage, .promotion = row.promotion_id, .epoch = row.epoch, .sequence = row.sequence})
      .event;
}
EffectId accrual_id(const DrawRow& row) {
  return codec::event_ids(
             {.lineage = kLineage, .promotion = row.promotion_id, .epoch = row.epoch, .sequence = row.sequence})
      .effect;
}

}  // namespace

void World::act_in_lottery() {
  if (lotteries_.empty()) return create_lottery();
  // When one is over, the next one begins.
  const DefinitionPtr last = process_->store.find(lotteries_.back().id);
  const bool over = last && end_of(*last, process_->store.now(last->partition)).has_value();
  if (over && lotteries_.size() < kLotteries) return create_lottery();
  const std::uint64_t what = dice_.below(1'000);
  // Where nothing but a crash goes wrong, more happens to wins: whatever has several steps is to be interrupted.
  const std::uint64_t plays = settings_.only_lotteries ? 500 : 640;
  if (what < plays) {
    play_or_repeat();
  } else if (what < 720 && settings_.only_lotteries && dice_.percent(70)) {
    dice_.percent(50) ? touch_a_win() : read_coupons();
  } else if (what < 720) {
    send_event();
  } else if (what < 780) {
    import_codes();
  } else if (what < 880) {
    touch_a_win();
  } else if (what < 900) {
    adjust();
  } else if (what < 970) {
    read_coupons();
  } else {
    create_lottery();
  }
}

Promotion World::random_lottery() {
  const auto today = static_cast<std::int32_t>(clock_.now().ms / 86'400'000);
  Promotion promotion;
  promotion.id = fmt::format("l{}", lotteries_.size());
  promotion.title = "simulated";
  promotion.start = {today + static_cast<std::int32_t>(dice_.percent(90) ? 0 : 1)};
  promotion.end = {promotion.start.days + static_cast<std::int32_t>(dice_.between(0, 3))};
  promotion.timezone = dice_.percent(80) ? "Asia/Seoul" : "UTC";
  promotion.mode = dice_.percent(85) ? Mode::live : Mode::test;
  Lottery lottery;
  lottery.grants = {VisitGrant{.tickets = static_cast<std::uint32_t>(dice_.between(1, 6))},
                    InviteGrant{.inviter_tickets = 2,
                                .friend_tickets = 1,
                                .first_visit_only = dice_.percent(70),
                                .inviter_limit_per_day = static_cast<std::uint32_t>(dice_.between(1, 3))}};
  lottery.max_wins_per_user = static_cast<std::uint32_t>(dice_.percent(70) ? 1 : dice_.between(2, 3));
  lottery.segment_minutes = dice_.percent(50) ? 60 : 1;
  lottery.win_rate = {.min = 200, .max = static_cast<std::uint32_t>(dice_.percent(50) ? 500 : 1'000)};
  lottery.second_chance = dice_.percent(80);
  if (settings_.only_lotteries) {
    promotion.mode = Mode::live;
    promotion.start = {today};
    lottery.max_wins_per_user = 3;
    lottery.win_rate = {.min = 600, .max = 1'000};
    lottery.second_chance = true;
  }
  lottery.notifications = {.win = dice_.percent(80), .ticket_granted = false};
  lottery.prizes = {{.id = "coffee",
                     .name = "커피",
                     .kind = PrizeKind::gifticon,
                     .value = 4'500,
                     .count = static_cast<std::uint32_t>(dice_.between(2, 20)),
                     .valid_days = 30},
                    {.id = "points",
                     .name = "포인트",
                     .kind = PrizeKind::points,
                     .value = 1'000,
                     .count = static_cast<std::uint32_t>(dice_.between(1, 10)),
                     .valid_days = {}}};
  promotion.lottery = std::move(lottery);
  return promotion;
}

void World::create_lottery() {
  Promotion promotion;
  const bool pending = !lotteries_.empty() && !process_->store.find(lotteries_.back().id);
  if (lotteries_.size() < kLotteries && !pending) {
    promotion = random_lottery();
    lotteries_.push_back(promotion);
  } else {
    promotion = lotteries_.back();  // once more, if it did not come to be
  }
  detach(create_as(this, process_.get(), begin("createPromotion", true), std::move(promotion)));
}

// --- Participants

void World::play_or_repeat() {
  if (!history_.plays.empty() && dice_.percent(20)) {
    const std::size_t op = dice_.below(history_.plays.size());
    if (history_.plays[op].waiting == 0 && history_.plays[op].command) return send_play(op);
  }
  PlayOp op{.person = dice_.below(kPlayers),
            .inviter = dice_.below(kPlayers),
            .promotion = dice_.percent(85) ? lotteries_.back().id : dice_.pick(lotteries_).id,
            .command = {}};
  static constexpr std::array kKinds{PlayOp::Kind::visit, PlayOp::Kind::visit, PlayOp::Kind::open, PlayOp::Kind::open,
                                     PlayOp::Kind::draw,  PlayOp::Kind::draw,  PlayOp::Kind::draw, PlayOp::Kind::draw,
                                     PlayOp::Kind::draw,  PlayOp::Kind::issue, PlayOp::Kind::share};
  op.kind = kKinds.at(dice_.below(kKinds.size()));
  if (op.kind != PlayOp::Kind::issue && op.kind != PlayOp::Kind::share && dice_.percent(60)) op.command = command();
  history_.plays.push_back(std::move(op));
  send_play(history_.plays.size() - 1);
  // A double tap, with the key or without one.
  if (dice_.percent(15)) send_play(history_.plays.size() - 1);
}

void World::send_play_later(std::size_t op, std::int64_t delay_ms) {
  ++to_be_sent_;
  agenda_.after(delay_ms, Owner::world, [this, op] {
    --to_be_sent_;
    send_play(op);
  });
}

void World::send_play(std::size_t op) {
  PlayOp& wish = history_.plays[op];
  if (!process_) {
    send_play_later(op, dice_.between(50, 500));
    return;
  }
  ++wish.attempts;
  ++wish.waiting;
  detach(play(this, process_.get(), op));
}

Task<void> World::play(World* world, Process* process, std::size_t op) {
  const PlayOp wish = world->history_.plays[op];
  const Person& person = world->history_.everyone()[wish.person];
  std::optional<Command> command = wish.command;
  // Now and then the same key comes with another body.
  if (command && wish.accepted && world->dice_.percent(10)) command->fingerprint += 1'000'000;
  ObservingStore seen(process->store, world->clock_, world->settings_.mutant);
  EarnTickets earn(seen);
  const LotteryCommand asked{
      .promotion_id = wish.promotion, .user_id = person.id, .user = person.ref, .command = command};
  Result<Heard> heard = Heard{};
  const auto hear = [&heard]<class Outcome>(const Result<Outcome>& outcome) {
    if (!outcome) {
      heard = tl::unexpected(outcome.error());
    } else {
      Words said = words(*outcome);
      heard = Heard{.kind = said.kind, .text = std::move(said.text)};
    }
  };
  switch (wish.kind) {
    case PlayOp::Kind::visit: {
      auto visiting = earn.visit(asked);
      const Result<VisitOutcome> outcome = co_await visiting;
      hear(outcome);
      break;
    }
    case PlayOp::Kind::open: {
      auto opening = earn.open({.opener = asked, .inviter = world->history_.everyone()[wish.inviter].ref});
      const Result<OpenOutcome> outcome = co_await opening;
      hear(outcome);
      break;
    }
    case PlayOp::Kind::draw: {
      DrawTicket draw(seen, process->lottery->book);
      auto drawing = draw(asked);
      const Result<DrawOutcome> outcome = co_await drawing;
      hear(outcome);
      break;
    }
    case PlayOp::Kind::issue:
    case PlayOp::Kind::share: {
      auto linking = wish.kind == PlayOp::Kind::issue ? earn.issue_link(asked) : earn.share_link(asked);
      const Result<LinkOutcome> outcome = co_await linking;
      if (!outcome) heard = tl::unexpected(outcome.error());
      break;
    }
  }
  world->heard(op, command, seen.sight(), heard);
}

void World::heard(std::size_t op, const std::optional<Command>& command, const Sight& sight,
                  const Result<Heard>& outcome) {
  PlayOp& wish = history_.plays[op];
  --wish.waiting;
  if (!outcome) {
    ++tally_.failed;
    (nothing_happened(outcome.error()) ? wish.refused_for_sure : wish.uncertain) = true;
    if (wish.attempts < kMostAttempts && dice_.percent(70)) send_play_later(op, dice_.between(1, 600));
    return;
  }
  if (outcome->text.empty()) return;
  LotteryAnswer answer{.kind = outcome->kind,
                       .call = wish.kind == PlayOp::Kind::visit  ? LotteryAnswer::Call::visit
                               : wish.kind == PlayOp::Kind::open ? LotteryAnswer::Call::open
                                                                 : LotteryAnswer::Call::draw,
                       .op = op,
                       .promotion = wish.promotion,
                       .user = history_.everyone()[wish.person].ref,
                       .inviter = history_.everyone()[wish.inviter].ref,
                       .command = command,
                       .sight = sight,
                       .text = outcome->text};
  if (answer.kind != Kind::refused) wish.accepted = true;
  if (answer.kind == Kind::accepted) {
    ++(wish.kind == PlayOp::Kind::visit  ? tally_.visits
       : wish.kind == PlayOp::Kind::open ? tally_.opens
                                         : tally_.draws);
    if (answer.text.starts_with("draw WIN")) ++tally_.wins;
  } else {
    ++(answer.kind == Kind::replayed ? tally_.play_repeats : tally_.play_refusals);
  }
  history_.lottery_answers.push_back(std::move(answer));
}

// --- Events

void World::send_event() {
  const Person& person = history_.everyone()[dice_.below(kPlayers)];
  InboundEvent event{.type = static_cast<Inbound::Type>(dice_.below(3)), .user = person.ref, .user_id = person.id};
  const bool again = !history_.taken_in.empty() && dice_.percent(15);
  if (again) {
    event.id =
        *std::next(history_.taken_in.begin(), static_cast<std::ptrdiff_t>(dice_.below(history_.taken_in.size())));
  } else {
    for (std::uint8_t& byte : event.id) byte = static_cast<std::uint8_t>(dice_.below(256));
  }
  const std::string promotion = dice_.percent(95) ? lotteries_.back().id : "nowhere";
  event.about = promotion;
  if (event.type == Inbound::Type::invite_opened) {
    event.about = process_->lottery->tokens->encode(
        {.promotion_id = promotion, .inviter = history_.everyone()[dice_.below(kPlayers)].ref});
    if (dice_.percent(5)) event.about += "x";
  }
  detach(take_in(this, process_.get(), std::move(event)));
}

Task<void> World::take_in(World* world, Process* process, InboundEvent event) {
  const InboundId id = event.id;
  std::vector<InboundEvent> events;
  events.push_back(std::move(event));
  auto taking = process->store.take(std::move(events), std::nullopt, AnswerKept{});
  const Result<std::size_t> taken = co_await taking;
  if (!taken) co_return;
  world->history_.taken_in.insert(id);
  ++world->tally_.taken_in;
  process->lottery->judge->poke();
}

// --- Codes and coupons

void World::import_codes() {
  std::vector<std::string> file;
  // Some of what was sent before comes once more: its import may have failed.
  const std::size_t again =
      codes_.empty() || dice_.percent(40) ? 0 : dice_.below(std::min<std::size_t>(codes_.size(), 6));
  for (std::size_t i = 0; i < again; ++i) file.push_back(codes_[codes_.size() - 1 - i]);
  const std::int64_t fresh = dice_.between(0, 8);
  for (std::int64_t i = 0; i < fresh; ++i) {
    codes_.push_back(fmt::format("CODE-{:05}", codes_.size()));
    file.push_back(codes_.back());
  }
  detach(
      import_as(this, process_.get(), begin("importCodes", dice_.percent(50)), lotteries_.back().id, std::move(file)));
}

Task<void> World::import_as(World* world, Process* process, std::size_t op, std::string promotion,
                            std::vector<std::string> codes) {
  constexpr std::uint32_t kCoffee = 0;
  constexpr std::size_t kPiece = 3;
  const std::optional<Command> command = world->history_.operations[op].command;
  const DefinitionPtr definition = process->store.find(promotion);
  if (!definition || definition->promotion.mode == Mode::test) {  // which the API refuses
    world->history_.operations[op].waiting = false;
    co_return;
  }
  ImportCodes& imports = *process->lottery->imports;
  auto beginning = imports.begin(definition, kCoffee);
  const Result<ImportCodes::Running> running = co_await beginning;
  if (!running) {
    world->settle(op, running.error());
    co_return;
  }
  std::set<std::string> in(codes.begin(), codes.end());
  std::vector<CodeLine> lines;
  for (std::size_t i = 0; i < codes.size(); ++i) lines.push_back({.line = i + 1, .code = codes[i]});
  for (std::size_t from = 0; from < lines.size(); from += kPiece) {
    const std::span<const CodeLine> piece =
        std::span<const CodeLine>(lines).subspan(from, std::min(kPiece, lines.size() - from));
    auto appending = imports.append(*running, piece);
    const Result<std::vector<std::uint64_t>> duplicates = co_await appending;
    if (!duplicates) {
      auto giving_up = imports.give_up(*running);
      co_await giving_up;
      world->settle(op, duplicates.error());
      co_return;
    }
    for (const std::uint64_t line : *duplicates) in.erase(codes[line - 1]);
  }
  const std::string name = fmt::format("operation-{}", op);
  std::string body;
  const auto render = [&](std::int64_t imported) {
    body = fmt::format("{} imported by {}", imported, name);
    return AnswerKept{.status = 200, .headers = "", .body = body};
  };
  auto finishing = imports.finish(*running, world->audit(op), command, render);
  const Result<std::int64_t> imported = co_await finishing;
  if (!imported) {
    world->settle(op, imported.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = *imported > 0;
  done.body = body;
  if (*imported == 0) co_return;
  ++world->tally_.imports;
  world->history_.codes_in.insert(in.begin(), in.end());
}

void World::touch_a_win() {
  const DefinitionPtr definition =
      process_->store.find(dice_.percent(70) ? lotteries_.back().id : dice_.pick(lotteries_).id);
  if (!definition) return;
  const Result<std::vector<DrawRow>> wins =
      process_->sqlite->winners({.partition = definition->partition, .limit = kWinsShown});
  if (!wins || wins->empty()) return;
  const DrawRow& win = dice_.pick(*wins);
  const EffectId id = event_id(win);
  const bool coupon = definition->promotion.lottery->prizes.at(*win.prize).kind == PrizeKind::gifticon;
  const std::uint64_t what = dice_.below(10);
  if (what < 3 || (!coupon && what < 6)) {
    detach(void_as(this, process_.get(), begin("voidDraw", dice_.percent(50)), id));
  } else if (coupon && what < 6) {
    detach(reissue_as(this, process_.get(), begin("reissueCoupon", dice_.percent(50)), id));
  } else if (coupon) {
    detach(use(this, process_.get(), id, win.user));
  }
}

Task<void> World::void_as(World* world, Process* process, std::size_t op, EffectId draw) {
  const std::optional<Command> command = world->history_.operations[op].command;
  const std::string body = fmt::format("voided by operation-{}", op);
  auto voiding = process->lottery->coupons->void_win(
      draw, accrual_id, world->audit(op), command,
      [&body](const DrawRow&) { return AnswerKept{.status = 200, .headers = "", .body = body}; });
  const Result<VoidOutcome> outcome = co_await voiding;
  if (!outcome) {
    world->settle(op, outcome.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  const auto* voided = std::get_if<Voided>(&*outcome);
  if (voided == nullptr || voided->before) co_return;
  done.acknowledged = true;
  done.body = body;
  ++world->tally_.voided;
}

Task<void> World::reissue_as(World* world, Process* process, std::size_t op, EffectId coupon) {
  const std::optional<Command> command = world->history_.operations[op].command;
  const std::string body = fmt::format("issued again by operation-{}", op);
  auto reissuing = process->lottery->coupons->reissue(coupon, world->audit(op), command, [&body](const CouponView&) {
    return AnswerKept{.status = 200, .headers = "", .body = body};
  });
  const Result<CouponOutcome> outcome = co_await reissuing;
  if (!outcome) {
    world->settle(op, outcome.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  if (!std::holds_alternative<CouponView>(*outcome)) co_return;
  done.acknowledged = true;
  done.body = body;
  ++world->tally_.reissued;
}

Task<void> World::use(World* world, Process* process, EffectId coupon, UserRef owner) {
  auto using_it = process->lottery->coupons->use(coupon, owner);
  const Result<CouponOutcome> outcome = co_await using_it;
  if (outcome && std::holds_alternative<CouponView>(*outcome)) ++world->tally_.used;
}

void World::adjust() {
  const std::int64_t tickets = dice_.percent(60) ? dice_.between(1, 3) : -dice_.between(1, 3);
  detach(adjust_as(this, process_.get(), begin("adjustTickets", dice_.percent(50)), dice_.pick(lotteries_).id,
                   dice_.below(kPlayers), tickets));
}

Task<void> World::adjust_as(World* world, Process* process, std::size_t op, std::string promotion, std::size_t person,
                            std::int64_t tickets) {
  const std::optional<Command> command = world->history_.operations[op].command;
  const Person& of = world->history_.everyone()[person];
  const DefinitionPtr definition = process->store.find(promotion);
  if (!definition) {
    world->history_.operations[op].waiting = false;
    co_return;
  }
  Manage manage = process->manage_with(process->store);
  std::string body;
  auto adjusting = manage.adjust_tickets(definition, {.user = of.ref, .id = of.id}, tickets, world->audit(op), command,
                                         [&](const TicketAccount& account) {
                                           body = fmt::format("operation-{} leaves {}", op, account.held);
                                           return AnswerKept{.status = 201, .headers = "", .body = body};
                                         });
  const Result<bool> adjusted = co_await adjusting;
  if (!adjusted) {
    world->settle(op, adjusted.error());
    co_return;
  }
  OperatorOp& done = world->history_.operations[op];
  done.waiting = false;
  done.acknowledged = *adjusted;
  done.body = body;
  if (*adjusted) ++world->tally_.adjusted;
}

void World::read_coupons() {
  detach(show_coupons(this, process_.get(), history_.everyone()[dice_.below(kPlayers)].ref));
}

/// A code is shown to one coupon only, whatever has happened meanwhile.
Task<void> World::show_coupons(World* world, Process* process, UserRef owner) {
  auto reaching = process->projection->reached(process->store.acknowledged_position());
  if (!co_await reaching) co_return;
  Coupons& coupons = *process->lottery->coupons;
  auto reading = coupons.of_user({.user = owner, .partition = {}, .limit = 100});
  const Result<std::vector<CouponView>> views = co_await reading;
  if (!views) co_return;
  for (const CouponView& view : *views) {
    auto opening = coupons.code_of(view);
    const Result<std::optional<std::string>> code = co_await opening;
    if (!code && code.error().code != FailureCode::unavailable) {
      world->fail_with("I9: the code of an issued coupon cannot be read: " + code.error().message);
      co_return;
    }
    if (!code || !*code) continue;
    ++world->tally_.codes_read;
    const History::Coupon coupon{.id = codec::to_uuid_text(view.id), .issue = view.row.issue};
    const auto shown = world->history_.codes_shown.try_emplace(**code, coupon).first;
    if (shown->second == coupon) continue;
    world->fail_with(fmt::format("I9: one code was shown for {} ({}) and for {} ({})", shown->second.id,
                                 shown->second.issue, coupon.id, coupon.issue));
  }
}

}  // namespace windfall::simulation
