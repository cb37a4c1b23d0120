// Random proposals over the whole closed set, not only over what today's rules ask for.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "domain/kernel/state.hpp"
#include "model/dice.hpp"

namespace windfall::model {

/// Proposals of one call: one partition, one moment.
struct Occasion {
  PartitionNo partition;
  Instant now;
};

/// Makes attempts that are often at an edge: it looks at the state to place limits beside the present value.
class Generator {
 public:
  Generator(std::uint64_t seed, const State& state) : dice_(seed), state_(state) {}

  Occasion occasion();
  /// The state must have decided the one before.
  Proposal next(const Occasion& occasion);
  /// To be told of every acceptance, so that commands are repeated and their life's end is hit.
  void accepted(const Proposal& proposal, Instant time);

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

/// A verdict as one line, to be compared and read.
[[nodiscard]] std::string describe(const Verdict& verdict);

}  // namespace windfall::model
