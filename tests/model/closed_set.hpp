// Random proposals over the whole closed set, not only over what today's rules ask for; and how a proposal is spelled
// for commit.lua.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "domain/kernel/state.hpp"
#include "model/dice.hpp"

namespace windfall::model {

/// A proposal, when it is made, and how its events are written down.
struct Attempt {
  Proposal proposal;
  Instant now;
  std::vector<std::string> encoded;  ///< one per event; opaque to Redis
};

/// Makes attempts that are often at an edge: it looks at the state to place limits beside the present value.
class Generator {
 public:
  Generator(std::uint64_t seed, const State& state) : dice_(seed), state_(state) {}

  Attempt next();
  /// To be told of every acceptance, so that commands are repeated and their life's end is hit.
  void accepted(const Attempt& attempt, Instant time);

  /// All counters that any attempt named.
  [[nodiscard]] const std::set<CounterKey>& counters() const { return counters_; }
  [[nodiscard]] static const std::vector<UserRef>& users();

 private:
  struct Kept {
    PartitionNo partition;
    CommandHash hash;
    Instant time;
  };

  Instant clock(PartitionNo partition);
  CounterKey counter(PartitionNo partition);
  SetKey set(PartitionNo partition);
  std::uint32_t member();
  Guard guard(PartitionNo partition);
  Look look(PartitionNo partition);
  Event event(PartitionNo partition, bool creates);
  Event draw();
  Window window(Instant time);
  std::string bytes();

  Dice dice_;
  const State& state_;
  Instant now_{1'750'000'000'000};
  std::vector<Kept> kept_;
  std::set<CounterKey> counters_;
};

[[nodiscard]] std::string field_of(const CounterKey& key);
[[nodiscard]] std::string name_of(UserRef user);
/// The seven keys of a partition, in the order that commit.lua declares.
[[nodiscard]] std::vector<std::string> keys_of(PartitionNo partition);
/// FCALL commit_1 …
[[nodiscard]] std::vector<std::string> spell(const Attempt& attempt);

/// A verdict as one line, to be compared and read.
[[nodiscard]] std::string describe(const Verdict& verdict);

}  // namespace windfall::model
