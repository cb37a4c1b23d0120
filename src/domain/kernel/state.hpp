// The hot state in memory and the first interpreter of proposals. One writer; no clock, no file, no lock. The embedded
// mode runs this very class; replay folds the log through it; the model tests compare every other interpreter with it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/kernel/changes.hpp"
#include "domain/kernel/proposal.hpp"
#include "domain/kernel/slot_table.hpp"

namespace windfall {

/// What every partition knows of itself.
struct PartitionHeader {
  std::string name;        ///< the promotion's id; empty for the system partition
  std::string definition;  ///< opaque
  Epoch epoch;
  Sequence sequence;     ///< of the last event, 0 before the first
  Revision revision;     ///< 0 before the first definition
  Instant time;          ///< of the last event; never decreases once a promotion has decided
  bool decided = false;  ///< an event other than a definition has happened
  Instant created;       ///< time of the first definition
  Instant modified;      ///< time of the last definition
};

class State {
 public:
  /// An accepted answer is repeated for a day, by the partition's time.
  static constexpr std::int64_t kCommandLifeMs = 86'400'000;

  State();

  /// For time that can be set: a partition that was only defined so far follows it backwards too, and the system
  /// partition always does. A promotion that has decided never does.
  void let_definitions_move_back() { definitions_hold_time_ = false; }

  /// The time at which a proposal to the partition is decided at `now`.
  [[nodiscard]] Instant time_at(PartitionNo partition, Instant now) const;

  /// Decides a proposal at `now` and, if accepted, applies it. The system partition is 0; partition() == partitions()
  /// creates the next one, and its first event must then be a DefinitionChanged. Inverses go to the undo log until they
  /// are forgotten.
  Verdict commit(const Proposal& proposal, Instant now);

  /// Applies a recorded event without asking: replay. The log is right by definition; a gap in its sequence is a bug of
  /// the caller.
  void apply(const Recorded& recorded);

  /// Reads what an answer shows.
  [[nodiscard]] std::int64_t look(const Look& look) const;

  /// Partitions that exist, the system partition included; valid numbers are 0..partitions()-1.
  [[nodiscard]] std::size_t partitions() const { return partitions_.size(); }
  [[nodiscard]] const PartitionHeader& header(PartitionNo partition) const { return at(partition).header; }

  /// True if no event in force has put this user into a set of the partition: the next one has to carry the identity.
  [[nodiscard]] bool unknown(PartitionNo partition, UserRef user) const;

  /// Says what a commit that follows soon will ask for: what it will look at is fetched meanwhile. Changes nothing.
  void expect(const Expected& expected) const;
  /// Something that a commit will look at.
  struct Sought {
    enum class In : std::uint8_t { users, more, even_commands, odd_commands } in;
    PartitionNo partition;
    UserRef key;
  };
  /// The same for several commits: adds to `sought` what this one will look at, for fetch().
  void expect(const Expected& expected, std::vector<Sought>& sought) const;
  /// Fetches for all of them, one right after the other with nothing in between, so that the processor waits for many
  /// at the same time.
  void fetch(std::span<const Sought> sought) const;

  /// The record of a command accepted less than kCommandLifeMs before `now`.
  [[nodiscard]] std::optional<CommandRecord> accepted(PartitionNo partition, CommandHash hash, Instant now) const;

  /// A mark in the order of commits, for undo_to() and forget_undo_before().
  [[nodiscard]] std::size_t undo_mark() const { return undo_forgotten_ + undo_.size() - undo_begin_; }
  /// Takes back every commit since the mark, newest first: for a batch that could not be stored.
  void undo_to(std::size_t mark);
  /// The commits before the mark are stored; later ones may still be undone.
  void forget_undo_before(std::size_t mark);
  /// The earliest mark that undo_to() accepts.
  [[nodiscard]] std::size_t undo_forgotten() const { return undo_forgotten_; }
  /// All commits so far are stored.
  void forget_undo() { forget_undo_before(undo_mark()); }

  /// Order-independent digest of all decided facts: equal for equal logs, whatever the compiler or the order of
  /// inserts.
  [[nodiscard]] std::uint64_t digest() const;
  [[nodiscard]] std::uint64_t digest(PartitionNo partition) const;

  /// Users that have an entry in the partition.
  [[nodiscard]] std::size_t users(PartitionNo partition) const { return at(partition).users.size(); }
  /// Bytes of commands that are forgotten and not given back yet.
  [[nodiscard]] std::size_t dropped_bytes() const;
  /// Bytes held by user slots of the partition.
  [[nodiscard]] std::size_t user_bytes(PartitionNo partition) const;

 private:
  /// Words of one user that are asked for together lie together: one look into far memory finds four of them.
  static constexpr std::size_t kLanes = 4;
  using Lanes = std::array<std::uint64_t, kLanes>;

  struct CommandKept {
    std::uint64_t fingerprint = 0;
    Sequence sequence;  ///< 0 = absent (undone)
    Instant time;
    std::array<std::int64_t, 2> shown{};
  };
  /// Millions who only join have nothing but a slot in the first: it is as full as may be. The others are for speed.
  using Users = SlotTable<std::uint64_t, 7>;
  using More = SlotTable<Lanes, 6>;
  using Commands = SlotTable<CommandKept, 6>;
  struct CommandBucket {
    std::int64_t day = INT64_MIN;  ///< UTC day of its commands
    Commands commands;
  };
  struct Partition {
    PartitionHeader header;
    std::vector<std::vector<std::int64_t>> counters;  ///< [kind][index]
    Users users;                                      ///< bits 0..47: dense members, 48..63: own bits of kinds 0..15
    More more;                                        ///< dense words from member 48 on, and counters of one user
    CommandBucket buckets[2];
  };
  template <class Visit>
  void visit_sought(const Expected& expected, Visit visit) const;
  struct CounterWas {
    CounterKey key;
    std::int64_t value;
  };
  struct SetWordWas {
    SetKey set;
    std::uint32_t member;
    std::uint64_t word;
  };
  struct HeaderWas {
    PartitionNo partition;
    PartitionHeader header;
  };
  struct HeaderTick {  ///< the common case: only sequence and time have moved
    PartitionNo partition;
    Sequence sequence;
    Instant time;
    bool decided;
  };
  struct CommandWas {
    PartitionNo partition;
    std::size_t bucket;
    CommandHash hash;
  };
  struct BucketWas {  ///< once a day per partition: the commands of two days before were dropped
    PartitionNo partition;
    std::size_t index;
    CommandBucket bucket;
  };
  struct PartitionMade {};
  using Undo = std::variant<CounterWas, SetWordWas, HeaderTick, std::unique_ptr<HeaderWas>, CommandWas,
                            std::unique_ptr<BucketWas>, PartitionMade>;

  [[nodiscard]] const Partition& at(PartitionNo partition) const { return partitions_[partition.value]; }
  Partition& at(PartitionNo partition) { return partitions_[partition.value]; }

  [[nodiscard]] bool holds(const Guard& guard) const;
  [[nodiscard]] std::int64_t counter(const CounterKey& key) const;
  [[nodiscard]] std::uint64_t word(const SetKey& set, std::uint32_t member) const;
  [[nodiscard]] bool contains(const SetKey& set, std::uint32_t member) const;
  [[nodiscard]] std::int64_t size(const SetKey& set) const;
  std::int64_t& counter_at(const CounterKey& key);
  std::uint64_t& word_at(const SetKey& set, std::uint32_t member);

  static UserRef group_of(UserRef user, std::uint32_t word);
  static UserRef group_of(const CounterKey& key);
  static std::size_t lane_of(const CounterKey& key);

  void make_partition();
  using Recalled = std::array<std::int64_t, 2>;

  void bump(const CounterKey& counter, std::int64_t by, bool undoable);
  void include(const SetKey& set, std::uint32_t member, std::uint64_t bits, bool undoable);
  void apply(const Change& change, Instant time, const std::vector<std::int64_t>& taken, bool undoable);
  /// What the answer to a commit showed, as of now: right after its events.
  [[nodiscard]] Recalled recall(PartitionNo partition, const Event& first,
                                const std::vector<std::int64_t>& taken) const;
  void remember(PartitionNo partition, const Command& command, Sequence sequence, Instant time, const Recalled& shown,
                bool undoable);
  void undo(const Undo& entry);
  void free_dropped();

  std::deque<Partition> partitions_;  ///< deque: references stay valid as partitions are added
  std::vector<Undo> undo_;
  std::size_t undo_begin_ = 0;  ///< what stands before is forgotten, and removed when that is cheap
  std::size_t undo_forgotten_ = 0;
  std::vector<Commands> dropped_;  ///< nobody asks them any more; freed piece by piece
  bool definitions_hold_time_ = true;
};

}  // namespace windfall
