#include "app/simulate/crowd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall::simulate {

namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;
/// People look again a few minutes after a draw.
constexpr double kBetweenDrawsMs = 6.0 * kMinuteMs;
/// Friends come soon after those who invite them: among the people of some two days.
constexpr double kInviterAge = 0.08;
/// One friend in so many comes through somebody with many friends, who meets the daily limit.
constexpr std::uint32_t kThroughTheKnown = 50;
constexpr std::uint32_t kKnownPeople = 5;
/// One winner in so many tries again.
constexpr std::uint32_t kTryAgain = 40;
/// Repetitions of the different cheats.
constexpr std::uint8_t kVisitsAgain = 20;
constexpr std::uint8_t kOwnLinks = 5;
constexpr std::uint8_t kFloodDraws = 40;
constexpr std::uint32_t kRing = 5;
constexpr std::uint32_t kMadeUpFriends = 60;
/// Cheats are fast.
constexpr std::int64_t kBotPauseMs = 900;

std::uint64_t mixed(std::uint64_t x) { return keys::mixed(x); }

codec::UserHasher::Key key_of(std::uint64_t seed) {
  codec::UserHasher::Key key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(mixed(seed + (i / 8)) >> (8U * (i % 8)));
  return key;
}

const char* name_of_reason(OpenReason reason) {
  switch (reason) {
    case OpenReason::own_link:
      return "OWN_LINK";
    case OpenReason::already_credited:
      return "ALREADY_CREDITED";
    case OpenReason::not_first_visit:
      return "NOT_FIRST_VISIT";
    case OpenReason::inviter_limit:
      break;
  }
  return "INVITER_LIMIT";
}

/// Places drawn by weights.
template <class Weights>
std::vector<double> running_sums(const Weights& weights, std::size_t size) {
  std::vector<double> sums;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += weights[std::min(i, weights.size() - 1)];
    sums.push_back(sum);
  }
  return sums;
}
std::int64_t place_in(const std::vector<double>& sums, double chance) {
  const auto found = std::ranges::upper_bound(sums, chance * sums.back());
  return std::min<std::int64_t>(found - sums.begin(), static_cast<std::int64_t>(sums.size()) - 1);
}

}  // namespace

Crowd::Crowd(World& world, const Campaign& campaign, DefinitionPtr definition)
    : world_(world),
      definition_(std::move(definition)),
      hasher_(key_of(campaign.seed)),
      share_drawn_(share_drawn(campaign)),
      random_(mixed(campaign.seed)) {
  const auto* invite = grant_of<InviteGrant>(*definition_->promotion.lottery);
  friend_tickets_ = invite->friend_tickets;
  inviter_tickets_ = invite->inviter_tickets;
  make_arrivals(campaign);
  refs_.reserve(arrivals_.size());
  for (std::uint32_t i = 0; i < arrivals_.size(); ++i) refs_.push_back(hasher_.of(id_of(i)));
  wishes_.resize(arrivals_.size());
}

std::uint64_t Crowd::random() { return mixed(random_++); }
double Crowd::chance() { return static_cast<double>(random() >> 11U) * 0x1.0p-53; }
std::uint32_t Crowd::below(std::uint32_t bound) {
  return static_cast<std::uint32_t>(((random() >> 32U) * bound) >> 32U);
}
std::int64_t Crowd::pause(double mean_ms) { return 1 + static_cast<std::int64_t>(-mean_ms * std::log(1.0 - chance())); }

std::string Crowd::id_of(std::uint32_t person) { return "sim-" + std::to_string(person); }

LotteryCommand Crowd::command_of(const std::string& id, std::uint32_t person) const {
  return {.promotion_id = definition_->promotion.id, .user_id = id, .user = refs_[person], .command = {}};
}

void Crowd::make_arrivals(const Campaign& campaign) {
  const std::vector<double> days = running_sums(campaign.curve.days, static_cast<std::size_t>(campaign.days));
  const std::vector<double> hours = running_sums(campaign.curve.hours, campaign.curve.hours.size());
  const std::int64_t start = definition_->zone.start_of(definition_->promotion.start).ms;
  const auto people = static_cast<std::size_t>(campaign.users);
  for (std::size_t i = 0; i < people; ++i) {
    const std::int64_t at = start + (place_in(days, chance()) * kDayMs) + (place_in(hours, chance()) * kHourMs);
    arrivals_.push_back({.at = at + below(kHourMs)});
  }
  std::ranges::sort(arrivals_, {}, &Arrival::at);
  choose_inviters(campaign, people);
  make_bots(campaign, people);
}

void Crowd::choose_inviters(const Campaign& campaign, std::size_t people) {
  const double age = kInviterAge * static_cast<double>(people);
  for (std::uint32_t i = 1; i < people; ++i) {
    if (chance() >= campaign.invite_factor) continue;
    const std::int64_t back = pause(age);
    arrivals_[i].inviter = back <= std::int64_t{i} ? i - static_cast<std::uint32_t>(back) : below(i);
    if (below(kThroughTheKnown) == 0) arrivals_[i].inviter = below(std::min(i, kKnownPeople));
  }
}

void Crowd::make_bots(const Campaign& campaign, std::size_t people) {
  const auto wanted = people + static_cast<std::size_t>(campaign.bots * static_cast<double>(people));
  const std::int64_t start = definition_->zone.start_of(definition_->promotion.start).ms;
  const auto span = static_cast<double>(campaign.days) * static_cast<double>(kDayMs);
  std::vector<Arrival> bots;
  // Whoever invites stands before those who are invited; all of a gang follow each other within minutes.
  while (people + bots.size() < wanted) {
    static constexpr std::array kKinds{Habit::visitor, Habit::self_inviter, Habit::ring, Habit::collector,
                                       Habit::flooder};
    const Habit kind = kKinds[below(kKinds.size())];
    std::int64_t at = start + static_cast<std::int64_t>(chance() * span);
    const auto gang = kind == Habit::ring ? kRing : kind == Habit::collector ? kMadeUpFriends + 1 : 1;
    const auto leader = static_cast<std::uint32_t>(people + bots.size());
    for (std::uint32_t i = 0; i < gang; ++i) {
      Arrival bot{.at = at, .inviter = kNobody, .habit = kind};
      if (kind == Habit::ring) bot.inviter = i == 0 ? kNobody : leader + i - 1;
      if (kind == Habit::collector && i > 0) {
        bot.inviter = leader;
        bot.habit = Habit::made_up_friend;
      }
      bots.push_back(bot);
      at += kBotPauseMs;
    }
  }
  for (std::size_t i = 0; i < bots.size(); ++i) {
    const auto person = static_cast<std::uint32_t>(people + i);
    later(bots[i].at, Act::arrive, person);
    arrivals_.push_back(bots[i]);
  }
  // People come by the order of arrivals; bots are on the agenda.
  people_ = people;
}

void Crowd::later(std::int64_t at, Act act, std::uint32_t person, std::uint32_t other, std::uint8_t left) {
  agenda_.push({.at = at, .person = person, .other = other, .act = act, .left = left});
}

Instant Crowd::next() const {
  const std::int64_t arrival = arrived_ < people_ ? arrivals_[arrived_].at : INT64_MAX;
  const std::int64_t planned = agenda_.empty() ? INT64_MAX : agenda_.top().at;
  return Instant{std::min(arrival, planned)};
}

void Crowd::step() {
  ++steps_;
  if (arrived_ < people_ && (agenda_.empty() || arrivals_[arrived_].at <= agenda_.top().at)) {
    const auto person = static_cast<std::uint32_t>(arrived_++);
    arrive(person, arrivals_[person].at);
    return;
  }
  const Step now = agenda_.top();
  agenda_.pop();
  const auto again = [&] {
    if (now.left > 1)
      later(now.at + kBotPauseMs, now.act, now.person, now.other, static_cast<std::uint8_t>(now.left - 1));
  };
  switch (now.act) {
    case Act::arrive:
      arrive(now.person, now.at);
      break;
    case Act::draw:
      draw(now.person, now.at, false);
      break;
    case Act::flood:
      again();
      draw(now.person, now.at, true);
      break;
    case Act::visit_again:
      again();
      visit_again(now.person);
      break;
    case Act::open_own:
    case Act::open_again:
      again();
      open(now.person, now.other, now.at);
      break;
  }
}

void Crowd::failed(const Failure& why) {
  if (failure_.empty()) failure_ = why.message;
}

void Crowd::want_draws(std::uint32_t person, std::int64_t at, std::int64_t tickets) {
  Wish& wish = wishes_[person];
  if (wish.won) return;
  for (std::int64_t i = 0; i < tickets; ++i) {
    if (share_drawn_ >= 1 || chance() < share_drawn_) ++wish.draws;
  }
  if (wish.draws == 0 || wish.drawing) return;
  wish.drawing = true;
  later(at + pause(kBetweenDrawsMs), Act::draw, person);
}

Detached Crowd::arrive(std::uint32_t person, std::int64_t at) {
  const std::string id = id_of(person);
  const Arrival arrival = arrivals_[person];
  const LotteryCommand command = command_of(id, person);
  // Pages send the open first.
  if (arrival.inviter != kNobody) {
    const OpenCommand opening{.opener = command, .inviter = refs_[arrival.inviter]};
    const Result<OpenOutcome> opened = co_await world_.earn().open(opening);
    if (!opened) co_return failed(opened.error());
    if (const auto* judged = std::get_if<OpenJudged>(&*opened)) {
      if (judged->reason) count(name_of_reason(*judged->reason));
      if (judged->credited) {
        want_draws(person, at, friend_tickets_);
        if (!judged->reason) want_draws(arrival.inviter, at, inviter_tickets_);
      }
    }
  }
  const Result<VisitOutcome> visited = co_await world_.earn().visit(command);
  if (!visited) co_return failed(visited.error());
  if (const auto* judged = std::get_if<VisitJudged>(&*visited)) {
    want_draws(person, at, judged->granted);
  } else if (const auto* refused = std::get_if<LotteryRefused>(&*visited)) {
    count(code_of(refused->refusal));
  }
  switch (arrival.habit) {
    case Habit::visitor:
      later(at + kBotPauseMs, Act::visit_again, person, kNobody, kVisitsAgain);
      break;
    case Habit::self_inviter:
      later(at + kBotPauseMs, Act::open_own, person, person, kOwnLinks);
      break;
    case Habit::ring:
      // Everyone opens the link of the one who came after, too, though they have been credited or have visited.
      if (arrival.inviter != kNobody) later(at + kBotPauseMs, Act::open_again, arrival.inviter, person, 2);
      break;
    case Habit::flooder:
      later(at + kBotPauseMs, Act::flood, person, kNobody, kFloodDraws);
      break;
    case Habit::person:
    case Habit::collector:
    case Habit::made_up_friend:
      break;
  }
}

Detached Crowd::open(std::uint32_t person, std::uint32_t inviter, std::int64_t at) {
  const std::string id = id_of(person);
  const OpenCommand opening{.opener = command_of(id, person), .inviter = refs_[inviter]};
  const Result<OpenOutcome> opened = co_await world_.earn().open(opening);
  if (!opened) co_return failed(opened.error());
  if (const auto* judged = std::get_if<OpenJudged>(&*opened)) {
    if (judged->reason) count(name_of_reason(*judged->reason));
    if (judged->credited) want_draws(person, at, friend_tickets_);
  } else if (const auto* refused = std::get_if<LotteryRefused>(&*opened)) {
    count(code_of(refused->refusal));
  }
}

Detached Crowd::visit_again(std::uint32_t person) {
  const std::string id = id_of(person);
  const Result<VisitOutcome> visited = co_await world_.earn().visit(command_of(id, person));
  if (!visited) co_return failed(visited.error());
  if (const auto* refused = std::get_if<LotteryRefused>(&*visited)) {
    count(code_of(refused->refusal));
  } else {
    count("ALREADY_VISITED");
  }
}

Detached Crowd::draw(std::uint32_t person, std::int64_t at, bool flood) {
  const std::string id = id_of(person);
  const Result<DrawOutcome> outcome = co_await world_.draw()(command_of(id, person));
  if (!outcome) co_return failed(outcome.error());
  Wish& wish = wishes_[person];
  if (const auto* refused = std::get_if<LotteryRefused>(&*outcome)) {
    count(code_of(refused->refusal));
    if (!flood) wish = {.draws = 0, .drawing = false, .won = wish.won};
    co_return;
  }
  const auto* drawn = std::get_if<Drawn>(&*outcome);
  if (drawn == nullptr) co_return failed({.code = FailureCode::unavailable, .message = "the lottery is not known"});
  wish.won = wish.won || drawn->prize.has_value();
  if (flood) co_return;
  if (wish.draws > 0) --wish.draws;
  if (wish.won && below(kTryAgain) != 0) wish.draws = 0;
  wish.drawing = wish.draws > 0;
  if (wish.drawing) later(at + pause(kBetweenDrawsMs), Act::draw, person);
}

}  // namespace windfall::simulate
