#include "app/proof/lottery_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "domain/lottery/keys.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::proof {

namespace {

/// The segment that the wall clock shows; the day lies within the promotion's days.
std::uint32_t segment_by_the_clock(const LotteryMoment& at, LocalDay day) {
  const std::uint32_t minutes = at.promotion.lottery->segment_minutes;
  const auto day_index = static_cast<std::uint32_t>(day.days - at.promotion.start.days);
  return (day_index * (kMinutesPerDay / minutes)) + (at.zone.minute_at(at.recorded.time) / minutes);
}

template <class G>
const G* grant_in(const Promotion& promotion) {
  for (const Grant& grant : promotion.lottery->grants) {
    if (const auto* found = std::get_if<G>(&grant)) return found;
  }
  return nullptr;
}

std::string text_of(UserRef user) { return fmt::format("user {:016x}{:016x}", user.hi, user.lo); }

UserRef key_of_open(const OpenNotGranted& event) {
  return table_key(event.invited.hi ^ scatter(event.inviter.hi), event.invited.lo ^ scatter(event.inviter.lo + 1),
                   static_cast<std::uint64_t>(event.reason));
}

}  // namespace

std::int64_t LotteryCheck::Account::held() const {
  return std::accumulate(granted.begin(), granted.end(), std::int64_t{0}) - revoked - std::int64_t{draws};
}

LotteryCheck::Fold& LotteryCheck::fold_of(const LotteryMoment& at) {
  Fold& fold = folds_[at.recorded.partition];
  if (fold.id.empty()) fold.id = at.promotion.id;
  return fold;
}

LotteryCheck::Account& LotteryCheck::account_of(const LotteryMoment& at, Fold& fold, UserRef user) {
  if (user == UserRef{}) {
    broken(at, Invariant::i6, "an event of nobody");
    user.lo = 1;  // zero is no key
  }
  return fold.accounts.at(user);
}

void LotteryCheck::grant(Fold& fold, Account& account, GrantCause cause, std::int64_t tickets) {
  account.granted.at(static_cast<std::size_t>(cause)) += tickets;
  fold.granted.at(static_cast<std::size_t>(cause)) += tickets;
}

void LotteryCheck::defined(const LotteryMoment& at) {
  Fold& fold = fold_of(at);
  fold.sealed_seed = at.promotion.secrets.sealed_seed;
  fold.schedule.reset();
  if (fold.plan) check_plan(at, fold);
}

/// What users do while a lottery runs: visits, opens and draws.
void LotteryCheck::check_running(const LotteryMoment& at, const Fold& fold, Invariant invariant, UserRef user) {
  const Promotion& promotion = at.promotion;
  const LocalDay today = at.zone.day_at(at.recorded.time);
  if (at.complete && at.recorded.revision != at.revision) {
    broken(at, invariant,
           fmt::format("decided under revision {}, but {} is in force", at.recorded.revision.value, at.revision.value));
  }
  if (today < promotion.start || today > promotion.end) broken(at, invariant, "outside of the period");
  if (promotion.lifecycle != Lifecycle::open) broken(at, invariant, "the promotion is a draft, paused or ended");
  if (at.complete && at.paused_all) broken(at, invariant, "everything is paused");
  if (at.complete && at.blocked.contains(user)) broken(at, invariant, "the user is blocked");
  if (fold.stage != Stage::drawing) broken(at, invariant, "the lottery is closed");
}

// --- Tickets

void LotteryCheck::on(const LotteryMoment& at, const Visited& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i6);
  check_running(at, fold, Invariant::i6, event.user);
  Account& account = account_of(at, fold, event.user);
  if (account.visited) broken(at, Invariant::i6, text_of(event.user) + " has visited before");
  account.visited = true;
  const auto* rule = grant_in<VisitGrant>(at.promotion);
  const std::int64_t promised = rule == nullptr ? 0 : std::int64_t{rule->tickets};
  if (event.tickets != promised) {
    broken(at, Invariant::i6, fmt::format("a visit grants {} tickets instead of {}", event.tickets, promised));
  }
  grant(fold, account, GrantCause::visit, event.tickets);
}

void LotteryCheck::on(const LotteryMoment& at, const InviteIssued& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i6);
  if (std::exchange(account_of(at, fold, event.user).issued, true)) {
    broken(at, Invariant::i6, text_of(event.user) + " has a link already");
  }
}

void LotteryCheck::on(const LotteryMoment& at, const InviteShared& event) { account_of(at, fold_of(at), event.user); }

void LotteryCheck::on(const LotteryMoment& at, const InviteOpened& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i6);
  check_running(at, fold, Invariant::i6, event.invited);
  if (event.invited == event.inviter)
    broken(at, Invariant::i6, text_of(event.invited) + " is credited for an own link");
  const auto* rule = grant_in<InviteGrant>(at.promotion);
  if (rule == nullptr) return broken(at, Invariant::i6, "an open is credited where invites grant nothing");
  {
    Account& invited = account_of(at, fold, event.invited);
    if (invited.credited) broken(at, Invariant::i6, text_of(event.invited) + " was credited as a friend before");
    if (rule->first_visit_only && invited.visited) {
      broken(at, Invariant::i6, text_of(event.invited) + " has visited before, and only a first visit is credited");
    }
    invited.credited = true;
    if (event.friend_tickets != rule->friend_tickets) {
      broken(at, Invariant::i6,
             fmt::format("a friend gets {} tickets instead of {}", event.friend_tickets, rule->friend_tickets));
    }
    grant(fold, invited, GrantCause::invite_opened, event.friend_tickets);
  }
  const LocalDay today = at.zone.day_at(at.recorded.time);
  if (std::int64_t{today.days} - at.promotion.start.days != std::int64_t{event.day_index}) {
    broken(at, Invariant::i6, fmt::format("counted for day {} of the promotion, which it is not", event.day_index));
  }
  std::uint32_t& opens = fold.invited.at(table_key(event.inviter.hi, event.inviter.lo, event.day_index));
  const bool blocked = at.blocked.contains(event.inviter);
  const bool over = opens >= rule->inviter_limit_per_day;
  if (event.inviter_limited) {
    if (event.inviter_tickets != 0) broken(at, Invariant::i6, "an inviter over the cap is granted tickets");
    // Decided in two steps: what kept the inviter out may be over at the second one.
    if (at.complete && !blocked && !over) ++limited_without_reason_;
    return;
  }
  ++opens;
  if (over) {
    broken(at, Invariant::i6,
           fmt::format("{} is credited for more than {} opens of a day", text_of(event.inviter),
                       rule->inviter_limit_per_day));
  }
  if (at.complete && blocked) broken(at, Invariant::i6, text_of(event.inviter) + " is credited, but blocked");
  if (event.inviter_tickets != rule->inviter_tickets) {
    broken(at, Invariant::i6,
           fmt::format("an inviter gets {} tickets instead of {}", event.inviter_tickets, rule->inviter_tickets));
  }
  grant(fold, account_of(at, fold, event.inviter), GrantCause::invite_sent, event.inviter_tickets);
}

void LotteryCheck::on(const LotteryMoment& at, const OpenNotGranted& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i6);
  const Account account = account_of(at, fold, event.invited);
  const auto holds = [&] {
    switch (event.reason) {
      case OpenReason::own_link:
        return event.invited == event.inviter;
      case OpenReason::already_credited:
        return account.credited;
      case OpenReason::not_first_visit:
        return account.visited;
      case OpenReason::inviter_limit:
        break;  // grants to the friend, so it is another event
    }
    return false;
  };
  if (!holds()) broken(at, Invariant::i6, "an open was not granted for a reason that does not hold");
  if (std::exchange(fold.not_granted.at(key_of_open(event)), std::uint8_t{1}) != 0) {
    broken(at, Invariant::i6, "the same open is noted as not granted twice");
  }
}

void LotteryCheck::on(const LotteryMoment& at, const TicketsAdjusted& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i5);
  Account& account = account_of(at, fold, event.user);
  if (event.tickets == 0) broken(at, Invariant::i5, "an adjustment of nothing");
  if (event.tickets >= 0) return grant(fold, account, GrantCause::adjustment, event.tickets);
  account.revoked -= event.tickets;
  fold.revoked -= event.tickets;
  if (at.complete && account.held() < 0) {
    broken(at, Invariant::i5, fmt::format("{} holds {} tickets", text_of(event.user), account.held()));
  }
}

// --- Segments

void LotteryCheck::on(const LotteryMoment& at, const SegmentPaused& event) { fold_of(at).paused.insert(event.segment); }

/// Plan and seed are committed to: from the first segment on they stay.
void LotteryCheck::check_plan(const LotteryMoment& at, Fold& fold) {
  report_.checked(Invariant::i8);
  const Promotion& promotion = at.promotion;
  const std::int64_t days = std::int64_t{promotion.secrets.plan_end.days} - promotion.start.days + 1;
  if (days < 1 || days > std::int64_t{kMaxLotteryDays} || items_of(promotion.lottery->prizes) == 0) {
    return broken(at, Invariant::i8, "the definition has no plan");
  }
  const Plan plan = make_plan(
      promotion.id, {.start = promotion.start, .end = promotion.secrets.plan_end, .timezone = promotion.timezone},
      *promotion.lottery);
  std::string text = plan_text(plan);
  if (fold.plan && *fold.plan != text) broken(at, Invariant::i8, "the plan is no longer the one that draws began with");
  if (!fold.plan) fold.plan = std::move(text);
  if (fold.outcomes != nullptr) {  // sealed anew it may be, but it stays the same
    const Result<Seed> seed = open_seed_(fold.id, fold.sealed_seed);
    if (!seed || *seed != fold.outcomes->seed()) {
      broken(at, Invariant::i8, "the seed is no longer the one that draws began with");
    }
  }
  fold.schedule.emplace(plan);
}

void LotteryCheck::on(const LotteryMoment& at, const SegmentOpened& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i7);
  if (!fold.schedule) check_plan(at, fold);
  const std::int64_t previous = fold.open ? std::int64_t{*fold.open} : -1;
  if (event.previous != previous || std::int64_t{event.segment} <= previous) {
    broken(at, Invariant::i7,
           fmt::format("segment {} follows {}, but {} is open", event.segment, event.previous, previous));
  }
  if (fold.stage != Stage::drawing) broken(at, Invariant::i7, "a segment opens in a closed lottery");
  const LocalDay today = at.zone.day_at(at.recorded.time);
  if (today < at.promotion.start) {
    broken(at, Invariant::i7, "a segment opens before the period");
  } else if (today <= at.promotion.end && event.segment > segment_by_the_clock(at, today)) {
    broken(at, Invariant::i7, fmt::format("segment {} opens before its time", event.segment));
  }
  const DeckTerms terms{
      .segment = {event.segment}, .quota = event.quota, .length = event.length, .first_item = event.first_item};
  check_terms(at, fold, terms);
  fold.segments.insert_or_assign(event.segment, Segment{.terms = terms, .taken = 0});
  fold.open = event.segment;
}

/// The deck is what the plan and the draws so far ask for.
void LotteryCheck::check_terms(const LotteryMoment& at, Fold& fold, const DeckTerms& terms) {
  report_.checked(Invariant::i8);
  if (!fold.schedule) return;
  const std::int64_t items = fold.schedule->items();
  if (terms.quota > items || std::int64_t{terms.first_item} + terms.quota > items || terms.length < terms.quota) {
    return broken(at, Invariant::i8,
                  fmt::format("{} items from {} on in a deck of {}; the plan has {}", terms.quota, terms.first_item,
                              terms.length, items));
  }
  if (open_outcomes(at, fold)) {
    if (terms.first_item != fold.wins) {
      broken(at, Invariant::i8,
             fmt::format("the deck begins with item {}, but {} were won", terms.first_item, fold.wins));
    }
  } else if (fold.open) {  // who won is not known, but at most what lay in the last deck
    const Segment& last = fold.segments.at(*fold.open);
    const std::int64_t most = std::min(std::int64_t{last.terms.quota}, last.taken);
    if (terms.first_item < last.terms.first_item || terms.first_item > last.terms.first_item + most) {
      broken(at, Invariant::i8, fmt::format("the deck begins with item {}, which cannot be", terms.first_item));
    }
  }
  const std::int64_t quota = std::int64_t{fold.schedule->items_until(terms.segment)} - terms.first_item;
  if (quota != terms.quota) {
    return broken(at, Invariant::i8, fmt::format("the deck has {} items, the plan says {}", terms.quota, quota));
  }
  // The latest earlier day on which this segment had draws and was not paused.
  std::optional<std::int64_t> earlier;
  const std::uint32_t per_day = fold.schedule->segments_of_a_day();
  for (auto segment = fold.segments.rbegin(); segment != fold.segments.rend() && !earlier; ++segment) {
    const bool same = segment->first < terms.segment.value && (terms.segment.value - segment->first) % per_day == 0;
    if (same && segment->second.taken > 0 && !fold.paused.contains(segment->first)) earlier = segment->second.taken;
  }
  const std::uint32_t length = fold.schedule->deck_length(terms.segment, terms.quota, earlier);
  if (length != terms.length) {
    broken(at, Invariant::i8, fmt::format("the deck is {} long, the plan says {}", terms.length, length));
  }
}

// --- Draws

/// False, and said once, where nobody can open the seed.
bool LotteryCheck::open_outcomes(const LotteryMoment& at, Fold& fold) {
  if (fold.seed_tried) return fold.outcomes != nullptr;
  fold.seed_tried = true;
  if (!open_seed_ || items_of(at.promotion.lottery->prizes) > kMaxItems) return false;
  const Result<Seed> seed = open_seed_(fold.id, fold.sealed_seed);
  if (!seed) {
    broken(at, Invariant::i8, fmt::format("the seed of {} cannot be opened: {}", fold.id, seed.error().message));
    return false;
  }
  fold.outcomes = std::make_unique<Outcomes>(*seed, fold.id, *at.promotion.lottery);
  fold.items.resize(fold.outcomes->items());
  return true;
}

void LotteryCheck::on(const LotteryMoment& at, const Drew& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i7);
  check_running(at, fold, Invariant::i7, event.user);
  Account& account = account_of(at, fold, event.user);
  if (at.complete && account.held() < 1) broken(at, Invariant::i7, text_of(event.user) + " draws without a ticket");
  if (at.complete && event.number != account.draws) {
    broken(at, Invariant::i7,
           fmt::format("draw {} of {}, who has drawn {} times", event.number, text_of(event.user), account.draws));
  }
  ++account.draws;
  ++fold.drawn;
  const LocalDay today = at.zone.day_at(at.recorded.time);
  if (today >= at.promotion.start && today <= at.promotion.end && event.segment < segment_by_the_clock(at, today)) {
    broken(at, Invariant::i7, fmt::format("a draw in segment {}, which is over", event.segment));
  }
  if (!fold.open || *fold.open != event.segment) {
    return broken(at, Invariant::i7, fmt::format("a draw in segment {}, which is not open", event.segment));
  }
  Segment& segment = fold.segments.at(event.segment);
  const std::int64_t serial = at.recorded.taken.empty() ? -1 : at.recorded.taken.front();
  if (serial != segment.taken) {
    broken(at, Invariant::i7,
           fmt::format("serial {} of segment {}, but {} is next", serial, event.segment, segment.taken));
  }
  segment.taken = serial + 1;
  if (open_outcomes(at, fold) && serial >= 0) check_win(at, fold, account, event, serial);
}

void LotteryCheck::check_win(const LotteryMoment& at, Fold& fold, Account& account, const Drew& event,
                             std::int64_t serial) {
  report_.checked(Invariant::i8);
  if (account.wins >= at.promotion.lottery->max_wins_per_user) {
    broken(at, Invariant::i8,
           fmt::format("{} draws after {} wins of {}", text_of(event.user), account.wins,
                       at.promotion.lottery->max_wins_per_user));
  }
  const std::optional<std::uint32_t> item = item_at(fold, {.segment = event.segment, .serial = serial});
  if (!item) {
    account.lost = true;
    return;
  }
  ++account.wins;
  ++fold.wins;
  give(at, fold, *item, event.user);
}

std::optional<std::uint32_t> LotteryCheck::item_at(const Fold& fold, const WinPlace& place) const {
  if (place.segment == WinPlace::kSecondChance) {
    const bool there = place.serial >= 0 && place.serial < static_cast<std::int64_t>(fold.second.size());
    return there ? std::optional{fold.second[static_cast<std::size_t>(place.serial)].item} : std::nullopt;
  }
  const auto segment = fold.segments.find(place.segment);
  if (segment == fold.segments.end() || fold.outcomes == nullptr || place.serial < 0) return std::nullopt;
  const DeckTerms& terms = segment->second.terms;
  if (terms.length < terms.quota || std::uint64_t{terms.first_item} + terms.quota > fold.items.size()) {
    return std::nullopt;  // I8 has said so
  }
  return fold.outcomes->deck(terms).win_at(static_cast<std::uint64_t>(place.serial));
}

/// Each item stands at most once, so there are never more winners than items.
void LotteryCheck::give(const LotteryMoment& at, Fold& fold, std::uint32_t item, UserRef user) {
  if (item >= fold.items.size()) return broken(at, Invariant::i8, fmt::format("there is no item {}", item));
  if (fold.items[item].given) {
    broken(at, Invariant::i8, fmt::format("item {} has a winner already: more winners than prizes", item));
  }
  fold.items[item] = {.winner = user, .given = true};
}

// --- The end

std::int64_t LotteryCheck::left(const Fold& fold) { return std::ranges::count(fold.items, false, &Item::given); }

void LotteryCheck::on(const LotteryMoment& at, const LotteryClosed& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i8);
  if (fold.stage != Stage::drawing) broken(at, Invariant::i8, "closed before");
  const bool ended = at.promotion.lifecycle == Lifecycle::ended;
  if (!ended && at.zone.day_at(at.recorded.time) <= at.promotion.end)
    broken(at, Invariant::i8, "closed before the end");
  const bool wanted = ended ? at.promotion.secrets.second_chance : at.promotion.lottery->second_chance;
  if (event.second_chance != wanted) {
    broken(at, Invariant::i8,
           wanted ? "closed without the second chance" : "closed for a second chance that there is not");
  }
  fold.stage = event.second_chance ? Stage::second_due : Stage::closed;
  if (event.second_chance || !open_outcomes(at, fold)) return;
  if (event.shortfall != left(fold)) {
    broken(at, Invariant::i8, fmt::format("a shortfall of {} is told, it is {}", event.shortfall, left(fold)));
  }
}

void LotteryCheck::on(const LotteryMoment& at, const SecondChanceStarted& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i8);
  if (fold.stage != Stage::second_due) broken(at, Invariant::i8, "a second chance that is not due");
  fold.stage = Stage::second_running;
  fold.pool = event.pool;
  if (!open_outcomes(at, fold)) return;
  struct Member {
    Pseudonym pseudonym;
    UserRef user;
  };
  std::vector<Member> pool;
  const Pseudonyms pseudonyms(fold.outcomes->seed());
  fold.accounts.for_each([&](UserRef user, const Account& account) {
    if (account.lost && account.wins < at.promotion.lottery->max_wins_per_user) {
      pool.push_back({.pseudonym = pseudonyms.of(user), .user = user});
    }
  });
  std::ranges::sort(pool, {}, &Member::pseudonym);
  std::vector<std::uint32_t> items;
  for (std::uint32_t item = 0; item < fold.items.size(); ++item) {
    if (!fold.items[item].given) items.push_back(item);
  }
  if (event.pool != pool.size() || event.prizes != items.size()) {
    broken(at, Invariant::i8,
           fmt::format("{} prizes for {} users, but there are {} for {}", event.prizes, event.pool, items.size(),
                       pool.size()));
  }
  for (const SecondWin& win : second_chance(fold.outcomes->seed(), static_cast<std::uint32_t>(pool.size()), items)) {
    fold.second_expected.push_back({.user = pool[win.place].user, .item = win.item});
  }
}

void LotteryCheck::on(const LotteryMoment& at, const SecondChanceWon& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i8);
  if (fold.stage != Stage::second_running) broken(at, Invariant::i8, "a win of a second chance that does not run");
  if (event.place != fold.second.size()) {
    broken(at, Invariant::i8,
           fmt::format("place {} of the second chance, but {} is next", event.place, fold.second.size()));
  }
  Account& account = account_of(at, fold, event.user);
  if (std::exchange(account.second_won, true))
    broken(at, Invariant::i8, text_of(event.user) + " wins the second chance twice");
  const Given given{.user = event.user, .item = event.item};
  fold.second.push_back(given);
  if (fold.outcomes == nullptr) return;
  const std::size_t place = fold.second.size() - 1;
  if (place >= fold.second_expected.size() || fold.second_expected[place] != given) {
    broken(at, Invariant::i8,
           fmt::format("place {} of the second chance is another's, by the published function", place));
  }
  give(at, fold, event.item, event.user);
}

void LotteryCheck::on(const LotteryMoment& at, const SecondChanceEnded& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i8);
  if (fold.stage != Stage::second_running) broken(at, Invariant::i8, "the end of a second chance that does not run");
  fold.stage = Stage::over;
  if (fold.outcomes == nullptr) return;
  if (fold.second.size() != fold.second_expected.size()) {
    broken(at, Invariant::i8,
           fmt::format("the second chance gave {} prizes, not {}", fold.second.size(), fold.second_expected.size()));
  }
  if (event.shortfall != left(fold)) {
    broken(at, Invariant::i8, fmt::format("a shortfall of {} is told, it is {}", event.shortfall, left(fold)));
  }
}

void LotteryCheck::on(const LotteryMoment& at, const WinVoided& event) {
  Fold& fold = fold_of(at);
  report_.checked(Invariant::i8);
  if (fold.stage == Stage::second_running) broken(at, Invariant::i8, "a win is voided while the second chance runs");
  const bool second_begun = fold.stage == Stage::second_running || fold.stage == Stage::over;
  const Voided voided{.in_ledger = at.place.frame <= ledger_position_, .second_begun = second_begun};
  if (!fold.voided.emplace(event.win, voided).second) return broken(at, Invariant::i8, "the win was voided before");
  if (fold.outcomes == nullptr) return;
  const std::optional<std::uint32_t> item = item_at(fold, event.win);
  if (!item || *item >= fold.items.size() || fold.items[*item].winner != event.user) {
    return broken(at, Invariant::i8, "there is no such win of " + text_of(event.user));
  }
  fold.items[*item].given = false;
}

// --- After the last event

void LotteryCheck::finish() {
  std::int64_t draws = 0;
  for (const auto& [partition, fold] : folds_) {
    report_.checked(Invariant::i5, static_cast<std::int64_t>(fold.accounts.size()));
    if (fold.outcomes == nullptr) draws += fold.drawn;
  }
  if (draws > 0) {
    report_.note(Invariant::i8, fmt::format("not checked: what {} draws won, for want of the master keys", draws));
  }
  if (limited_without_reason_ > 0) {
    report_.note(Invariant::i6,
                 fmt::format("{} inviters were left out who were neither over the cap nor blocked any more "
                             "when it was stored",
                             limited_without_reason_));
  }
}

void LotteryCheck::compare(const Look& look) const {
  for (const auto& [partition, fold] : folds_) compare(partition, look);
}

void LotteryCheck::compare(PartitionNo partition, const Look& look) const {
  const auto found = folds_.find(partition);
  if (found == folds_.end()) return;
  const Fold& fold = found->second;
  const auto check = [&](std::int64_t ours, const CounterKey& key, const std::string& what) {
    report_.checked(Invariant::i14);
    const std::int64_t theirs = look(key);
    if (theirs == ours) return;
    report_.violation(Invariant::i14, fmt::format("partition {}", partition.value),
                      fmt::format("{} of the hot state: {}, of an independent fold: {}", what, theirs, ours));
  };
  for (std::size_t cause = 0; cause < kGrantCauses; ++cause) {
    check(fold.granted.at(cause), keys::granted_in_total(partition, static_cast<GrantCause>(cause)), "tickets granted");
  }
  check(fold.revoked, keys::revoked_in_total(partition), "tickets revoked");
  check(fold.drawn, keys::drawn_in_total(partition), "tickets drawn");
  check(fold.open ? std::int64_t{*fold.open} + 1 : 0, keys::segment(partition), "the open segment");
  for (const auto& [number, segment] : fold.segments) {
    check(segment.taken, keys::serials(partition, number), fmt::format("the next serial of segment {}", number));
  }
  check(static_cast<std::int64_t>(fold.second.size()), keys::second(partition), "wins of the second chance");
  fold.accounts.for_each([&](UserRef user, const Account& account) {
    check(account.held(), keys::tickets(partition, user), "tickets held by " + text_of(user));
  });
}

bool LotteryCheck::knows_wins_of(PartitionNo partition) const {
  const auto fold = folds_.find(partition);
  return fold != folds_.end() && fold->second.outcomes != nullptr;
}

std::optional<LotteryCheck::Win> LotteryCheck::win_at(PartitionNo partition, const WinPlace& place) const {
  if (!knows_wins_of(partition)) return std::nullopt;
  const Fold& fold = folds_.at(partition);
  const std::optional<std::uint32_t> item = item_at(fold, place);
  if (!item || *item >= fold.items.size()) return std::nullopt;
  Win win{.item = *item, .prize = fold.outcomes->prize_of(*item)};
  const auto voided = fold.voided.find(place);
  if (voided != fold.voided.end()) {
    win.voided = true;
    if (voided->second.in_ledger) win.voided_in_ledger = voided->second.second_begun ? 2 : 1;
  }
  return win;
}

}  // namespace windfall::proof
