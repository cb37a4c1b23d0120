#include "simulation/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_codec.hpp"
#include "adapters/codec/event_ids.hpp"
#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/user_ref.hpp"
#include "simulation/process.hpp"

namespace windfall::simulation {

namespace {

using model::Oracle;
using model::OracleAnswer;

const std::map<std::string, Oracle::Offsets>& zones() {
  static const std::map<std::string, Oracle::Offsets> all{{"Asia/Seoul", {{0, 540}}}, {"UTC", {{0, 0}}}};
  return all;
}

model::OracleRule oracle_rule(const JoinType& type) {
  struct Rule {
    model::OracleRule operator()(const DupLimit& t) const {
      return {.type = "N_DUP_LIMIT", .number = t.limit, .names = {}};
    }
    model::OracleRule operator()(const Leading& t) const {
      return {.type = "LEADING", .names = t.promotions, .any = t.match == Leading::Match::any};
    }
    model::OracleRule operator()(const FirstTime&) const { return {.type = "FIRST_TIME", .names = {}}; }
    model::OracleRule operator()(const MinJoinCount& t) const {
      return {.type = "MIN_JOIN_COUNT", .number = t.count, .names = {}};
    }
    model::OracleRule operator()(const InSegment& t) const { return {.type = "SEGMENT", .names = t.segments}; }
  };
  return std::visit(Rule{}, type);
}

std::string key_text(const std::optional<Command>& command) {
  return command ? fmt::format("{:x}-{:x}", command->hash.hi, command->hash.lo) : std::string{};
}

const Audit* audit_of(const Event& event) {
  return std::visit(
      []<class E>(const E& e) -> const Audit* {
        if constexpr (requires { e.audit.reason; }) {
          return &e.audit;
        } else {
          return nullptr;
        }
      },
      event);
}

}  // namespace

std::vector<Person> people(std::size_t count) {
  static const codec::UserHasher hasher(codec::UserHasher::Key{9, 9, 9});
  std::vector<Person> all;
  for (std::size_t i = 0; i < count; ++i) {
    Person person{.id = fmt::format("user-{}", i), .ref = {}, .segments = {}};
    person.ref = hasher.of(person.id);
    if (i % 3 == 0) person.segments.emplace_back("vip");
    if (i % 4 == 0) person.segments.emplace_back("new");
    all.push_back(std::move(person));
  }
  return all;
}

model::OraclePromotion oracle_promotion(const Promotion& from) {
  static constexpr std::array kLifecycles{"DRAFT", "OPEN", "PAUSED", "ENDED"};
  model::OraclePromotion to{.id = from.id,
                            .zone = from.timezone,
                            .mode = from.mode == Mode::test ? "TEST" : "LIVE",
                            .status = kLifecycles.at(static_cast<std::size_t>(from.lifecycle)),
                            .start = from.start.days,
                            .end = from.end.days,
                            .reward = from.reward_amount,
                            .limit = from.limit_join_count,
                            .daily = from.daily_limit_join_count,
                            .rules = {}};
  for (const JoinType& type : from.join_types) to.rules.push_back(oracle_rule(type));
  return to;
}

OracleAnswer oracle_answer(const JoinRefusal& refusal) {
  OracleAnswer answer{.code = code_of(refusal)};
  if (const auto* sold_out = std::get_if<SoldOut>(&refusal)) {
    answer.scope = sold_out->scope == SoldOut::Scope::total ? "TOTAL" : "DAY";
    if (sold_out->retry_at) answer.retry_at = sold_out->retry_at->ms;
    answer.already = sold_out->already_participated;
  }
  if (const auto* condition = std::get_if<ConditionNotMet>(&refusal)) answer.condition = condition->condition;
  if (const auto* joined = std::get_if<AlreadyParticipated>(&refusal)) answer.day = joined->day.days;
  return answer;
}

std::string effect_id(const std::string& promotion, Sequence sequence, std::uint32_t index) {
  return codec::to_uuid_text(
      codec::event_ids(
          {.lineage = kLineage, .promotion = promotion, .epoch = Epoch{}, .sequence = sequence, .index = index})
          .effect);
}

/// One walk over the log from its beginning, with the oracle beside it.
struct History::Fold {
  History& history;
  Oracle oracle{zones()};
  Folded out;
  std::map<UserRef, std::string> names;
  std::map<std::uint32_t, std::int64_t> times;
  std::map<std::uint32_t, std::uint32_t> revisions;
  std::map<std::uint32_t, std::uint64_t> last_defined;                         ///< sequence of the last definition
  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> fingerprints;  ///< by key: of its last acceptance
  std::set<std::tuple<std::uint32_t, std::string, std::int32_t>> once_a_day;
  std::map<std::pair<std::uint32_t, std::uint64_t>, const JoinAnswer*> acknowledged;
  std::multimap<std::uint64_t, const LotteryAnswer*> played;  ///< accepted, by the events that were before
  std::map<std::string, int> reasons;
  std::map<std::string, int> keys_kept;
  std::map<std::string, std::string> bodies;  ///< kept answers by key
  std::uint64_t events = 0;

  explicit Fold(History& h) : history(h) {
    for (const Person& person : history.everyone_) names[person.ref] = person.id;
  }

  std::string apply(const Recorded& r);
  std::string participated(const Recorded& r, const Participated& e);
  std::string defined(const Recorded& r, const DefinitionChanged& e);
  std::string judge(const JoinAnswer& answer);
  std::string judge(const ViewAnswer& answer);
  std::string judge(const LotteryAnswer& answer) { return out.lotteries.judge(answer); }
  std::string judge_played();
  std::string finish();
};

std::string History::Fold::apply(const Recorded& r) {
  const std::uint32_t p = r.partition.value;
  const std::string where = fmt::format("event {} (partition {}, sequence {})", events, p, r.sequence.value);
  if (r.sequence.value != out.sequences[p] + 1) {
    return fmt::format("I14: {} follows sequence {}", where, out.sequences[p]);
  }
  if (const auto last = times.find(p); last != times.end() && r.time.ms < last->second) {
    return fmt::format("I15: {}: time went back by {} ms", where, last->second - r.time.ms);
  }
  out.sequences[p] = r.sequence.value;
  times[p] = r.time.ms;
  oracle.set_clock(r.time.ms);
  // An event names the definition it was decided under; a definition names itself.
  const bool defines =
      std::holds_alternative<DefinitionChanged>(r.event) || std::holds_alternative<KeyChanged>(r.event);
  // What pauses a lottery may pause its segment in the same step, under the definition before.
  const bool with_definition =
      std::holds_alternative<SegmentPaused>(r.event) && last_defined[p] + 1 == r.sequence.value;
  if (r.revision.value != revisions[p] + (defines ? 1 : 0) &&
      !(with_definition && r.revision.value + 1 == revisions[p])) {
    return fmt::format("I3: {} names revision {}, in force was {}", where, r.revision.value, revisions[p]);
  }
  if (const Audit* audit = audit_of(r.event)) {
    ++out.audits;
    ++reasons[audit->reason];
    if (audit->actor.empty() || audit->action.empty() || audit->reason.empty()) {
      return fmt::format("I16: {} does not say who, what and why", where);
    }
  }
  std::string wrong;
  if (const auto* joined = std::get_if<Participated>(&r.event)) wrong = participated(r, *joined);
  if (const auto* defined_now = std::get_if<DefinitionChanged>(&r.event)) wrong = defined(r, *defined_now);
  if (const auto* paused = std::get_if<PausedAll>(&r.event)) {
    oracle.pause_all(paused->paused);
    out.lotteries.pause_all(paused->paused);
  }
  if (const auto* blocked = std::get_if<UserBlocked>(&r.event)) {
    oracle.block(names.at(blocked->user), blocked->blocked);
    out.lotteries.block(blocked->user, blocked->blocked);
  }
  if (wrong.empty() && !std::holds_alternative<DefinitionChanged>(r.event)) wrong = out.lotteries.apply(r);
  if (wrong.empty()) wrong = judge_played();
  if (const auto* settled = std::get_if<EffectSettled>(&r.event)) {
    out.settled[codec::to_uuid_text(settled->effect)] = settled->outcome;
  }
  if (const auto* kept = std::get_if<AnswerKept>(&r.event); kept != nullptr && r.command) {
    const std::string key = key_text(r.command);
    if (++keys_kept[key] > 1) wrong = "I12: a second answer was kept for one command";
    bodies[key] = kept->body;
    out.kept.push_back({.command = r.command->hash, .at = r.time, .body = kept->body});
  }
  ++events;
  return wrong.empty() ? wrong : wrong + ", " + where;
}

std::string History::Fold::defined(const Recorded& r, const DefinitionChanged& e) {
  const std::uint32_t p = r.partition.value;
  const Result<Promotion> promotion = codec::decode_definition(e.definition);
  if (!promotion) return "I14: a definition cannot be read";
  const bool fresh = ++revisions[p] == 1;
  last_defined[p] = r.sequence.value;
  if (fresh && out.definitions.contains(promotion->id)) return "two promotions have the id " + promotion->id;
  out.promotions[p] = promotion->id;
  out.definitions[promotion->id] = *promotion;
  if (promotion->lottery) return out.lotteries.define(r, *promotion);
  if (fresh) {
    oracle.create(oracle_promotion(*promotion));
  } else if (oracle.patch(oracle_promotion(*promotion)) != "200") {
    return "I1: a limit fell below what was used";
  }
  return {};
}

std::string History::Fold::participated(const Recorded& r, const Participated& e) {
  const std::uint32_t p = r.partition.value;
  const std::string promotion = out.promotions[p];
  const Promotion& definition = out.definitions.at(promotion);
  const std::string user = names.at(e.user);
  const Person& person = *std::ranges::find(history.everyone_, user, &Person::id);
  if (e.day.days != oracle.day_at(definition.timezone, r.time.ms)) return "I15: the day is not that of the time";
  if (!once_a_day.emplace(p, user, e.day.days).second) return "I2: joined twice on one day";
  const OracleAnswer expected = oracle.join(user, person.segments, promotion, key_text(r.command));
  const OracleAnswer got{.day = e.day.days, .amount = e.amount, .at = r.time.ms};
  if (expected.text() != got.text()) {
    const bool oversold = expected.code == "SOLD_OUT";
    return fmt::format("{}: {} was accepted ({}), the oracle says {}", oversold ? "I1" : "I3", user, got.text(),
                       expected.text());
  }
  if (r.command) fingerprints[key_text(r.command)] = {r.command->fingerprint, r.time.ms};
  out.participations.push_back({.partition = r.partition,
                                .sequence = r.sequence,
                                .promotion = promotion,
                                .user = user,
                                .ref = e.user,
                                .day = e.day,
                                .amount = e.amount,
                                .test = e.test,
                                .at = r.time});
  const auto told = acknowledged.find({p, r.sequence.value});
  if (told != acknowledged.end()) {
    const JoinOp& op = history.joins[told->second->op];
    const bool same = history.everyone_[op.person].id == user && op.promotion == promotion &&
                      told->second->answer.text() == got.text() && key_text(op.command) == key_text(r.command);
    if (!same) return "I11: the client was told " + told->second->answer.text() + ", the log says " + got.text();
    acknowledged.erase(told);
  }
  return {};
}

std::string History::Fold::judge(const JoinAnswer& answer) {
  const JoinOp& op = history.joins[answer.op];
  const Person& person = history.everyone_[op.person];
  const std::string key = key_text(op.command);
  // A refusal changes nothing, and anything else that is not expected here ends the run.
  oracle.set_clock(answer.sight.clock.ms);
  OracleAnswer expected = oracle.join(person.id, person.segments, op.promotion, key);
  const auto kept = fingerprints.find(key);
  if (expected.replayed && kept != fingerprints.end() && kept->second.first != answer.fingerprint) {
    expected = {.code = "KEY_REUSED"};
  }
  if (expected.text() == answer.answer.text()) return {};
  const bool repeats = expected.replayed || answer.answer.replayed;
  return fmt::format("{}: after {} events {} joining {} was told '{}', the oracle says '{}'", repeats ? "I12" : "I3",
                     events, person.id, op.promotion, answer.answer.text(), expected.text());
}

std::string History::Fold::judge(const ViewAnswer& view) {
  const auto definition = out.definitions.find(view.promotion);
  const std::int64_t accepted = oracle.joins_of(view.promotion);
  if (definition != out.definitions.end() && view.join_count == accepted &&
      view.spent == oracle.spent(view.promotion) && view.left == definition->second.limit_join_count - accepted) {
    return {};
  }
  return fmt::format("I11: after {} events {} was shown with {} joins, {} left, {} spent; the log has {} joins", events,
                     view.promotion, view.join_count, view.left, view.spent, accepted);
}

/// Whoever was told of what has just been applied was told the truth.
std::string History::Fold::judge_played() {
  const auto [first, last] = played.equal_range(events);
  for (auto it = first; it != last; ++it) {
    const LotteryAnswer& answer = *it->second;
    if (answer.text == out.lotteries.told()) continue;
    return fmt::format("I11: a participant was told '{}', the log says '{}'", answer.text, out.lotteries.told());
  }
  played.erase(first, last);
  return {};
}

std::string History::Fold::finish() {
  if (!played.empty()) {
    return fmt::format("I11: a participant was told '{}', which is not in the log", played.begin()->second->text);
  }
  for (const InboundId& id : history.taken_in) {
    if (!out.lotteries.inbound().contains(id)) return "I11: an event was taken in that is not in the log";
  }
  for (const auto& [id, settled] : out.lotteries.inbound()) {
    if (settled && settled->reason == "ERASED") return "I11: an event was dropped because nobody knew who had sent it";
  }
  if (!acknowledged.empty()) {
    const auto& [place, answer] = *acknowledged.begin();
    return fmt::format("I11: {} was told {} as event {} of partition {}, which is not in the log",
                       history.everyone_[history.joins[answer->op].person].id, answer->answer.text(), place.second,
                       place.first);
  }
  for (const OperatorOp& op : history.operations) {
    const int count = reasons.contains(op.reason) ? reasons.at(op.reason) : 0;
    if (op.acknowledged && count != 1)
      return fmt::format("I11: {} was acknowledged, the log has it {} times", op.reason, count);
    if (op.nothing_happened && count != 0)
      return fmt::format("{} was said not to have happened, but it did", op.reason);
    if (count > 1) return fmt::format("I12: {} happened {} times", op.reason, count);
    if (op.acknowledged && op.command && bodies[key_text(op.command)] != op.body) {
      return fmt::format("I12: the answer to {} is not the one that was kept", op.reason);
    }
  }
  for (const JoinOp& op : history.joins) {
    if (op.refused_for_sure && !op.uncertain && !op.joined && !op.waiting && op.command &&
        fingerprints.contains(key_text(op.command))) {
      return "I11: a join that was said not to have happened is in the log";
    }
  }
  for (const PlayOp& op : history.plays) {
    if (op.refused_for_sure && !op.uncertain && !op.accepted && op.waiting == 0 && op.command &&
        out.lotteries.told_by_command().contains(op.command->hash)) {
      return "I11: a call that was said not to have happened is in the log";
    }
  }
  return {};
}

std::string History::judge(const std::vector<Frame>& frames) {
  Fold fold(*this);
  // In the order of what they saw: each is judged when the walk gets there.
  std::vector<const JoinAnswer*> answers;
  std::vector<const ViewAnswer*> views;
  for (const JoinAnswer& answer : join_answers) {
    if (answer.partition) {
      fold.acknowledged[{answer.partition->value, answer.sequence.value}] = &answer;
    } else {
      answers.push_back(&answer);
    }
  }
  for (const ViewAnswer& view : view_answers) views.push_back(&view);
  std::vector<const LotteryAnswer*> hearings;
  for (const LotteryAnswer& answer : lottery_answers) {
    if (answer.kind == LotteryAnswer::Kind::accepted) {
      fold.played.emplace(answer.sight.events, &answer);
    } else {
      hearings.push_back(&answer);
    }
  }
  const auto saw = [](const auto* answer) { return answer->sight.events; };
  std::ranges::sort(answers, {}, saw);
  std::ranges::sort(views, {}, saw);
  std::ranges::sort(hearings, {}, saw);
  auto answer = answers.begin();
  auto view = views.begin();
  auto play = hearings.begin();
  const auto judge_seen = [&]() -> std::string {
    for (; answer != answers.end() && (*answer)->sight.events == fold.events; ++answer) {
      if (std::string wrong = fold.judge(**answer); !wrong.empty()) return wrong;
    }
    for (; view != views.end() && (*view)->sight.events == fold.events; ++view) {
      if (std::string wrong = fold.judge(**view); !wrong.empty()) return wrong;
    }
    for (; play != hearings.end() && (*play)->sight.events == fold.events; ++play) {
      if (std::string wrong = fold.judge(**play); !wrong.empty()) return wrong;
    }
    return {};
  };
  for (const Frame& frame : frames) {
    std::string_view body = frame.body;
    while (!body.empty()) {
      if (std::string wrong = judge_seen(); !wrong.empty()) return wrong;
      const Result<Recorded> recorded = codec::decode(body);
      if (!recorded) return "I14: a frame cannot be read";
      if (std::string wrong = fold.apply(*recorded); !wrong.empty()) return wrong;
    }
  }
  if (std::string wrong = judge_seen(); !wrong.empty()) return wrong;
  if (answer != answers.end() || view != views.end() || play != hearings.end()) {
    const std::uint64_t seen = answer != answers.end() ? (*answer)->sight.events
                               : view != views.end()   ? (*view)->sight.events
                                                       : (*play)->sight.events;
    return fmt::format("I11: an answer was given that saw {} events, but the log has {}", seen, fold.events);
  }
  std::string wrong = fold.finish();
  folded_ = std::move(fold.out);
  return wrong;
}

const std::string& History::id_of(UserRef user) const { return std::ranges::find(everyone_, user, &Person::ref)->id; }

std::string History::judge_partner(const std::map<std::string, Partner::Booking>& book, bool all) const {
  struct Owed {
    std::string user;
    Amount amount = 0;
  };
  std::map<std::string, Owed> owed;
  for (const Folded::Participation& p : folded_.participations) {
    if (!p.test) owed[effect_id(p.promotion, p.sequence)] = {.user = p.user, .amount = p.amount};
  }
  for (const auto& [id, lottery] : folded_.lotteries.lotteries()) {
    for (const auto& [place, win] : lottery.wins) {
      const Prize& prize = lottery.promotion.lottery->prizes[win.prize];
      const bool paid = prize.kind == PrizeKind::points && prize.value > 0 && !lottery.test() && !win.voided;
      if (paid) owed[effect_id(id, win.sequence)] = {.user = id_of(win.user), .amount = prize.value};
    }
  }
  for (const auto& [id, booking] : book) {
    const auto found = owed.find(id);
    if (found == owed.end()) {
      return fmt::format("I4: {} was booked for {} without an acceptance or a standing win", id, booking.user_id);
    }
    if (booking.times != 1) return fmt::format("I4: {} was booked {} times for {}", id, booking.times, booking.user_id);
    if (booking.amount != found->second.amount || booking.user_id != found->second.user) {
      return fmt::format("I4: {} was booked for {} and {}, owed were {} to {}", id, booking.user_id, booking.amount,
                         found->second.amount, found->second.user);
    }
  }
  for (const auto& [id, outcome] : folded_.settled) {
    if (outcome == EffectSettled::Outcome::done && owed.contains(id) && !book.contains(id)) {
      return "I4: " + id + " counts as done, but was never booked";
    }
  }
  if (all && book.size() != owed.size()) {
    return fmt::format("I4: {} accruals were owed, {} were booked", owed.size(), book.size());
  }
  return {};
}

std::string History::judge_notices(const Partner& partner, bool all) const {
  std::map<std::string, std::string> expected;  // who is to be told, by the key
  std::set<std::string> may;                    // of wins that were voided: before or after they were told
  for (const auto& [id, lottery] : folded_.lotteries.lotteries()) {
    if (lottery.test() || !lottery.promotion.lottery->notifications.win) continue;
    for (const auto& [place, win] : lottery.wins) {
      const std::string key = effect_id(id, win.sequence, kNotificationIndex);
      expected[key] = id_of(win.user);
      if (win.voided) may.insert(key);
    }
  }
  for (const auto& [key, notice] : partner.notices()) {
    const auto found = expected.find(key);
    if (found == expected.end()) return "I10: " + notice.user_id + " was told of a win that is none";
    if (found->second != notice.user_id) return "I10: " + notice.user_id + " was told of somebody else's win";
  }
  if (!all) return {};
  for (const auto& [key, user] : expected) {
    if (!may.contains(key) && !partner.notices().contains(key)) return "I10: " + user + " was not told of a win";
  }
  return {};
}

}  // namespace windfall::simulation
