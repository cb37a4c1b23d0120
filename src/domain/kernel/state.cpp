#include "domain/kernel/state.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace windfall {

namespace {

constexpr std::uint32_t kInlineMembers = 48;
constexpr std::uint32_t kMembersPerWord = 48;
constexpr std::uint64_t kMemberMask = (std::uint64_t{1} << kInlineMembers) - 1;
/// The own bit of kind 0, which is the dense set itself, says that the set has members from kInlineMembers on: whoever
/// asks for its size need not look for words that are not there.
constexpr std::uint64_t kHasMore = std::uint64_t{1} << kInlineMembers;
/// Segments of dropped commands that one commit gives back; at a million commands one has 17 KB. Freeing all of them at
/// once takes milliseconds, in the first commit after midnight. No more than one, since what the allocator makes of
/// neighbours that have become free (some 10 MB go back to the system at a time) adds up.
constexpr std::size_t kFreedPerCommit = 1;

/// splitmix64's finalizer: spreads the bits of a small integer.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// Key of one more group of a user's words. References are keyed hashes, so two users meet here as rarely as their
/// references do.
UserRef derived(UserRef user, std::uint64_t tag) { return {.hi = user.hi, .lo = user.lo ^ mix(tag)}; }

UserRef as_key(CommandHash hash) { return {.hi = hash.hi, .lo = hash.lo | 1U}; }

std::uint64_t mix_text(std::uint64_t seed, std::string_view text) {
  for (const char c : text) seed = mix(seed ^ static_cast<unsigned char>(c));
  return mix(seed ^ text.size());
}

}  // namespace

State::State() { make_partition(); }

UserRef State::group_of(UserRef user, std::uint32_t word) { return derived(user, word / kLanes); }
UserRef State::group_of(const CounterKey& key) {
  const std::uint32_t group = static_cast<std::uint32_t>(key.index) / kLanes;
  return derived(key.user, (std::uint64_t{1} << 63U) | (std::uint64_t{key.kind} << 32U) | group);
}
std::size_t State::lane_of(const CounterKey& key) { return static_cast<std::uint32_t>(key.index) % kLanes; }

void State::make_partition() { partitions_.emplace_back(); }

Verdict State::commit(const Proposal& proposal, Instant now) {
  const bool creates = proposal.partition.value == partitions_.size();
  assert(creates || proposal.partition.value < partitions_.size());
  assert(!proposal.events.empty());
  assert(!creates || std::holds_alternative<DefinitionChanged>(proposal.events.front()));

  // Every check stands before the first write.
  const Revision in_force = creates ? Revision{} : header(proposal.partition).revision;
  const Instant time = creates ? now : time_at(proposal.partition, now);
  if (!creates && proposal.command) {
    if (const auto record = accepted(proposal.partition, proposal.command->hash, time)) return Repeated{*record};
  }
  if (in_force != proposal.revision || !proposal.window.holds(time)) return Stale{.now = time, .revision = in_force};
  for (std::uint32_t i = 0; i < proposal.guards.size(); ++i) {
    if (holds(proposal.guards[i])) continue;
    Refused refused{.guard = i, .time = time, .looks = {}};
    for (const Look& wanted : proposal.looks) refused.looks.push_back(look(wanted));
    return refused;
  }

  if (creates) {
    make_partition();
    undo_.emplace_back(PartitionMade{});
  }
  PartitionHeader& header = at(proposal.partition).header;
  if (!creates) {
    undo_.emplace_back(HeaderTick{
        .partition = proposal.partition, .sequence = header.sequence, .time = header.time, .decided = header.decided});
  }
  header.time = time;
  Accepted result{
      .assignment = {.epoch = header.epoch, .sequence = {header.sequence.value + 1}, .time = time, .taken = {}},
      .looks = {}};
  for (const Take& take : proposal.takes) {
    std::int64_t& value = counter_at(take.counter);
    undo_.emplace_back(CounterWas{.key = take.counter, .value = value});
    result.assignment.taken.push_back(value++);
  }
  for (const Event& event : proposal.events) {
    ++header.sequence.value;
    header.decided = header.decided || !std::holds_alternative<DefinitionChanged>(event);
    for (const Change& change : changes(proposal.partition, event)) {
      apply(change, time, result.assignment.taken, true);
    }
  }
  if (proposal.command) {
    const Recalled recalled = recall(proposal.partition, proposal.events.front(), result.assignment.taken);
    remember(proposal.partition, *proposal.command, result.assignment.sequence, time, recalled, true);
  }
  for (const Look& wanted : proposal.looks) result.looks.push_back(look(wanted));
  free_dropped();
  return result;
}

Instant State::time_at(PartitionNo partition, Instant now) const {
  const PartitionHeader& header = at(partition).header;
  // What stands in the system partition (ends of effects, deeds of operators) is about promotions of other times.
  const bool holds = definitions_hold_time_ || (header.decided && partition != kSystemPartition);
  return holds ? std::max(now, header.time) : now;
}

void State::apply(const Recorded& recorded) {
  if (recorded.partition.value == partitions_.size()) make_partition();
  PartitionHeader& header = at(recorded.partition).header;
  assert(recorded.sequence.value == header.sequence.value + 1);
  header.epoch = recorded.epoch;
  header.sequence = recorded.sequence;
  const bool holds = header.decided && recorded.partition != kSystemPartition;
  header.time = holds ? std::max(header.time, recorded.time) : recorded.time;
  header.decided = header.decided || !std::holds_alternative<DefinitionChanged>(recorded.event);
  if (const auto counter = taken_from(recorded.partition, recorded.event)) {
    counter_at(*counter) = recorded.taken[0] + 1;
  }
  for (const Change& change : changes(recorded.partition, recorded.event)) {
    apply(change, recorded.time, recorded.taken, false);
  }
  if (recorded.command) {
    const Recalled recalled = recall(recorded.partition, recorded.event, recorded.taken);
    remember(recorded.partition, *recorded.command, recorded.sequence, recorded.time, recalled, false);
  }
}

void State::bump(const CounterKey& counter, std::int64_t by, bool undoable) {
  std::int64_t& value = counter_at(counter);
  if (undoable) undo_.emplace_back(CounterWas{.key = counter, .value = value});
  add_saturating(value, by);
}

void State::apply(const Change& change, Instant time, const std::vector<std::int64_t>& taken, bool undoable) {
  if (const auto* plain = std::get_if<Bump>(&change)) {
    bump(plain->counter, plain->by, undoable);
  } else if (const auto* by_taken = std::get_if<BumpByTaken>(&change)) {
    bump(by_taken->counter, by_taken->by + taken[by_taken->take], undoable);
  } else if (const auto* add = std::get_if<Add>(&change)) {
    const bool dense = add->set.kind == kDenseSet;
    if (dense && add->member >= kInlineMembers) include(add->set, 0, kHasMore, undoable);
    const std::uint32_t bit = dense ? add->member % kMembersPerWord : kInlineMembers + add->set.kind;
    include(add->set, add->member, std::uint64_t{1} << bit, undoable);
  } else if (const auto* define = std::get_if<Define>(&change)) {
    PartitionHeader& header = at(define->partition).header;
    if (undoable) {
      // The commit has already moved sequence and time; its HeaderTick, undone after this entry, sets them back.
      undo_.emplace_back(std::make_unique<HeaderWas>(HeaderWas{.partition = define->partition, .header = header}));
    }
    if (header.revision == Revision{}) {
      header.name = define->name;
      header.created = time;
    }
    header.definition = define->definition;
    header.modified = time;
    ++header.revision.value;
  }
}

void State::include(const SetKey& set, std::uint32_t member, std::uint64_t bits, bool undoable) {
  std::uint64_t& word = word_at(set, member);
  if (undoable) undo_.emplace_back(SetWordWas{.set = set, .member = member, .word = word});
  word |= bits;
}

State::Recalled State::recall(PartitionNo partition, const Event& first, const std::vector<std::int64_t>& taken) const {
  Recalled values{};
  const std::array<Shown, 2> wanted = shown(partition, first, taken);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto* key = std::get_if<CounterKey>(&wanted[i]);
    values[i] = key != nullptr ? counter(*key) : std::get<std::int64_t>(wanted[i]);
  }
  return values;
}

void State::remember(PartitionNo partition, const Command& command, Sequence sequence, Instant time,
                     const Recalled& shown, bool undoable) {
  Partition& p = at(partition);
  const std::int64_t day = utc_day(time);
  const std::size_t index = static_cast<std::uint64_t>(day) & 1U;
  CommandBucket& bucket = p.buckets[index];
  // Two buckets, by parity of the UTC day: what is dropped here is at least a day old. Before a clock that was set back
  // nothing is: commands of its earlier days join the later ones.
  if (bucket.day < day) {
    CommandBucket old = std::exchange(bucket, CommandBucket{.day = day, .commands = {}});
    if (undoable) {
      undo_.emplace_back(
          std::make_unique<BucketWas>(BucketWas{.partition = partition, .index = index, .bucket = std::move(old)}));
    }
  }
  bucket.commands.at(as_key(command.hash)) = {
      .fingerprint = command.fingerprint, .sequence = sequence, .time = time, .shown = shown};
  if (undoable) undo_.emplace_back(CommandWas{.partition = partition, .bucket = index, .hash = command.hash});
}

std::optional<CommandRecord> State::accepted(PartitionNo partition, CommandHash hash, Instant now) const {
  for (const CommandBucket& bucket : at(partition).buckets) {
    const CommandKept* kept = bucket.commands.find(as_key(hash));
    if (kept == nullptr || kept->sequence == Sequence{} || now.ms - kept->time.ms >= kCommandLifeMs) continue;
    return CommandRecord{.hash = hash,
                         .fingerprint = kept->fingerprint,
                         .sequence = kept->sequence,
                         .time = kept->time,
                         .shown = kept->shown};
  }
  return std::nullopt;
}

bool State::holds(const Guard& guard) const {
  struct Check {
    const State& state;
    bool operator()(const Below& g) const { return state.counter(g.counter) < g.limit; }
    bool operator()(const AtLeast& g) const { return state.counter(g.counter) >= g.amount; }
    bool operator()(const Equals& g) const { return state.counter(g.counter) == g.value; }
    bool operator()(const Absent& g) const { return !state.contains(g.set, g.member); }
    bool operator()(const Fewer& g) const { return state.size(g.set) < g.than; }
  };
  return std::visit(Check{*this}, guard);
}

std::int64_t State::look(const Look& wanted) const {
  struct Read {
    const State& state;
    std::int64_t operator()(const CounterKey& key) const { return state.counter(key); }
    std::int64_t operator()(const MemberOf& m) const { return state.contains(m.set, m.member) ? 1 : 0; }
    std::int64_t operator()(const SizeOf& s) const { return state.size(s.set); }
  };
  return std::visit(Read{*this}, wanted);
}

std::int64_t State::counter(const CounterKey& key) const {
  if (key.partition.value >= partitions_.size()) return 0;
  const Partition& p = at(key.partition);
  if (key.user != UserRef{}) {
    const Lanes* group = p.more.find(group_of(key));
    return group == nullptr ? 0 : static_cast<std::int64_t>((*group)[lane_of(key)]);
  }
  if (key.kind >= p.counters.size()) return 0;
  const auto& values = p.counters[key.kind];
  const auto index = static_cast<std::size_t>(key.index);
  return index < values.size() ? values[index] : 0;
}

std::int64_t& State::counter_at(const CounterKey& key) {
  Partition& p = at(key.partition);
  if (key.user != UserRef{}) {
    // Stored as two's complement in the same words as dense members.
    return reinterpret_cast<std::int64_t&>(p.more.at(group_of(key))[lane_of(key)]);
  }
  assert(key.index >= 0);
  if (key.kind >= p.counters.size()) p.counters.resize(std::size_t{key.kind} + 1);
  auto& values = p.counters[key.kind];
  const auto index = static_cast<std::size_t>(key.index);
  if (index >= values.size()) values.resize(index + 1);
  return values[index];
}

std::uint64_t State::word(const SetKey& set, std::uint32_t member) const {
  if (set.partition.value >= partitions_.size()) return 0;
  const Partition& p = at(set.partition);
  if (set.kind != kDenseSet || member < kInlineMembers) {
    const std::uint64_t* found = p.users.find(set.user);
    return found == nullptr ? 0 : *found;
  }
  const std::uint32_t number = member / kMembersPerWord;
  const Lanes* group = p.more.find(group_of(set.user, number));
  return group == nullptr ? 0 : (*group)[number % kLanes];
}

std::uint64_t& State::word_at(const SetKey& set, std::uint32_t member) {
  assert(set.kind <= kMaxBitSet && member <= kMaxDenseMember);
  Partition& p = at(set.partition);
  if (set.kind != kDenseSet || member < kInlineMembers) return p.users.at(set.user);
  const std::uint32_t number = member / kMembersPerWord;
  return p.more.at(group_of(set.user, number))[number % kLanes];
}

bool State::contains(const SetKey& set, std::uint32_t member) const {
  const std::uint32_t bit = set.kind == kDenseSet ? member % kMembersPerWord : kInlineMembers + set.kind;
  return ((word(set, member) >> bit) & 1U) != 0;
}

std::int64_t State::size(const SetKey& set) const {
  if (set.kind != kDenseSet) return contains(set, 0) ? 1 : 0;
  const std::uint64_t first = word(set, 0);
  std::int64_t members = std::popcount(first & kMemberMask);
  if ((first & kHasMore) == 0) return members;
  for (std::uint32_t m = kMembersPerWord; m <= kMaxDenseMember; m += kMembersPerWord) {
    members += std::popcount(word(set, m) & kMemberMask);
  }
  return members;
}

bool State::unknown(PartitionNo partition, UserRef user) const {
  return word({.partition = partition, .kind = kDenseSet, .user = user}, 0) == 0;
}

template <class Visit>
void State::visit_sought(const Expected& expected, Visit visit) const {
  if (expected.partition.value >= partitions_.size()) return;
  const Partition& p = at(expected.partition);
  if (expected.user != UserRef{}) visit(p.users, Sought::In::users, expected.user);
  for (const CounterKey& key : expected.counters) visit(p.more, Sought::In::more, group_of(key));
  if (!expected.command) return;
  const UserRef key = as_key(expected.command->hash);
  visit(p.buckets[0].commands, Sought::In::even_commands, key);
  visit(p.buckets[1].commands, Sought::In::odd_commands, key);
}

void State::expect(const Expected& expected) const {
  visit_sought(expected, [](const auto& table, Sought::In, UserRef key) { table.place(key).fetch(); });
}

void State::expect(const Expected& expected, std::vector<Sought>& sought) const {
  visit_sought(expected, [&](const auto& table, Sought::In in, UserRef key) {
    table.approach(key);
    sought.push_back({.in = in, .partition = expected.partition, .key = key});
  });
}

void State::fetch(std::span<const Sought> sought) const {
  for (const Sought& one : sought) {
    if (one.partition.value >= partitions_.size()) continue;  // taken back meanwhile
    const Partition& p = at(one.partition);
    switch (one.in) {
      case Sought::In::users:
        p.users.place(one.key).fetch();
        break;
      case Sought::In::more:
        p.more.place(one.key).fetch();
        break;
      case Sought::In::even_commands:
      case Sought::In::odd_commands:
        p.buckets[one.in == Sought::In::odd_commands ? 1 : 0].commands.place(one.key).fetch();
        break;
    }
  }
}

void State::undo_to(std::size_t mark) {
  assert(mark >= undo_forgotten_);
  while (undo_mark() > mark) {
    undo(undo_.back());
    undo_.pop_back();
  }
}

void State::forget_undo_before(std::size_t mark) {
  assert(mark >= undo_forgotten_ && mark <= undo_mark());
  const auto first = undo_.begin() + static_cast<std::ptrdiff_t>(undo_begin_);
  const auto end = first + static_cast<std::ptrdiff_t>(mark - undo_forgotten_);
  for (auto entry = first; entry != end; ++entry) {
    if (const auto* was = std::get_if<std::unique_ptr<BucketWas>>(&*entry)) {
      dropped_.push_back(std::move((*was)->bucket.commands));
    }
  }
  undo_begin_ += mark - undo_forgotten_;
  undo_forgotten_ = mark;
  // Removing moves all that stays, so it waits until that is no more than what goes.
  if (undo_begin_ * 2 < undo_.size()) return;
  undo_.erase(undo_.begin(), undo_.begin() + static_cast<std::ptrdiff_t>(undo_begin_));
  undo_begin_ = 0;
}

void State::free_dropped() {
  if (!dropped_.empty() && dropped_.back().free_segments(kFreedPerCommit)) dropped_.pop_back();
}

std::size_t State::dropped_bytes() const {
  std::size_t total = 0;
  for (const Commands& table : dropped_) total += table.bytes();
  return total;
}

void State::undo(const Undo& entry) {
  struct TakeBack {
    State& state;
    void operator()(const CounterWas& e) const { state.counter_at(e.key) = e.value; }
    void operator()(const SetWordWas& e) const { state.word_at(e.set, e.member) = e.word; }
    void operator()(const HeaderTick& e) const {
      state.at(e.partition).header.sequence = e.sequence;
      state.at(e.partition).header.time = e.time;
      state.at(e.partition).header.decided = e.decided;
    }
    void operator()(const std::unique_ptr<HeaderWas>& e) const { state.at(e->partition).header = e->header; }
    void operator()(const CommandWas& e) const {
      state.at(e.partition).buckets[e.bucket].commands.at(as_key(e.hash)) = CommandKept{};
    }
    void operator()(const std::unique_ptr<BucketWas>& e) const {
      state.at(e->partition).buckets[e->index] = std::move(e->bucket);
    }
    void operator()(const PartitionMade&) const { state.partitions_.pop_back(); }
  };
  std::visit(TakeBack{*this}, entry);
}

std::uint64_t State::digest() const {
  std::uint64_t sum = partitions_.size();
  for (std::uint32_t p = 0; p < partitions_.size(); ++p) sum = mix(sum ^ digest(PartitionNo{p}));
  return sum;
}

std::uint64_t State::digest(PartitionNo partition) const {
  const Partition& p = at(partition);
  std::uint64_t sum = mix_text(1, p.header.name);
  sum = mix_text(sum, p.header.definition);
  for (const std::uint64_t part :
       {std::uint64_t{p.header.epoch.value}, p.header.sequence.value, std::uint64_t{p.header.revision.value},
        static_cast<std::uint64_t>(p.header.time.ms), static_cast<std::uint64_t>(p.header.created.ms),
        static_cast<std::uint64_t>(p.header.modified.ms)}) {
    sum = mix(sum ^ part);
  }
  // Sums of well-mixed terms do not depend on the order of tables; zeros stand for what was never set.
  for (std::size_t kind = 0; kind < p.counters.size(); ++kind) {
    for (std::size_t index = 0; index < p.counters[kind].size(); ++index) {
      const auto value = static_cast<std::uint64_t>(p.counters[kind][index]);
      if (value != 0) sum += mix(mix((kind << 32U) + index + 1) ^ value);
    }
  }
  const auto add = [&sum](UserRef key, std::uint64_t salt, std::uint64_t value) {
    if (value != 0) sum += mix(mix(mix(key.hi ^ salt) ^ key.lo) ^ value);
  };
  p.users.for_each([&add](UserRef key, std::uint64_t value) { add(key, 2, value); });
  p.more.for_each([&add](UserRef key, const Lanes& lanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(key, 3 + lane, lanes[lane]);
  });
  for (const CommandBucket& bucket : p.buckets) {
    bucket.commands.for_each([&sum](UserRef key, const CommandKept& kept) {
      if (kept.sequence == Sequence{}) return;
      sum += mix(mix(mix(key.hi) ^ key.lo) ^ mix(kept.fingerprint ^ kept.sequence.value));
    });
  }
  return sum;
}

std::size_t State::user_bytes(PartitionNo partition) const {
  const Partition& p = at(partition);
  return p.users.bytes() + p.more.bytes();
}

}  // namespace windfall
