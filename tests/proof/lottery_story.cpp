#include "proof/lottery_story.hpp"

#include <algorithm>

#include "adapters/codec/encoding.hpp"
#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/master_keys.hpp"
#include "adapters/vault/sealed_seeds.hpp"
#include "domain/lottery/draw.hpp"
#include "domain/lottery/second_chance.hpp"

namespace windfall::proof {

namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kNoonMinute = 720;

vault::MasterKeys master_keys(std::uint32_t key = 1) {
  return {{.id = {key}, .bytes = {4, static_cast<std::uint8_t>(1 + key)}}};
}

Seed opened_seed(const std::string& promotion, const std::string& sealed) {
  const auto seals = vault::KeySeals::make(master_keys()).value();
  return vault::SealedSeeds(*seals).open(promotion, sealed).value();
}

}  // namespace

std::string LotteryStory::keys_file(const std::vector<std::uint32_t>& keys) {
  vault::MasterKeys all;
  for (const std::uint32_t key : keys) all.push_back(master_keys(key).front());
  return vault::encode_master_keys(all);
}

std::string LotteryStory::sealed_seed(const std::string& promotion, char letter, std::uint32_t key) {
  const auto seals = vault::KeySeals::make(master_keys(key)).value();
  return codec::to_base64url(codec::bytes_of(seals->seal("lottery seed of " + promotion, std::string(32, letter))));
}

LotteryStory::LotteryStory(Story& in, const std::function<void(Promotion&)>& edit) : story(in) {
  write_file(story.keys(), vault::encode_master_keys(master_keys()));
  partition = story.promotion("dice", [&](Promotion& promotion) {
    promotion.reward_amount = 0;
    promotion.limit_join_count = 0;
    promotion.end = {promotion.start.days + 1};
    Lottery lottery;
    lottery.grants = {VisitGrant{.tickets = 2}, InviteGrant{}};
    lottery.segment_minutes = kSegmentMinutes;
    lottery.expected_draws_per_day = 40;
    lottery.win_rate = {.min = 100, .max = 500};
    lottery.notifications.ticket_granted = true;
    lottery.prizes = {
        {.id = "americano",
         .name = "Americano",
         .kind = PrizeKind::gifticon,
         .value = 4500,
         .count = 12,
         .valid_days = 30},
        {.id = "points", .name = "Points", .kind = PrizeKind::points, .value = 1000, .count = 4, .valid_days = {}}};
    promotion.lottery = std::move(lottery);
    promotion.secrets.sealed_seed = sealed_seed("dice");
    promotion.secrets.plan_end = promotion.end;
    if (edit) edit(promotion);
  });
  const Promotion& promotion = story.definition(partition);
  seed_ = opened_seed(promotion.id, promotion.secrets.sealed_seed);
  outcomes_ = std::make_unique<Outcomes>(seed_, promotion.id, *promotion.lottery);
  schedule_.emplace(plan_of(promotion));
}

Recorded& LotteryStory::visit(const std::string& user, std::int64_t tickets) {
  return story.event(partition, Visited{.user = Story::ref(user), .tickets = tickets}, user);
}

Recorded& LotteryStory::invite(const std::string& friend_, const std::string& inviter) {
  const auto day = (story.now().ms - kNoon.ms + kNoonMinute * kMinuteMs) / kDayMs;
  return story.event(partition,
                     InviteOpened{.invited = Story::ref(friend_),
                                  .inviter = Story::ref(inviter),
                                  .friend_tickets = 1,
                                  .inviter_tickets = 1,
                                  .day_index = static_cast<std::uint32_t>(day),
                                  .inviter_limited = false},
                     friend_);
}

Recorded& LotteryStory::adjust(const std::string& user, std::int64_t tickets) {
  return story.event(
      partition, TicketsAdjusted{.user = Story::ref(user), .tickets = tickets, .audit = Story::audit("adjustTickets")},
      user);
}

Recorded& LotteryStory::open() {
  const std::int64_t minute = (story.now().ms - kNoon.ms) / kMinuteMs + kNoonMinute;
  const SegmentNo segment{static_cast<std::uint32_t>(minute) / kSegmentMinutes};
  std::optional<std::int64_t> earlier;
  for (const auto& [number, taken] : taken_) {
    if ((segment.value - number) % schedule_->segments_of_a_day() == 0 && taken > 0) earlier = taken;
  }
  const std::uint32_t quota = schedule_->items_until(segment) - wins;
  terms = {.segment = segment,
           .quota = quota,
           .length = schedule_->deck_length(segment, quota, earlier),
           .first_item = wins};
  Recorded& recorded = story.event(partition, SegmentOpened{.segment = segment.value,
                                                            .previous = open_ ? std::int64_t{*open_} : -1,
                                                            .quota = terms.quota,
                                                            .length = terms.length,
                                                            .first_item = terms.first_item});
  open_ = segment.value;
  serial = 0;
  return recorded;
}

LotteryStory::Drawn LotteryStory::draw(const std::string& user) {
  Recorded& recorded = story.event(
      partition, Drew{.user = Story::ref(user), .segment = terms.segment.value, .number = numbers_[user]++}, user);
  recorded.taken = {serial};
  Drawn drawn{.recorded = &recorded,
              .user = user,
              .place = {.segment = terms.segment.value, .serial = serial},
              .item = outcomes_->deck(terms).win_at(static_cast<std::uint64_t>(serial)),
              .prize = {}};
  if (drawn.item) {
    drawn.prize = outcomes_->prize_of(*drawn.item);
    ++wins;
    ++won_[user];
  } else {
    lost_[user] = true;
  }
  ++serial;
  ++taken_[terms.segment.value];
  draws.push_back(drawn);
  return drawn;
}

LotteryStory::Drawn LotteryStory::win(std::optional<std::uint32_t> prize) {
  for (;;) {
    const std::string user = "guest-" + std::to_string(guests_++);
    visit(user);
    const Drawn drawn = draw(user);
    if (drawn.prize && (!prize || *drawn.prize == *prize)) return drawn;
    if (serial >= std::int64_t{terms.length}) {
      story.later(std::int64_t{kSegmentMinutes} * kMinuteMs);
      open();
    }
  }
}

LotteryStory::Drawn LotteryStory::lose() {
  for (;;) {
    const std::string user = "guest-" + std::to_string(guests_++);
    visit(user);
    const Drawn drawn = draw(user);
    if (!drawn.prize) return drawn;
  }
}

Recorded& LotteryStory::void_win(const Drawn& drawn) {
  voided.push_back(*drawn.item);
  return story.event(partition,
                     WinVoided{.user = Story::ref(drawn.user), .win = drawn.place, .audit = Story::audit("voidDraw")},
                     drawn.user);
}

void LotteryStory::go_to_the_end() { story.later(kNoon.ms + 2 * kDayMs - story.now().ms); }

std::vector<std::uint32_t> LotteryStory::left() const {
  std::vector<std::uint32_t> taken_back = voided;
  std::ranges::sort(taken_back);
  return items_left(taken_back, wins, items());
}

std::vector<UserRef> LotteryStory::pool() const {
  std::vector<UserRef> users;
  for (const auto& [user, lost] : lost_) {
    if (!won_.contains(user)) users.push_back(Story::ref(user));
  }
  const Pseudonyms pseudonyms(seed_);
  std::ranges::sort(users, {}, [&](UserRef user) { return pseudonyms.of(user); });
  return users;
}

Recorded& LotteryStory::close(bool second) {
  return story.event(partition, LotteryClosed{.second_chance = second,
                                              .shortfall = second ? 0 : static_cast<std::int64_t>(left().size())});
}

std::vector<LotteryStory::Second> LotteryStory::second_chance() const {
  const std::vector<UserRef> users = pool();
  std::vector<Second> winners;
  for (const SecondWin& win : windfall::second_chance(seed_, static_cast<std::uint32_t>(users.size()), left())) {
    winners.push_back({.user = users[win.place], .item = win.item});
  }
  return winners;
}

void LotteryStory::run_second_chance() {
  const std::vector<Second> winners = second_chance();
  story.event(partition, SecondChanceStarted{.prizes = static_cast<std::uint32_t>(left().size()),
                                             .pool = static_cast<std::uint32_t>(pool().size())});
  for (std::size_t i = 0; i < winners.size(); ++i) {
    story.event(
        partition,
        SecondChanceWon{.user = winners[i].user, .place = static_cast<std::uint32_t>(i), .item = winners[i].item});
  }
  story.event(partition, SecondChanceEnded{.shortfall = static_cast<std::int64_t>(left().size() - winners.size())});
}

}  // namespace windfall::proof
