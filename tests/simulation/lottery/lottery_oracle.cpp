#include "simulation/lottery/lottery_oracle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "domain/lottery/draw.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::simulation {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kMinuteMs = 60'000;
/// The contract's delay of the second chance.
constexpr std::int64_t kSecondChanceMs = 60'000;
/// As long as an answer is kept for its key.
constexpr std::int64_t kKeyMs = kDayMs;

std::int64_t local_ms(const Promotion& promotion, std::int64_t ms) {
  return ms + (promotion.timezone == "Asia/Seoul" ? 9 * 3'600'000 : 0);
}
std::int32_t day_at(const Promotion& promotion, std::int64_t ms) {
  return static_cast<std::int32_t>(local_ms(promotion, ms) / kDayMs);
}
std::int64_t end_of_last_day(const Promotion& promotion) {
  return ((std::int64_t{promotion.end.days} + 1) * kDayMs) - (local_ms(promotion, 0));
}

template <class G>
const G& grant(const Promotion& promotion) {
  for (const Grant& one : promotion.lottery->grants) {
    if (const auto* found = std::get_if<G>(&one)) return *found;
  }
  static const G none{};
  return none;
}

}  // namespace

Seed simulated_seed(std::string_view promotion_id) {
  return {sha256(bytes_of_text("simulation " + std::string(promotion_id)))};
}

std::int64_t LotteryOracle::Person::held() const {
  return std::accumulate(granted.begin(), granted.end(), std::int64_t{0}) - drawn - revoked;
}

std::int64_t LotteryOracle::Lottery::standing() const {
  return std::ranges::count_if(wins, [](const auto& win) { return !win.second.voided; });
}

const LotteryOracle::Lottery* LotteryOracle::at(PartitionNo partition) const {
  const auto found = std::ranges::find_if(lotteries_, [&](const auto& l) { return l.second.partition == partition; });
  return found == lotteries_.end() ? nullptr : &found->second;
}

std::string LotteryOracle::define(const Recorded& recorded, const Promotion& promotion) {
  Lottery& lottery = lotteries_[promotion.id];
  const bool fresh = !lottery.outcomes;
  if (fresh) {
    lottery.partition = recorded.partition;
    lottery.outcomes = std::make_unique<Outcomes>(simulated_seed(promotion.id), promotion.id, *promotion.lottery);
    lottery.imported.resize(promotion.lottery->prizes.size());
    lottery.assigned.resize(promotion.lottery->prizes.size());
  } else if (lottery.closed && promotion.end != lottery.promotion.end) {
    return "I8: a lottery that is closed goes on";
  }
  lottery.schedule.emplace(plan_of(promotion));  // it stays as it is from the first day on
  lottery.promotion = promotion;
  lottery.time = recorded.time.ms;
  return {};
}

std::string LotteryOracle::refusal(const Lottery& lottery, UserRef user, std::int64_t now_ms) const {
  const Promotion& promotion = lottery.promotion;
  const std::int32_t today = day_at(promotion, now_ms);
  if (today < promotion.start.days || today > promotion.end.days || promotion.lifecycle == Lifecycle::ended) {
    return "OUTSIDE_PERIOD";
  }
  if (promotion.lifecycle == Lifecycle::paused || paused_all_) return "PROMOTION_PAUSED";
  if (blocked_.contains(user)) return "BLOCKED";
  return lottery.closed ? "OUTSIDE_PERIOD" : "";
}

std::string LotteryOracle::apply(const Recorded& recorded) {
  told_.clear();
  const bool of_intake =
      std::holds_alternative<Inbound>(recorded.event) || std::holds_alternative<InboundSettled>(recorded.event);
  if (of_intake) {
    if (const Lottery* about = at(recorded.partition)) lotteries_.at(about->promotion.id).time = recorded.time.ms;
    return settle(recorded);
  }
  const Lottery* known = at(recorded.partition);
  if (known == nullptr) return {};
  Lottery& lottery = lotteries_.at(known->promotion.id);
  lottery.time = recorded.time.ms;
  if (recorded.command) {
    Kept& kept = commands_[{recorded.partition.value, recorded.command->hash}];
    if (kept.at != 0 && recorded.time.ms - kept.at < kKeyMs) return "I12: one command was accepted twice";
    kept = {.at = recorded.time.ms, .fingerprint = recorded.command->fingerprint};
  }
  const Now now{.recorded = recorded, .lottery = lottery};
  std::string wrong = std::visit([&](const auto& event) { return (*this)(now, event); }, recorded.event);
  if (recorded.command && !told_.empty()) told_by_command_[recorded.command->hash] = told_;
  return wrong;
}

// --- Tickets

std::string LotteryOracle::operator()(const Now& at, const Visited& event) {
  const std::string no = refusal(at.lottery, event.user, at.recorded.time.ms);
  if (!no.empty()) return "I3: a visit was accepted, the oracle says " + no;
  Person& person = at.lottery.people[event.user];
  if (std::exchange(person.visited, true)) return "I6: a second first visit";
  if (event.tickets != std::int64_t{grant<VisitGrant>(at.lottery.promotion).tickets}) {
    return "I6: a visit granted other tickets than promised";
  }
  person.granted[static_cast<std::size_t>(GrantCause::visit)] += event.tickets;
  told_ = fmt::format("visit {}, held {}", event.tickets, person.held());
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const InviteOpened& event) {
  const std::string no = refusal(at.lottery, event.invited, at.recorded.time.ms);
  if (!no.empty()) return "I3: an open was accepted, the oracle says " + no;
  const auto& rule = grant<InviteGrant>(at.lottery.promotion);
  Person& invited = at.lottery.people[event.invited];
  if (event.invited == event.inviter) return "I6: somebody opened their own link";
  if (rule.first_visit_only && invited.visited) return "I6: a friend was credited after a visit";
  if (std::exchange(invited.credited, true)) return "I6: a friend was credited twice";
  const auto day =
      static_cast<std::uint32_t>(day_at(at.lottery.promotion, at.recorded.time.ms) - at.lottery.promotion.start.days);
  std::int64_t& on_day = at.lottery.people[event.inviter].invited[day];
  const bool limited = blocked_.contains(event.inviter) || on_day >= std::int64_t{rule.inviter_limit_per_day};
  const std::int64_t inviter_tickets = limited ? 0 : std::int64_t{rule.inviter_tickets};
  if (event.inviter_limited != limited || event.inviter_tickets != inviter_tickets || event.day_index != day ||
      event.friend_tickets != std::int64_t{rule.friend_tickets}) {
    return fmt::format("I6: an open granted {} and {} on day {}{}, the oracle says {} and {} on day {}{}",
                       event.friend_tickets, event.inviter_tickets, event.day_index,
                       event.inviter_limited ? ", limited" : "", rule.friend_tickets, inviter_tickets, day,
                       limited ? ", limited" : "");
  }
  if (!limited) ++on_day;
  invited.granted[static_cast<std::size_t>(GrantCause::invite_opened)] += event.friend_tickets;
  at.lottery.people[event.inviter].granted[static_cast<std::size_t>(GrantCause::invite_sent)] += inviter_tickets;
  told_ = fmt::format("open {}, held {}{}", event.friend_tickets, invited.held(), limited ? ", INVITER_LIMIT" : "");
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const OpenNotGranted& event) {
  if (!at.lottery.not_granted.insert({event.invited, event.inviter, event.reason}).second) {
    return "I6: an open that granted nothing was kept twice";
  }
  const Person& person = at.lottery.people[event.invited];
  const bool own = event.invited == event.inviter;
  const bool right = event.reason == OpenReason::own_link           ? own
                     : event.reason == OpenReason::already_credited ? person.credited
                                                                    : person.visited && !person.credited;
  return right ? "" : "I6: an open granted nothing, for a reason that is none";
}

std::string LotteryOracle::operator()(const Now& at, const TicketsAdjusted& event) {
  Person& person = at.lottery.people[event.user];
  if (event.tickets > 0) {
    person.granted[static_cast<std::size_t>(GrantCause::adjustment)] += event.tickets;
  } else {
    person.revoked -= event.tickets;
  }
  return person.held() < 0 ? "I5: more tickets were taken back than were held" : "";
}

// --- Draws

std::string LotteryOracle::operator()(const Now& at, const SegmentOpened& event) {
  Lottery& lottery = at.lottery;
  const std::int64_t last = lottery.open ? std::int64_t{lottery.open->segment.value} : -1;
  if (lottery.closed || event.previous != last || std::int64_t{event.segment} <= last) {
    return "I7: a segment was opened out of order";
  }
  const Promotion& promotion = lottery.promotion;
  const std::int64_t minutes = local_ms(promotion, at.recorded.time.ms) % kDayMs / kMinuteMs;
  const std::int64_t of_clock =
      (std::int64_t{day_at(promotion, at.recorded.time.ms) - promotion.start.days} * kMinutesPerDay + minutes) /
      promotion.lottery->segment_minutes;
  if (std::int64_t{event.segment} > of_clock) return "I7: a segment was opened before its time";
  if (event.first_item != lottery.won ||
      event.quota != lottery.schedule->items_until(SegmentNo{event.segment}) - lottery.won ||
      event.quota > event.length) {
    return "I8: a deck does not hold what was planned until then and not won";
  }
  lottery.open = DeckTerms{.segment = SegmentNo{event.segment},
                           .quota = event.quota,
                           .length = event.length,
                           .first_item = event.first_item};
  lottery.serials = 0;
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const Drew& event) {
  Lottery& lottery = at.lottery;
  const std::string no = refusal(lottery, event.user, at.recorded.time.ms);
  if (!no.empty()) return "I3: a draw was accepted, the oracle says " + no;
  Person& person = lottery.people[event.user];
  if (person.held() < 1) return "I7: a draw without a ticket";
  if (person.wins >= std::int64_t{lottery.promotion.lottery->max_wins_per_user}) return "I8: a draw after every win";
  if (!lottery.open || event.segment != lottery.open->segment.value || at.recorded.taken.size() != 1 ||
      at.recorded.taken.front() != lottery.serials || std::int64_t{event.number} != person.drawn) {
    return "I7: a serial or a number is used twice, or left out";
  }
  ++person.drawn;
  const std::int64_t serial = lottery.serials++;
  const auto item = lottery.outcomes->deck(*lottery.open).win_at(static_cast<std::uint64_t>(serial));
  if (!item) {
    ++person.losses;
    told_ = fmt::format("draw LOSE, held {}", person.held());
    return {};
  }
  if (*item != lottery.won) return "I8: a draw won another prize than the next one";
  ++lottery.won;
  ++person.wins;
  const std::uint32_t prize = lottery.outcomes->prize_of(*item);
  lottery.wins[{.segment = event.segment, .serial = serial}] = {.user = event.user,
                                                                .item = *item,
                                                                .prize = prize,
                                                                .epoch = at.recorded.epoch,
                                                                .sequence = at.recorded.sequence,
                                                                .ordinal = {}};
  told_ = fmt::format("draw WIN {}, held {}", lottery.promotion.lottery->prizes[prize].id, person.held());
  return lottery.standing() > lottery.items() ? "I8: more winners than prizes" : "";
}

// --- The close

std::string LotteryOracle::operator()(const Now& at, const LotteryClosed& event) {
  Lottery& lottery = at.lottery;
  const Promotion& promotion = lottery.promotion;
  if (std::exchange(lottery.closed, true)) return "I8: closed a second time";
  const bool ended = promotion.lifecycle == Lifecycle::ended;
  if (!ended && at.recorded.time.ms < end_of_last_day(promotion)) return "I8: closed before its end";
  if (event.second_chance != (ended ? promotion.secrets.second_chance : promotion.lottery->second_chance)) {
    return "I8: a second chance that was not promised, or none although it was";
  }
  lottery.stage = event.second_chance ? Lottery::Stage::waiting : Lottery::Stage::over;
  if (event.second_chance) return {};
  lottery.shortfall = event.shortfall;
  return event.shortfall == lottery.items() - lottery.standing() ? "" : "I8: the shortfall is not what nobody won";
}

std::string LotteryOracle::operator()(const Now& at, const SecondChanceStarted& event) {
  Lottery& lottery = at.lottery;
  if (lottery.stage != Lottery::Stage::waiting) return "I8: a second chance out of turn";
  const bool by_date = lottery.promotion.lifecycle != Lifecycle::ended;
  if (by_date && at.recorded.time.ms < end_of_last_day(lottery.promotion) + kSecondChanceMs) {
    return "I8: the second chance came too early";
  }
  lottery.stage = Lottery::Stage::running;
  for (std::uint32_t item = lottery.won; std::int64_t{item} < lottery.items(); ++item) lottery.left.insert(item);
  for (const auto& [place, win] : lottery.wins) {
    if (win.voided) lottery.left.insert(win.item);
  }
  const Pseudonyms pseudonyms(lottery.outcomes->seed());
  std::map<Pseudonym, UserRef> pool;
  for (const auto& [user, person] : lottery.people) {
    const bool takes_part = person.losses > 0 && person.wins < lottery.promotion.lottery->max_wins_per_user;
    if (takes_part) pool[pseudonyms.of(user)] = user;
  }
  if (event.prizes != lottery.left.size() || event.pool != pool.size()) {
    return fmt::format("I8: the second chance is for {} of {}, the oracle says {} of {}", event.prizes, event.pool,
                       lottery.left.size(), pool.size());
  }
  std::vector<UserRef> order;
  for (const auto& [pseudonym, user] : pool) order.push_back(user);
  const std::vector<std::uint32_t> items(lottery.left.begin(), lottery.left.end());
  for (const SecondWin& win : second_chance(lottery.outcomes->seed(), event.pool, items)) {
    lottery.list.emplace_back(order[win.place], win.item);
  }
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const SecondChanceWon& event) {
  Lottery& lottery = at.lottery;
  const std::size_t place = lottery.given++;
  if (lottery.stage != Lottery::Stage::running || place >= lottery.list.size() || event.place != place ||
      lottery.list[place] != std::pair{event.user, event.item}) {
    return "I8: the second chance gave something else than the seed says";
  }
  if (std::exchange(lottery.people[event.user].second_won, true)) return "I8: a second chance was won twice";
  lottery.wins[{.segment = WinPlace::kSecondChance, .serial = event.place}] = {
      .user = event.user,
      .item = event.item,
      .prize = lottery.outcomes->prize_of(event.item),
      .epoch = at.recorded.epoch,
      .sequence = at.recorded.sequence,
      .ordinal = {}};
  return lottery.standing() > lottery.items() ? "I8: more winners than prizes" : "";
}

std::string LotteryOracle::operator()(const Now& at, const SecondChanceEnded& event) {
  Lottery& lottery = at.lottery;
  if (lottery.stage != Lottery::Stage::running || lottery.given != lottery.list.size()) {
    return "I8: the second chance ended before it was over";
  }
  lottery.stage = Lottery::Stage::over;
  lottery.shortfall = event.shortfall;
  return event.shortfall == lottery.items() - lottery.standing() ? "" : "I8: the shortfall is not what nobody won";
}

// --- Wins afterwards

std::string LotteryOracle::operator()(const Now& at, const WinVoided& event) {
  const auto win = at.lottery.wins.find(event.win);
  if (win == at.lottery.wins.end() || win->second.user != event.user) return "I9: a win was voided that is none";
  if (std::exchange(win->second.voided, true)) return "I9: a win was voided twice";
  if (at.lottery.stage == Lottery::Stage::running) return "I8: a win was voided while the second chance ran";
  if (at.lottery.stage == Lottery::Stage::over) ++at.lottery.voided_late;
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const CodesImported& event) {
  if (event.count < 1 || event.prize >= at.lottery.imported.size()) return "I9: an import of nothing";
  at.lottery.imported[event.prize] += event.count;
  return at.lottery.test() ? "I9: a TEST promotion took codes" : "";
}

std::string LotteryOracle::operator()(const Now& at, const CodeAssigned& event) {
  Lottery& lottery = at.lottery;
  const auto found = lottery.wins.find(event.win);
  if (found == lottery.wins.end() || found->second.user != event.user || found->second.prize != event.prize) {
    return "I9: a code was given to a win that is none";
  }
  Win& win = found->second;
  const Prize& prize = lottery.promotion.lottery->prizes[event.prize];
  if (win.voided || lottery.test() || prize.kind != PrizeKind::gifticon) return "I9: a code was given to no coupon";
  if (event.issue != win.issue || win.ordinal) return "I9: a coupon got a second code";
  if (at.recorded.taken.size() != 1 || at.recorded.taken.front() != lottery.assigned[event.prize]) {
    return "I9: a code was given twice, or one was left out";
  }
  win.ordinal = lottery.assigned[event.prize]++;
  return lottery.assigned[event.prize] > lottery.imported[event.prize] ? "I9: a code was given that was not imported"
                                                                       : "";
}

std::string LotteryOracle::operator()(const Now& at, const CouponReissued& event) {
  const auto found = at.lottery.wins.find(event.win);
  if (found == at.lottery.wins.end() || found->second.user != event.user) return "I9: no such coupon was issued again";
  Win& win = found->second;
  const bool has_code = win.ordinal.has_value() || at.lottery.test();
  if (win.voided || win.used || !has_code || event.issue != win.issue + 1) {
    return "I9: a coupon was issued again that has no code to be burned";
  }
  win.issue = event.issue;
  win.ordinal.reset();
  return {};
}

std::string LotteryOracle::operator()(const Now& at, const CouponUsed& event) {
  const auto found = at.lottery.wins.find(event.win);
  if (found == at.lottery.wins.end() || found->second.user != event.user) return "I9: a coupon was used that is none";
  Win& win = found->second;
  if (win.voided || (!win.ordinal && !at.lottery.test())) return "I9: a coupon was used without a code";
  return std::exchange(win.used, true) ? "I9: a coupon was used twice" : "";
}

// --- Events that came in

std::string LotteryOracle::settle(const Recorded& recorded) {
  if (const auto* came = std::get_if<Inbound>(&recorded.event)) {
    if (inbound_.contains(came->id)) return "I12: an event was taken in twice";
    inbound_[came->id] = std::nullopt;
  } else if (const auto* settled = std::get_if<InboundSettled>(&recorded.event)) {
    const auto found = inbound_.find(settled->id);
    if (found == inbound_.end() || found->second) return "I6: an event was judged that nobody sent, or twice";
    found->second = *settled;
  }
  return {};
}

// --- Answers

std::string LotteryOracle::judge(const LotteryAnswer& answer) const {
  const auto found = lotteries_.find(answer.promotion);
  if (found == lotteries_.end()) return "I11: an answer about a lottery that is not in the log";
  const Lottery& lottery = found->second;
  const std::int64_t now = std::max(lottery.time, answer.sight.clock.ms);
  const auto kept = answer.command ? commands_.find({lottery.partition.value, answer.command->hash}) : commands_.end();
  const bool known = kept != commands_.end() && now - kept->second.at < kKeyMs;
  if (answer.kind == LotteryAnswer::Kind::replayed) {
    const auto told = answer.command ? told_by_command_.find(answer.command->hash) : told_by_command_.end();
    if (told != told_by_command_.end() && told->second == answer.text) return {};
    return fmt::format("I12: a repeated call was told '{}', the first '{}'", answer.text,
                       told == told_by_command_.end() ? "nothing" : told->second);
  }
  std::string expected;
  const auto person = lottery.people.find(answer.user);
  static const Person stranger;
  const Person& who = person == lottery.people.end() ? stranger : person->second;
  const auto& rule = grant<InviteGrant>(lottery.promotion);
  if (known) {
    expected = kept->second.fingerprint == answer.command->fingerprint ? "the first answer" : "KEY_REUSED";
  } else if (answer.call == LotteryAnswer::Call::open && answer.text.starts_with("open")) {
    // What an open was judged by stays so; its last look is at the tickets.
    const char* reason = answer.user == answer.inviter          ? "OWN_LINK"
                         : who.credited                         ? "ALREADY_CREDITED"
                         : who.visited && rule.first_visit_only ? "NOT_FIRST_VISIT"
                                                                : "a grant";
    expected = fmt::format("open 0, held {}, {}", who.held(), reason);
  } else if (expected = refusal(lottery, answer.user, now); !expected.empty()) {
  } else if (answer.call == LotteryAnswer::Call::visit) {
    expected = who.visited ? fmt::format("visit 0, held {}", who.held()) : "a grant";
  } else if (answer.call == LotteryAnswer::Call::draw) {
    const bool all = who.wins >= std::int64_t{lottery.promotion.lottery->max_wins_per_user};
    expected = all ? "ALREADY_WON" : who.held() < 1 ? "NO_TICKET" : "a draw";
  } else {
    expected = "a grant";
  }
  if (expected == answer.text) return {};
  return fmt::format("{}: a participant of {} was told '{}', the oracle says '{}'", known ? "I12" : "I3",
                     answer.promotion, answer.text, expected);
}

}  // namespace windfall::simulation
