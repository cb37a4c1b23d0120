#include "domain/lottery/closing.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "domain/lottery/keys.hpp"

namespace windfall {

namespace {

Proposal beginning(const Definition& definition) {
  Proposal proposal;
  proposal.partition = definition.partition;
  proposal.revision = definition.revision;
  return proposal;
}

void require(Proposal& proposal, const CounterKey& counter, std::int64_t value) {
  proposal.guards.emplace_back(Equals{.counter = counter, .value = value});
}

}  // namespace

std::optional<LotteryEnd> end_of(const Definition& definition, Instant now) {
  const Promotion& promotion = definition.promotion;
  if (promotion.lifecycle == Lifecycle::draft) return std::nullopt;
  const Instant last_day_over = definition.zone.start_of(LocalDay{promotion.end.days + 1});
  if (promotion.lifecycle == Lifecycle::ended) {
    const LotterySecrets& secrets = promotion.secrets;
    return LotteryEnd{.at = secrets.ended.value_or(definition.modified), .second_chance = secrets.second_chance};
  }
  if (now < last_day_over) return std::nullopt;
  return LotteryEnd{.at = last_day_over, .second_chance = promotion.lottery->second_chance};
}

Proposal propose_close(const Definition& definition, const LotteryEnd& end, const LotteryTally& tally) {
  const PartitionNo partition = definition.partition;
  const Promotion& promotion = definition.promotion;
  Proposal proposal = beginning(definition);
  // An operator's end holds from its revision on; an end by date must not come early, whatever a clock said.
  if (promotion.lifecycle != Lifecycle::ended) proposal.window.from = end.at;
  require(proposal, keys::closed(partition), 0);
  const std::optional<SegmentNo> last = tally.last.segment;
  require(proposal, keys::segment(partition), last ? std::int64_t{last->value} + 1 : 0);
  if (last) require(proposal, keys::serials(partition, last->value), tally.last.serials);
  require(proposal, keys::voided_in_total(partition), tally.voided);
  const std::int64_t left = std::int64_t{items_of(promotion.lottery->prizes)} - tally.wins + tally.voided;
  proposal.events.emplace_back(
      LotteryClosed{.second_chance = end.second_chance, .shortfall = end.second_chance ? 0 : left});
  return proposal;
}

SecondChanceList second_chance_list(const Seed& seed, const std::vector<UserRef>& users,
                                    const std::vector<std::uint32_t>& items) {
  struct Member {
    Pseudonym pseudonym;
    UserRef user;
  };
  const Pseudonyms pseudonyms(seed);
  std::vector<Member> pool;
  pool.reserve(users.size());
  for (const UserRef user : users) pool.push_back({.pseudonym = pseudonyms.of(user), .user = user});
  std::ranges::sort(pool, {}, &Member::pseudonym);
  SecondChanceList list{
      .prizes = static_cast<std::uint32_t>(items.size()), .pool = static_cast<std::uint32_t>(pool.size()), .wins = {}};
  for (const SecondWin& win : second_chance(seed, list.pool, items)) {
    list.wins.push_back({.user = pool[win.place].user, .item = win.item});
  }
  return list;
}

Proposal propose_second_start(const Definition& definition, const LotteryEnd& end, const SecondChanceList& list,
                              std::int64_t voided) {
  const PartitionNo partition = definition.partition;
  Proposal proposal = beginning(definition);
  // The clock by which it was found to be time may have been put right since.
  proposal.window.from = Instant{end.at.ms + kSecondChanceDelayMs};
  require(proposal, keys::closed(partition), kClosedSecondChance);
  require(proposal, keys::second_stage(partition), 0);
  require(proposal, keys::voided_in_total(partition), voided);
  proposal.events.emplace_back(SecondChanceStarted{.prizes = list.prizes, .pool = list.pool});
  return proposal;
}

Proposal propose_second_wins(const Definition& definition, const SecondChanceList& list, std::uint32_t place) {
  assert(place < list.wins.size());
  const PartitionNo partition = definition.partition;
  const std::size_t until = std::min(list.wins.size(), place + kSecondWinsAtOnce);
  Proposal proposal = beginning(definition);
  require(proposal, keys::second_stage(partition), kSecondRunning);
  require(proposal, keys::second(partition), place);
  for (std::size_t i = place; i < until; ++i) {
    const SecondChanceList::Win& win = list.wins[i];
    proposal.guards.emplace_back(Absent{.set = keys::second_won(partition, win.user), .member = 0});
    proposal.events.emplace_back(
        SecondChanceWon{.user = win.user, .place = static_cast<std::uint32_t>(i), .item = win.item});
  }
  return proposal;
}

Proposal propose_second_end(const Definition& definition, const SecondChanceList& list) {
  const PartitionNo partition = definition.partition;
  Proposal proposal = beginning(definition);
  require(proposal, keys::second_stage(partition), kSecondRunning);
  require(proposal, keys::second(partition), static_cast<std::int64_t>(list.wins.size()));
  proposal.events.emplace_back(
      SecondChanceEnded{.shortfall = std::int64_t{list.prizes} - static_cast<std::int64_t>(list.wins.size())});
  return proposal;
}

}  // namespace windfall
