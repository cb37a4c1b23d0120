#include "model/closed_set.hpp"

#include <algorithm>

namespace windfall::model {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::uint32_t kMaxPartitions = 6;

std::string hex(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4U) out[i] = kDigits[value & 15U];
  return out;
}

std::string list(const std::vector<std::int64_t>& values) {
  std::string out = "[";
  for (const std::int64_t value : values) out += std::to_string(value) + " ";
  return out + "]";
}

}  // namespace

const std::vector<UserRef>& Generator::users() {
  static const std::vector<UserRef> all = [] {
    Dice dice(7);
    std::vector<UserRef> made;
    for (int i = 0; i < 8; ++i) made.push_back({.hi = dice.next(), .lo = dice.next()});
    return made;
  }();
  return all;
}

Occasion Generator::occasion() {
  const auto exist = static_cast<std::uint32_t>(state_.partitions());
  const bool creates = exist < kMaxPartitions && dice_.percent(exist == 1 ? 50 : 4);
  Occasion made;
  made.partition = creates ? PartitionNo{exist} : PartitionNo{static_cast<std::uint32_t>(dice_.below(exist))};
  made.now = clock(made.partition);
  if (!kept_.empty() && dice_.percent(15)) {  // the end of a command's life, to the millisecond
    const Kept& kept = kept_[kept_.size() - 1 - dice_.below(std::min<std::size_t>(kept_.size(), 40))];
    made = {.partition = kept.partition, .now = Instant{kept.time.ms + kDayMs - dice_.between(0, 1)}};
  }
  return made;
}

Proposal Generator::next(const Occasion& occasion) {
  Proposal proposal;
  const PartitionNo at = occasion.partition;
  const bool creates = at.value == state_.partitions();
  proposal.partition = at;
  if (dice_.percent(35)) {
    proposal.command = Command{.hash = {.hi = dice_.next(), .lo = dice_.next() | 1U}, .fingerprint = dice_.next()};
    for (int tries = 0; tries < 8 && !kept_.empty() && dice_.percent(60); ++tries) {
      const Kept& kept = kept_[kept_.size() - 1 - dice_.below(std::min<std::size_t>(kept_.size(), 40))];
      if (kept.partition != at) continue;
      proposal.command->hash = kept.hash;
      break;
    }
  }
  proposal.revision = creates ? Revision{} : state_.header(at).revision;
  if (dice_.percent(4)) ++proposal.revision.value;
  proposal.window = window(creates ? occasion.now : std::max(occasion.now, state_.header(at).time));
  for (std::uint64_t i = dice_.below(5); i > 0; --i) proposal.guards.push_back(guard(at));
  for (std::uint64_t i = dice_.percent(30) ? dice_.below(4) : 0; i > 0; --i) proposal.takes.push_back({counter(at)});
  for (std::uint64_t i = dice_.below(5); i > 0; --i) proposal.looks.push_back(look(at));
  // The same counter twice, taken and bumped, is what an interpreter that reads early gets wrong.
  if (!proposal.takes.empty() && dice_.percent(30)) proposal.takes.push_back(proposal.takes.front());
  const bool draws = !proposal.takes.empty() && !creates && dice_.percent(50);
  if (draws) proposal.events.push_back(draw());
  const std::uint64_t events = (draws ? 0 : 1) + (dice_.percent(25) ? dice_.below(3) : 0);
  for (std::uint64_t i = 0; i < events; ++i) proposal.events.push_back(event(at, creates && i == 0));
  for (const Event& made : proposal.events) {
    for (const Change& change : changes(at, made)) {
      if (const auto* bump = std::get_if<Bump>(&change)) counters_.insert(bump->counter);
      if (const auto* taken = std::get_if<BumpByTaken>(&change)) counters_.insert(taken->counter);
    }
  }
  return proposal;
}

void Generator::accepted(const Proposal& proposal, Instant time) {
  if (!proposal.command) return;
  kept_.push_back({.partition = proposal.partition, .hash = proposal.command->hash, .time = time});
}

Instant Generator::clock(PartitionNo partition) {
  switch (dice_.below(20)) {
    case 0:
      now_.ms += dice_.between(-3'600'000, 3'600'000);
      break;
    case 1:
      if (dice_.percent(20)) now_.ms += dice_.between(0, 3) * kDayMs;
      break;
    case 2:  // to the edge of a day
      now_.ms = (now_.ms / kDayMs + 1) * kDayMs - dice_.between(0, 1);
      break;
    default:
      now_.ms += dice_.between(0, 1'000);
  }
  // A clock that lags behind what the partition has decided, or that agrees with it to the millisecond.
  if (partition.value < state_.partitions() && dice_.percent(10)) {
    return Instant{state_.header(partition).time.ms - dice_.between(-1, 1)};
  }
  return now_;
}

CounterKey Generator::counter(PartitionNo partition) {
  CounterKey key{.partition = partition,
                 .kind = static_cast<std::uint8_t>(dice_.below(6)),
                 .index = static_cast<std::int32_t>(dice_.percent(70) ? dice_.between(0, 3) : dice_.between(6, 9)),
                 .user = {}};
  if (dice_.percent(30)) key.user = dice_.pick(users());
  counters_.insert(key);
  return key;
}

SetKey Generator::set(PartitionNo partition) {
  const auto kind = static_cast<std::uint8_t>(dice_.percent(85) ? kDenseSet : dice_.between(1, kMaxBitSet));
  return {.partition = partition, .kind = kind, .user = dice_.pick(users())};
}

std::uint32_t Generator::member() {
  static const std::vector<std::uint32_t> edges{0,  1,  2,  31, 32, 46,  47,  48,  49,
                                                52, 53, 95, 96, 97, 719, 720, 766, kMaxDenseMember};
  return dice_.percent(80) ? dice_.pick(edges) : static_cast<std::uint32_t>(dice_.below(kMaxDenseMember + 1));
}

Guard Generator::guard(PartitionNo partition) {
  const bool dense = dice_.percent(40);
  if (dense) {
    const SetKey wanted = set(partition);
    if (dice_.percent(50)) {
      std::uint32_t m = member();
      // Mostly absent ones, else hardly anything would ever be accepted.
      for (int tries = 0; tries < 3 && state_.look(MemberOf{.set = wanted, .member = m}) == 1; ++tries) m = member();
      return Absent{.set = wanted, .member = m};
    }
    return Fewer{.set = wanted, .than = state_.look(SizeOf{wanted}) + dice_.between(0, 6) / 2};
  }
  const CounterKey key = counter(partition);
  const std::int64_t value = state_.look(key);
  const std::int64_t off = dice_.percent(85) ? 0 : dice_.between(-1, 1);
  switch (dice_.below(3)) {
    case 0:
      return Below{.counter = key, .limit = value + 1 + off};
    case 1:
      return AtLeast{.counter = key, .amount = value + off};
    default:
      return Equals{.counter = key, .value = value + off};
  }
}

Look Generator::look(PartitionNo partition) {
  switch (dice_.below(3)) {
    case 0:
      return counter(partition);
    case 1:
      return MemberOf{.set = set(partition), .member = member()};
    default:
      return SizeOf{set(partition)};
  }
}

Event Generator::event(PartitionNo partition, bool creates) {
  if (creates || dice_.percent(3))
    return DefinitionChanged{.id = "p" + std::to_string(partition.value), .definition = bytes(), .audit = {}};
  if (partition == kSystemPartition && dice_.percent(70)) {
    switch (dice_.below(3)) {
      case 0:
        return PausedAll{.paused = dice_.percent(50), .audit = {}};
      case 1:
        return UserBlocked{.user = dice_.pick(users()), .blocked = dice_.percent(50), .audit = {}};
      default:
        return KeyChanged{.key_id = "k", .keys = bytes(), .audit = {}};
    }
  }
  if (dice_.percent(5)) return Audited{.audit = {}, .subject = "nothing changes"};
  static const std::vector<Amount> amounts{0, 1, 500, -500, 1'000'000'000'000, -1'000'000'000'000};
  const std::uint32_t day = member();
  return Participated{.user = dice_.pick(users()),
                      .day = LocalDay{static_cast<std::int32_t>(20'000 + day)},
                      .day_index = day,
                      .amount = dice_.pick(amounts),
                      .test = false};
}

/// Events whose changes add up counters of a user, below zero too, and one that names a take.
Event Generator::draw() {
  const UserRef user = dice_.pick(users());
  switch (dice_.below(4)) {
    case 0:
      return InviteOpened{.invited = user,
                          .inviter = dice_.pick(users()),
                          .friend_tickets = dice_.between(0, 2),
                          .inviter_tickets = dice_.between(0, 2),
                          .day_index = static_cast<std::uint32_t>(dice_.below(3)),
                          .inviter_limited = dice_.percent(30)};
    case 1:
      return TicketsAdjusted{.user = user, .tickets = dice_.between(-5, 5), .audit = {}};
    default:
      return Drew{.user = user,
                  .segment = static_cast<std::uint32_t>(dice_.below(600)),
                  .number = static_cast<std::uint32_t>(dice_.below(3))};
  }
}

Window Generator::window(Instant time) {
  if (dice_.percent(20)) return {};
  Window window{.from = Instant{time.ms - dice_.between(0, 5)}, .until = Instant{time.ms + dice_.between(1, 5)}};
  if (dice_.percent(8)) window.until = time;                 // just over
  if (dice_.percent(8)) window.from = Instant{time.ms + 1};  // not yet
  if (dice_.percent(10)) window.from = kBeginningOfTime;
  if (dice_.percent(10)) window.until = kEndOfTime;
  return window;
}

std::string Generator::bytes() {
  std::string out;
  for (std::uint64_t i = dice_.below(24); i > 0; --i) out.push_back(static_cast<char>(dice_.below(256)));
  return out;
}

std::string describe(const Verdict& verdict) {
  struct Describe {
    std::string operator()(const Accepted& v) const {
      return "accepted " + std::to_string(v.assignment.epoch.value) + " " +
             std::to_string(v.assignment.sequence.value) + " " + std::to_string(v.assignment.time.ms) + " " +
             list(v.assignment.taken) + " " + list(v.looks) + " ";
    }
    std::string operator()(const Refused& v) const {
      return "refused " + std::to_string(v.guard) + " " + std::to_string(v.time.ms) + " " + list(v.looks) + " ";
    }
    std::string operator()(const Stale& v) const {
      return "stale " + std::to_string(v.now.ms) + " " + std::to_string(v.revision.value) + " ";
    }
    std::string operator()(const Repeated& v) const {
      return "repeated " + hex(v.record.fingerprint) + " " + std::to_string(v.record.sequence.value) + " " +
             std::to_string(v.record.time.ms) + " " + std::to_string(v.record.shown[0]) + "," +
             std::to_string(v.record.shown[1]) + " ";
    }
  };
  return std::visit(Describe{}, verdict);
}

}  // namespace windfall::model
