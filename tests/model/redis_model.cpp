#include "model/redis_model.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "adapters/codec/event_codec.hpp"
#include "adapters/redis/commit_call.hpp"
#include "adapters/redis/commit_reply.hpp"
#include "adapters/redis/epoch_call.hpp"
#include "adapters/redis/outbox_entry.hpp"
#include "adapters/redis/read_call.hpp"
#include "model/closed_set.hpp"

namespace windfall::model {

namespace {

/// Reading everything back costs about as much as a hundred proposals.
constexpr int kCallsBetweenReadings = 60;
constexpr std::uint64_t kMostPerCall = 12;

Revision revision_named_by(const Event& event, Revision in_force) {
  const bool defines = std::holds_alternative<DefinitionChanged>(event) || std::holds_alternative<KeyChanged>(event);
  return defines ? Revision{in_force.value + 1} : in_force;
}

std::string spell(const Recorded& recorded) {
  std::string bytes;
  codec::encode(recorded, bytes);
  std::string out = fmt::format("e{} s{} t{} r{} ", recorded.epoch.value, recorded.sequence.value, recorded.time.ms,
                                recorded.revision.value);
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

/// What the relay will be told of one event.
std::string line_of(const Recorded& recorded, const std::string& id) { return spell(recorded) + " " + id; }

class Run {
 public:
  Run(RedisServer& server, std::uint64_t seed, Met& met)
      : server_(server), met_(met), dice_(seed ^ 0x5eed), generator_(seed, state_) {
    // The system partition exists from the start, at time 0; every other is opened before its first proposal.
    open(kSystemPartition, Instant{0});
    open(PartitionNo{1}, std::nullopt);
  }

  std::string call() {
    const Occasion occasion = generator_.occasion();
    const std::size_t before = state_.partitions();
    const std::uint64_t count = 1 + (dice_.percent(25) ? 0 : dice_.below(kMostPerCall));
    std::vector<Proposal> proposals;
    std::vector<Verdict> verdicts;
    std::vector<redis::Submission> submissions;
    std::set<CommandHash> accepted_here;
    for (std::uint64_t i = 0; i < count; ++i) {
      Proposal proposal = generator_.next(occasion);
      Verdict verdict = state_.commit(proposal, occasion.now);
      state_.forget_undo();
      tally(proposal, verdict, accepted_here);
      const std::string id = fmt::format("user-{}", dice_.below(100));
      const Identity identity{.user = dice_.percent(50) ? Generator::users()[0] : UserRef{}, .id = id};
      if (const auto* accepted = std::get_if<Accepted>(&verdict)) {
        generator_.accepted(proposal, accepted->assignment.time);
        expect(proposal, *accepted, identity);
      }
      Result<redis::Submission> submission = redis::prepare(proposal, redis::outbox_payload(proposal, identity));
      if (!submission) return "prepare: " + submission.error().message;
      submissions.push_back(std::move(*submission));
      proposals.push_back(std::move(proposal));
      verdicts.push_back(std::move(verdict));
    }
    std::string difference = compare(occasion, submissions, verdicts);
    if (difference.empty()) difference = touched(occasion.partition, proposals);
    if (difference.empty()) difference = commands(occasion, proposals);
    if (state_.partitions() != before) open(PartitionNo{static_cast<std::uint32_t>(state_.partitions())}, std::nullopt);
    return difference;
  }

  std::string read_back() {
    for (std::uint32_t p = 0; p < state_.partitions(); ++p) {
      for (const std::string& difference : {definition(PartitionNo{p}), tables_of_days(PartitionNo{p}),
                                            everything(PartitionNo{p}), outbox(PartitionNo{p})}) {
        if (!difference.empty()) return fmt::format("partition {}, {}", p, difference);
      }
    }
    return {};
  }

 private:
  /// Few buckets, so that users share one.
  static redis::Place place(PartitionNo partition) {
    const std::string id = partition == kSystemPartition ? std::string() : fmt::format("p{}", partition.value);
    return {.prefix = redis::key_prefix(id), .epoch = Epoch{1}, .buckets = 3};
  }
  void open(PartitionNo partition, std::optional<Instant> time) {
    server_.call(redis::open_call(place(partition), place(partition).header(), time));
  }

  void tally(const Proposal& proposal, const Verdict& verdict, std::set<CommandHash>& accepted_here) {
    met_.accepted += std::holds_alternative<Accepted>(verdict) ? 1 : 0;
    met_.refused += std::holds_alternative<Refused>(verdict) ? 1 : 0;
    met_.stale += std::holds_alternative<Stale>(verdict) ? 1 : 0;
    met_.repeated += std::holds_alternative<Repeated>(verdict) ? 1 : 0;
    if (!proposal.command) return;
    if (std::holds_alternative<Accepted>(verdict)) accepted_here.insert(proposal.command->hash);
    if (std::holds_alternative<Repeated>(verdict)) met_.repeated_in_call += accepted_here.count(proposal.command->hash);
  }

  void expect(const Proposal& proposal, const Accepted& accepted, const Identity& identity) {
    const Assignment& made = accepted.assignment;
    for (std::size_t i = 0; i < proposal.events.size(); ++i) {
      const Event& event = proposal.events[i];
      const Recorded recorded{.partition = proposal.partition,
                              .epoch = made.epoch,
                              .sequence = {made.sequence.value + i},
                              .time = made.time,
                              .revision = revision_named_by(event, proposal.revision),
                              .command = i == 0 ? proposal.command : std::nullopt,
                              .event = event,
                              .taken = keeps_taken(event) ? made.taken : std::vector<std::int64_t>{}};
      const bool named = i == 0 && identity.user != UserRef{};
      expected_[proposal.partition.value].push_back(
          line_of(recorded, named ? std::string(identity.id) : std::string()));
    }
  }

  std::string compare(const Occasion& occasion, const std::vector<redis::Submission>& submissions,
                      const std::vector<Verdict>& verdicts) {
    std::vector<const redis::Submission*> list;
    for (const redis::Submission& submission : submissions) list.push_back(&submission);
    const redis::CommitTerms terms{.seen = seen_[occasion.partition.value], .now = occasion.now};
    const auto reply =
        redis::read_commit_reply(server_.call(redis::commit_call(place(occasion.partition), list, terms)), list);
    if (!reply) return "reply: " + reply.error().message;
    if (reply->outcome != redis::CommitReply::Outcome::decided) return "it was not decided";
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      const std::string mine = describe(verdicts[i]);
      const std::string theirs =
          reply->verdicts[i] ? describe(*reply->verdicts[i]) : reply->verdicts[i].error().message;
      if (mine != theirs) return fmt::format("verdict {}: State has {}, Redis has {}", i, mine, theirs);
    }
    if (occasion.partition.value >= state_.partitions()) return {};  // it was to be created, and was not
    const PartitionHeader& header = state_.header(occasion.partition);
    const redis::Header& theirs = *reply->header;
    seen_[occasion.partition.value] = theirs.sequence;
    if (theirs.sequence != header.sequence || theirs.revision != header.revision ||
        theirs.time.value_or(Instant{}) != header.time || theirs.created != header.created ||
        theirs.modified != header.modified) {
      return fmt::format("header: State has s{} r{} t{} c{} m{}, Redis has s{} r{} t{} c{} m{}", header.sequence.value,
                         header.revision.value, header.time.ms, header.created.ms, header.modified.ms,
                         theirs.sequence.value, theirs.revision.value, theirs.time.value_or(Instant{}).ms,
                         theirs.created.ms, theirs.modified.ms);
    }
    return {};
  }

  std::string read(PartitionNo partition, const std::vector<Look>& looks) {
    constexpr std::size_t kAtOnce = 64;
    for (std::size_t i = 0; i < looks.size(); i += kAtOnce) {
      const auto first = looks.begin() + static_cast<std::ptrdiff_t>(i);
      const auto last = looks.begin() + static_cast<std::ptrdiff_t>(std::min(i + kAtOnce, looks.size()));
      if (std::string difference = read_some(partition, {first, last}); !difference.empty()) return difference;
    }
    return {};
  }
  std::string read_some(PartitionNo partition, const std::vector<Look>& looks) {
    const auto call = redis::LookCall::make(place(partition), partition, looks);
    if (!call) return "looks: " + call.error().message;
    const auto values = call->read(server_.call_all(call->commands()));
    if (!values) return "looks: " + values.error().message;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      if (values->values[i] == state_.look(looks[i])) continue;
      std::string what = "a set";
      if (const auto* counter = std::get_if<CounterKey>(&looks[i])) {
        what = fmt::format("counter {}.{} of user {:x}", counter->kind, counter->index, counter->user.hi);
      }
      if (const auto* member = std::get_if<MemberOf>(&looks[i])) what = fmt::format("member {}", member->member);
      return fmt::format("{}: State has {}, Redis has {}", what, state_.look(looks[i]), values->values[i]);
    }
    return {};
  }

  /// Whatever the call's proposals name.
  std::string touched(PartitionNo partition, const std::vector<Proposal>& proposals) {
    std::vector<Look> looks;
    for (const Proposal& proposal : proposals) {
      for (const Take& take : proposal.takes) looks.emplace_back(take.counter);
      for (const Look& look : proposal.looks) looks.push_back(look);
      for (const Event& event : proposal.events) {
        for (const Change& change : changes(partition, event)) {
          if (const auto* bump = std::get_if<Bump>(&change)) looks.emplace_back(bump->counter);
          if (const auto* by_taken = std::get_if<BumpByTaken>(&change)) looks.emplace_back(by_taken->counter);
          if (const auto* add = std::get_if<Add>(&change)) {
            looks.emplace_back(MemberOf{.set = add->set, .member = add->member});
            looks.emplace_back(SizeOf{add->set});
          }
        }
      }
    }
    return read(partition, looks);
  }

  std::string commands(const Occasion& occasion, const std::vector<Proposal>& proposals) {
    if (occasion.partition.value >= state_.partitions()) return {};
    const Instant time = state_.time_at(occasion.partition, occasion.now);
    for (const Proposal& proposal : proposals) {
      if (!proposal.command) continue;
      const CommandHash hash = proposal.command->hash;
      const redis::Place at = place(occasion.partition);
      const auto theirs = redis::read_accepted(at, hash, time, server_.call_all(redis::accepted_call(at, hash)));
      if (!theirs) return "command: " + theirs.error().message;
      const auto mine = state_.accepted(occasion.partition, hash, time);
      const std::string here = mine ? describe(Repeated{*mine}) : "nothing";
      const std::string there = *theirs ? describe(Repeated{**theirs}) : "nothing";
      if (here != there) return fmt::format("command: State has {}, Redis has {}", here, there);
    }
    return {};
  }

  std::string definition(PartitionNo partition) {
    const std::string theirs = server_.call(redis::definition_call(place(partition))).text;
    return theirs == state_.header(partition).definition ? std::string() : "the definitions differ";
  }

  /// Commands of two days never stand in one table: the older ones were given back.
  std::string tables_of_days(PartitionNo partition) {
    for (const std::size_t odd : {0U, 1U}) {
      std::set<std::int64_t> days;
      for (const redis::Reply& kept : server_.call({"HVALS", place(partition).commands(odd)}).items) {
        const auto record = redis::read_command_record(CommandHash{}, kept.text);
        if (!record) return record.error().message;
        days.insert(record->time.ms / State::kCommandLifeMs);
      }
      if (days.size() > 1) return fmt::format("table {} of commands holds {} days", odd, days.size());
      if (!days.empty() && *days.begin() % 2 != static_cast<std::int64_t>(odd))
        return "a command is in the other table";
    }
    return {};
  }

  std::string everything(PartitionNo partition) {
    std::vector<Look> looks;
    for (const CounterKey& key : generator_.counters()) {
      if (key.partition == partition) looks.emplace_back(key);
    }
    for (const UserRef user : Generator::users()) {
      for (std::uint8_t kind = kDenseSet; kind <= kMaxBitSet; ++kind) {
        looks.emplace_back(SizeOf{{.partition = partition, .kind = kind, .user = user}});
      }
      // Every word, and in each more of its low members; the sizes tell of the others.
      for (std::uint32_t member = 0; member <= kMaxDenseMember; member += 1 + (member % 48) / 4) {
        looks.emplace_back(
            MemberOf{.set = {.partition = partition, .kind = kDenseSet, .user = user}, .member = member});
      }
    }
    return read(partition, looks);
  }

  /// The entries since the last reading.
  std::string outbox(PartitionNo partition) {
    const std::vector<std::string> expected = std::exchange(expected_[partition.value], {});
    std::string& last = last_read_[partition.value];
    const redis::Reply reply =
        server_.call({"XRANGE", place(partition).outbox(), last.empty() ? "-" : "(" + last, "+"});
    std::vector<std::string> found;
    for (const redis::Reply& raw : reply.items) {
      const auto entry = redis::read_outbox_entry(raw, partition);
      if (!entry) return entry.error().message;
      for (const redis::OutboxEntry::Kept& kept : entry->events) {
        found.push_back(line_of(kept.recorded, kept.identity ? kept.identity->id : std::string()));
      }
      last = entry->id;
    }
    if (found == expected) return {};
    for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
      if (found[i] != expected[i]) return fmt::format("outbox: expected {}, found {}", expected[i], found[i]);
    }
    return fmt::format("outbox has {} events, not {}", found.size(), expected.size());
  }

  RedisServer& server_;
  Met& met_;
  Dice dice_;
  State state_;
  Generator generator_;
  std::map<std::uint32_t, std::vector<std::string>> expected_;  ///< not read back yet
  std::map<std::uint32_t, std::string> last_read_;
  std::map<std::uint32_t, Sequence> seen_;
};

}  // namespace

std::string load(RedisServer& server, const std::string& library) {
  const std::vector<redis::Reply> replies = server.call_all({{"FLUSHALL"}, {"FUNCTION", "LOAD", "REPLACE", library}});
  for (const redis::Reply& reply : replies) {
    if (reply.type == redis::Reply::Type::error) return reply.text;
  }
  return {};
}

std::optional<std::string> run_against_state(RedisServer& server, std::uint64_t seed, int calls, Met& met) {
  Run run(server, seed, met);
  for (int i = 0; i < calls; ++i) {
    std::string difference = run.call();
    if (difference.empty() && ((i + 1) % kCallsBetweenReadings == 0 || i + 1 == calls)) difference = run.read_back();
    if (!difference.empty()) return fmt::format("seed {}, call {}: {}", seed, i, difference);
  }
  return std::nullopt;
}

}  // namespace windfall::model
