#include "app/proof/log_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "adapters/codec/promotion_json.hpp"
#include "adapters/codec/time_text.hpp"
#include "adapters/system/time_zone.hpp"
#include "app/proof/join_rule_check.hpp"

namespace windfall::proof {

namespace {

UserRef table_key_of(const std::array<std::uint8_t, 16>& id) {
  UserRef key;
  std::memcpy(&key.hi, id.data(), sizeof key.hi);
  std::memcpy(&key.lo, id.data() + sizeof key.hi, sizeof key.lo);
  return table_key(key.hi, key.lo, 0);
}

}  // namespace

LogCheck::LogCheck(Report& report, const Lineage& lineage, std::uint64_t ledger_position, OpenSeed open_seed,
                   Order order)
    : report_(report),
      order_(order),
      ledger_position_(ledger_position),
      eras_(lineage),
      lotteries_(report, std::move(open_seed), ledger_position) {
  partitions_.emplace_back();  // the system partition is there from the start
}

void LogCheck::unreadable(std::uint64_t frame, const std::string& why) {
  report_.violation(Invariant::i11, fmt::format("frame {}", frame), why);
  complete_ = false;
}

void LogCheck::take(std::uint64_t frame, const Recorded& recorded) {
  place_ = {.frame = frame, .partition = recorded.partition, .sequence = recorded.sequence};
  ++events_;
  report_.checked(Invariant::i11);
  if (!follows(recorded)) return;
  if (order_ == Order::by_time && recorded.partition != kSystemPartition) advance_system(recorded.time);
  PartitionFold& fold = partitions_[recorded.partition.value];
  check_time(recorded, fold);
  if (recorded.command) check_command(recorded, fold);
  std::visit([&](const auto& event) { on(recorded, event); }, recorded.event);
}

/// An event continues its partition. After a gap the fold goes on with what there is.
bool LogCheck::follows(const Recorded& recorded) {
  const std::size_t number = recorded.partition.value;
  const bool defines = std::holds_alternative<DefinitionChanged>(recorded.event);
  if (number == partitions_.size() && defines) {
    partitions_.emplace_back();
  } else if (order_ == Order::by_time && number > partitions_.size() && defines) {
    // Numbers are given out before the first event, some of them to promotions that came to nothing.
    partitions_.resize(number + 1);
  } else if (number >= partitions_.size()) {
    report_.violation(Invariant::i11, place_,
                      "the partition has no definition yet: an event before this one is missing");
    complete_ = false;
    return false;
  }
  PartitionFold& fold = partitions_[number];
  if (recorded.sequence.value != fold.sequence.value + 1) {
    report_.violation(Invariant::i11, place_,
                      fmt::format("does not follow event {} of its partition", fold.sequence.value));
    complete_ = false;
  }
  fold.sequence = recorded.sequence;
  return true;
}

void LogCheck::check_time(const Recorded& recorded, PartitionFold& fold) {
  report_.checked(Invariant::i15);
  // What was only defined so far may follow a development clock that is set back; what has decided never does.
  if (recorded.partition == kSystemPartition) {
    // It follows a development clock both ways; no promotion's time is taken from it.
    if (recorded.time < fold.time && !std::exchange(system_went_back_, true)) {
      report_.note(Invariant::i15, fmt::format("the time of the system partition goes back, first from {} to {}: a "
                                               "development clock was set back",
                                               codec::to_text(fold.time), codec::to_text(recorded.time)));
    }
    fold.time = recorded.time;
    return;
  }
  if (!fold.decided) fold.time = std::min(fold.time, recorded.time);
  fold.decided = fold.decided || !std::holds_alternative<DefinitionChanged>(recorded.event);
  if (recorded.time < fold.time) {
    report_.violation(
        Invariant::i15, place_,
        fmt::format("time goes back from {} to {}", codec::to_text(fold.time), codec::to_text(recorded.time)));
  }
  fold.time = std::max(fold.time, recorded.time);
}

void LogCheck::check_command(const Recorded& recorded, PartitionFold& fold) {
  report_.checked(Invariant::i12);
  if (fold.generation == kBeginningOfTime || recorded.time.ms - fold.generation.ms >= kCommandLifeMs) {
    fold.commands_before = std::exchange(fold.commands, {});
    fold.generation = recorded.time;
  }
  const CommandHash& hash = recorded.command->hash;
  const UserRef key = table_key(hash.hi, hash.lo, 0);
  for (const SlotTable<std::int64_t>* table : {&fold.commands, &fold.commands_before}) {
    const std::int64_t* before = table->find(key);
    if (before == nullptr || recorded.time.ms - (*before - 1) >= kCommandLifeMs) continue;
    report_.violation(Invariant::i12, place_,
                      fmt::format("command {:016x}{:016x} was accepted before, at {}", hash.hi, hash.lo,
                                  codec::to_text(Instant{*before - 1})));
    break;
  }
  fold.commands.at(key) = recorded.time.ms + 1;  // 0 reads as absent
}

void LogCheck::check_audit(const Audit& audit) {
  report_.checked(Invariant::i16);
  if (audit.actor.empty()) report_.violation(Invariant::i16, place_, "an operator action without an actor");
  if (audit.action.empty()) report_.violation(Invariant::i16, place_, "an operator action without a name");
}

// --- Acceptances

void LogCheck::on(const Recorded& recorded, const Participated& event) {
  PartitionFold& fold = partitions_[recorded.partition.value];
  ++acceptances_;
  if (complete_ && recorded.revision != fold.revision) {
    broken_rule(
        fmt::format("decided under revision {}, but {} is in force", recorded.revision.value, fold.revision.value));
  }
  if (event.user == UserRef{}) broken_rule("an acceptance of nobody");
  // Rules look at what was before the join, stock and day at what is after it.
  if (fold.promotion) {
    check_rules(recorded, event, fold);
    check_day(recorded, event, fold);
  } else {
    broken_rule("an acceptance under a definition that cannot be read");
  }
  ++fold.taken;
  ++fold.taken_on[event.day];
  add_saturating(fold.spent, event.amount);
  if (fold.promotion) check_stock(fold, event.day);
  if (order_ == Order::by_time) {
    recent_.push_back({.at = recorded.time, .user = event.user, .partition = recorded.partition});
  }
  report_.checked(Invariant::i2);
  if (!joins_.add(event.user, recorded.partition, event.day)) {
    report_.violation(Invariant::i2, place_,
                      fmt::format("user {:016x}{:016x} has joined promotion {} on {} already", event.user.hi,
                                  event.user.lo, fold.id, codec::to_text(event.day)));
  }
}

void LogCheck::check_stock(const PartitionFold& fold, LocalDay day) {
  report_.checked(Invariant::i1);
  const Promotion& promotion = *fold.promotion;
  if (fold.taken > promotion.limit_join_count) {
    report_.violation(Invariant::i1, place_,
                      fmt::format("{} taken of {} in total (promotion {}, revision {})", fold.taken,
                                  promotion.limit_join_count, fold.id, fold.revision.value));
  }
  const auto of_day = fold.taken_on.find(day);
  const std::int64_t taken = of_day == fold.taken_on.end() ? 0 : of_day->second;
  if (promotion.daily_limit_join_count && taken > *promotion.daily_limit_join_count) {
    report_.violation(
        Invariant::i1, place_,
        fmt::format("{} taken of {} on {} (promotion {}, revision {})", taken, *promotion.daily_limit_join_count,
                    codec::to_text(day), fold.id, fold.revision.value));
  }
}

void LogCheck::check_day(const Recorded& recorded, const Participated& event, const PartitionFold& fold) {
  const LocalDay day = fold.zone.day_at(recorded.time);
  if (day != event.day) {
    report_.violation(Invariant::i15, place_,
                      fmt::format("decided at {}, which is {} in {}, but counted for {}", codec::to_text(recorded.time),
                                  codec::to_text(day), fold.zone.name, codec::to_text(event.day)));
  }
  if (std::int64_t{event.day.days} - fold.promotion->start.days != std::int64_t{event.day_index}) {
    report_.violation(Invariant::i15, place_,
                      fmt::format("{} is not day {} of a promotion that starts on {}", codec::to_text(event.day),
                                  event.day_index, codec::to_text(fold.promotion->start)));
  }
}

void LogCheck::check_rules(const Recorded& recorded, const Participated& event, const PartitionFold& fold) {
  report_.checked(Invariant::i3);
  const Promotion& promotion = *fold.promotion;
  const LocalDay today = fold.zone.day_at(recorded.time);
  if (promotion.lottery) broken_rule("a participation in a lottery");
  if (today < promotion.start || today > promotion.end) broken_rule("outside of the period");
  if (promotion.lifecycle == Lifecycle::draft) broken_rule("the promotion is a draft");
  if (promotion.lifecycle == Lifecycle::paused) broken_rule("the promotion is paused");
  if (promotion.lifecycle == Lifecycle::ended) broken_rule("the promotion has ended");
  const bool one_order = order_ == Order::decided;
  if (complete_ && (one_order ? paused_ != 0 : surely_paused_)) broken_rule("everything is paused");
  if (complete_ && (one_order ? blocked_ : surely_blocked_).contains(event.user)) broken_rule("the user is blocked");
  if (!promotion.join_types.empty()) check_join_types(recorded, event, promotion);

  report_.checked(Invariant::i4);
  if (event.amount != promotion.reward_amount) {
    report_.violation(Invariant::i4, place_,
                      fmt::format("{} points instead of the {} promised", event.amount, promotion.reward_amount));
  }
  if (event.test != (promotion.mode == Mode::test)) {
    report_.violation(Invariant::i4, place_,
                      event.test ? "a LIVE acceptance is marked as a test: nothing is paid"
                                 : "an acceptance of a TEST promotion is to be paid");
  }
}

void LogCheck::check_join_types(const Recorded& recorded, const Participated& event, const Promotion& promotion) {
  const UserRef user = event.user;
  const PartitionNo partition = recorded.partition;
  const JoinHistory history{.day = event.day,
                            .own_joins = joins_.joins(user, partition),
                            .complete = complete_,
                            .has_joined = [&](const std::string& id) { return joined(promotion, id, user); },
                            .joins_over_all = [&] { return joins_over_all(promotion, user); }};
  for (const JoinType& type : promotion.join_types) {
    switch (judge(type, history)) {
      case RuleVerdict::holds:
        break;
      case RuleVerdict::broken:
        // On other clocks the joins elsewhere may come in time yet, or may have come too late to count.
        if (order_ == Order::by_time &&
            (std::holds_alternative<Leading>(type) || std::holds_alternative<MinJoinCount>(type))) {
          doubts_.push_back(
              {.place = place_, .rule = type, .partition = partition, .user = user, .time = recorded.time});
          break;
        }
        if (std::holds_alternative<FirstTime>(type) &&
            joins_over_all(promotion, user) <= recent_elsewhere(promotion, user, partition)) {
          break;
        }
        broken_rule(fmt::format("{} does not hold for user {:016x}{:016x}", name_of(type), user.hi, user.lo));
        break;
      case RuleVerdict::not_in_the_log:
        ++not_judged_[name_of(type)];
        break;
    }
  }
}

// --- Several clocks

void LogCheck::know_system(const std::vector<Recorded>& events) {
  // What is switched on holds everywhere a little later, what is switched off a little earlier; what was on for less
  // than that holds nowhere for sure.
  std::map<std::optional<UserRef>, Instant> on_since;
  const auto change = [&](std::optional<UserRef> what, bool on, Instant at) {
    const auto since = on_since.find(what);
    if (on && since == on_since.end()) on_since.emplace(what, at);
    if (on || since == on_since.end()) return;
    const Instant from{since->second.ms + kClocksApartMs};
    const Instant until{at.ms - kClocksApartMs};
    on_since.erase(since);
    if (from >= until) return;
    system_.push_back({.at = from, .user = what, .on = true});
    system_.push_back({.at = until, .user = what, .on = false});
  };
  for (const Recorded& recorded : events) {
    if (const auto* paused = std::get_if<PausedAll>(&recorded.event)) change({}, paused->paused, recorded.time);
    if (const auto* blocked = std::get_if<UserBlocked>(&recorded.event)) {
      change(blocked->user, blocked->blocked, recorded.time);
    }
  }
  for (const auto& [what, since] : on_since) {
    system_.push_back({.at = {since.ms + kClocksApartMs}, .user = what, .on = true});
  }
  std::ranges::sort(system_, {}, [](const SystemChange& change) { return std::pair(change.at, change.on); });
}

void LogCheck::advance_system(Instant time) {
  for (; system_next_ < system_.size() && system_[system_next_].at <= time; ++system_next_) {
    const SystemChange& change = system_[system_next_];
    if (!change.user) {
      surely_paused_ = change.on;
    } else if (change.on) {
      surely_blocked_.insert(*change.user);
    } else {
      surely_blocked_.erase(*change.user);
    }
  }
  settle_doubts({time.ms - kClocksApartMs});
  while (!recent_.empty() && recent_.front().at.ms < time.ms - kClocksApartMs) recent_.pop_front();
}

void LogCheck::settle_doubts(Instant until) {
  for (; !doubts_.empty() && doubts_.front().time <= until; doubts_.pop_front()) {
    const Doubt& doubt = doubts_.front();
    if (holds_now(doubt)) continue;
    report_.violation(
        Invariant::i3, doubt.place,
        fmt::format("{} does not hold for user {:016x}{:016x}", name_of(doubt.rule), doubt.user.hi, doubt.user.lo));
  }
}

bool LogCheck::holds_now(const Doubt& doubt) {
  const PartitionFold& fold = partitions_[doubt.partition.value];
  if (!fold.promotion) return true;  // told where its definition stands
  const Promotion& promotion = *fold.promotion;
  const JoinHistory history{.day = {},
                            .own_joins = 0,
                            .complete = complete_,
                            .has_joined = [&](const std::string& id) { return joined(promotion, id, doubt.user); },
                            // The join itself is none of those that it needs.
                            .joins_over_all = [&] { return joins_over_all(promotion, doubt.user) - 1; }};
  return judge(doubt.rule, history) != RuleVerdict::broken;
}

std::int64_t LogCheck::recent_elsewhere(const Promotion& promotion, UserRef user, PartitionNo partition) const {
  return std::ranges::count_if(recent_, [&](const Recent& join) {
    return join.user == user && join.partition != partition && counts_for(promotion, partitions_[join.partition.value]);
  });
}

/// TEST joins count for no rule of a LIVE promotion.
bool LogCheck::counts_for(const Promotion& promotion, const PartitionFold& other) const {
  return promotion.mode == Mode::test || (other.promotion && other.promotion->mode == Mode::live);
}

std::int64_t LogCheck::joins_over_all(const Promotion& promotion, UserRef user) const {
  std::int64_t joins = 0;
  for (std::uint32_t p = 1; p < partitions_.size(); ++p) {
    if (counts_for(promotion, partitions_[p])) joins += joins_.joins(user, PartitionNo{p});
  }
  return joins;
}

bool LogCheck::joined(const Promotion& promotion, const std::string& other_id, UserRef user) const {
  const auto other = by_id_.find(other_id);
  return other != by_id_.end() && counts_for(promotion, partitions_[other->second.value]) &&
         joins_.joins(user, other->second) > 0;
}

void LogCheck::broken_rule(const std::string& what) { report_.violation(Invariant::i3, place_, what); }

// --- Everything else

void LogCheck::on(const Recorded& recorded, const DefinitionChanged& event) {
  PartitionFold& fold = partitions_[recorded.partition.value];
  check_audit(event.audit);
  ++fold.revision.value;
  fold.definition = event.definition;
  if (fold.id.empty()) {
    fold.id = event.id;
    if (!by_id_.emplace(event.id, recorded.partition).second) {
      report_.violation(Invariant::i11, place_, fmt::format("a second promotion {}", event.id));
    }
  }
  Result<Promotion> promotion = codec::decode_definition(event.definition);
  fold.promotion.reset();
  if (!promotion) {
    report_.violation(Invariant::i11, place_, promotion.error().message);
    return;
  }
  Result<Zone> zone = system::load_zone(promotion->timezone);
  if (!zone) {
    report_.violation(Invariant::i15, place_, zone.error().message);
    return;
  }
  fold.zone = std::move(*zone);
  fold.promotion = std::move(*promotion);
  // A limit that is lowered below what is taken would oversell at once.
  check_stock(fold, fold.zone.day_at(recorded.time));
  if (fold.promotion->lottery) lotteries_.defined(moment(recorded, fold));
}

void LogCheck::on(const Recorded&, const PausedAll& event) {
  check_audit(event.audit);
  paused_ += event.paused ? 1 : -1;
  if (complete_ && paused_ != 0 && paused_ != 1) {
    report_.violation(Invariant::i3, place_, event.paused ? "everything was paused already" : "nothing was paused");
  }
}

void LogCheck::on(const Recorded&, const UserBlocked& event) {
  check_audit(event.audit);
  const bool changed = event.blocked ? blocked_.insert(event.user).second : blocked_.erase(event.user) == 1;
  if (complete_ && !changed) {
    report_.violation(Invariant::i3, place_,
                      event.blocked ? "the user was blocked already" : "the user was not blocked");
  }
}

void LogCheck::on(const Recorded& recorded, const KeyChanged& event) {
  check_audit(event.audit);
  PartitionFold& fold = partitions_[recorded.partition.value];
  ++fold.revision.value;
  fold.definition = event.keys;
}

void LogCheck::on(const Recorded&, const AnswerKept&) {}

void LogCheck::on(const Recorded&, const EffectSettled& event) {
  settlements_.add(event, place_.frame <= ledger_position_);
}

void LogCheck::on(const Recorded& recorded, const Audited& event) {
  check_audit(event.audit);
  if (const auto ended = codec::ended_lineage(recorded)) {
    codec::Eras::LastSequences last;
    for (const PartitionFold& fold : partitions_) last.emplace(fold.id, fold.sequence);
    eras_.end(*ended, std::move(last));
  }
}

void LogCheck::on(const Recorded&, const UserErased& event) {
  check_audit(event.audit);
  erased_.insert(event.user);
}

// --- Lotteries: codes are a matter of the vault, and what was accepted to be judged later leaves its own events

LotteryMoment LogCheck::moment(const Recorded& recorded, const PartitionFold& fold) const {
  return {.place = place_,
          .recorded = recorded,
          .promotion = *fold.promotion,
          .zone = fold.zone,
          .revision = fold.revision,
          .complete = complete_,
          .paused_all = order_ == Order::decided ? paused_ != 0 : surely_paused_,
          .blocked = order_ == Order::decided ? blocked_ : surely_blocked_};
}

void LogCheck::on(const Recorded&, const CodesImported& event) { check_audit(event.audit); }
void LogCheck::on(const Recorded&, const CodesBurned& event) { check_audit(event.audit); }
void LogCheck::on(const Recorded&, const CodeAssigned&) {}
void LogCheck::on(const Recorded&, const CouponReissued& event) { check_audit(event.audit); }
void LogCheck::on(const Recorded&, const CouponUsed&) {}

void LogCheck::on(const Recorded&, const Inbound& event) { inbound_.at(table_key_of(event.id)) = 1; }

void LogCheck::on(const Recorded&, const InboundSettled& event) {
  report_.checked(Invariant::i6);
  if (complete_ && inbound_.find(table_key_of(event.id)) == nullptr) {
    report_.violation(Invariant::i6, place_, "an event was judged that nobody had sent");
  }
}

void LogCheck::finish() {
  settle_doubts(kEndOfTime);
  lotteries_.finish();
  for (const auto& [rule, acceptances] : not_judged_) {
    report_.note(Invariant::i3,
                 fmt::format("the {} rule of {} acceptances cannot be checked: the journal does not keep "
                             "what it looks at",
                             rule, acceptances));
  }
  if (settlements_.repeated() > 0) {
    report_.note(Invariant::i4,
                 fmt::format("{} settlements were stored again; the first counts", settlements_.repeated()));
  }
  if (!complete_) {
    report_.note(Invariant::i3, "events are missing: rules that need the whole history were not judged behind the gap");
  }
  if (eras_.restores() > 0)
    report_.note(
        Invariant::i11,
        fmt::format("restored {}", eras_.restores() == 1 ? "once" : fmt::format("{} times", eras_.restores())));
}

}  // namespace windfall::proof
