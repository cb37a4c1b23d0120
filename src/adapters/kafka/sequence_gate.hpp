// Puts the events of each promotion back into the one order they were decided in: drops what was seen, holds what came
// too early. Kafka keeps the order of what one producer sends, but a message that was given up and sent again stands
// behind its successors, and two relays send everything twice.
//
// A promotion's sequence goes on from epoch to epoch: an event of a later epoch follows the last one that counts, and
// what still comes of an earlier epoch is dropped. Which one counted last is not known here when an epoch ends, since
// events behind it may have come by: whoever holds the ledger is asked, and start() is called again.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall::kafka {

/// The last event of a partition that was applied.
struct LastSeen {
  Epoch epoch{0};
  Sequence sequence;
};

template <class Held>
class SequenceGate {
 public:
  enum class Verdict : unsigned char { next, known, early };

  /// Where the partition stands; asked by the caller, when it is first met and when it enters() another epoch.
  void start(PartitionNo partition, LastSeen last) { lines_[partition].last = last; }
  [[nodiscard]] bool started(PartitionNo partition) const { return lines_.contains(partition); }

  /// True if the partition, which was started, was in an earlier epoch up to now.
  [[nodiscard]] bool enters(PartitionNo partition, Epoch epoch) const {
    return epoch > lines_.at(partition).last.epoch;
  }

  /// Of a partition that was started. `next`: it counts as seen from now on.
  Verdict judge(PartitionNo partition, Epoch epoch, Sequence sequence) {
    LastSeen& last = lines_.at(partition).last;
    if (epoch < last.epoch || sequence <= last.sequence) return Verdict::known;
    if (sequence.value != last.sequence.value + 1) return Verdict::early;
    last = {.epoch = epoch, .sequence = sequence};
    return Verdict::next;
  }

  /// Keeps what came early. Of two with one sequence the one of the later epoch is kept, else the first; the other one
  /// comes back.
  std::optional<Held> hold(PartitionNo partition, Epoch epoch, Sequence sequence, Held held) {
    auto& waiting = lines_.at(partition).held;
    const auto there = waiting.find(sequence);
    if (there == waiting.end()) {
      waiting.emplace(sequence, std::pair{epoch, std::move(held)});
      return std::nullopt;
    }
    if (epoch > there->second.first) {
      std::swap(there->second.second, held);
      there->second.first = epoch;
    }
    return held;
  }
  [[nodiscard]] std::size_t held(PartitionNo partition) const { return lines_.at(partition).held.size(); }

  /// What is held and follows now, in order; counts as seen. `known` takes what turned out to be seen meanwhile.
  std::vector<Held> release(PartitionNo partition, std::vector<Held>& known) {
    std::vector<Held> ready;
    auto& [last, waiting] = lines_.at(partition);
    while (!waiting.empty()) {
      auto& [sequence, item] = *waiting.begin();
      const Verdict verdict = judge(partition, item.first, sequence);
      if (verdict == Verdict::early) break;
      (verdict == Verdict::next ? ready : known).push_back(std::move(item.second));
      waiting.erase(waiting.begin());
    }
    return ready;
  }
  /// Everything that is held, which is not waited for any more.
  std::vector<Held> give_up(PartitionNo partition) {
    std::vector<Held> all;
    for (auto& [sequence, item] : lines_.at(partition).held) all.push_back(std::move(item.second));
    lines_.at(partition).held.clear();
    return all;
  }
  /// Nothing is known of the partition any more.
  void forget(PartitionNo partition) { lines_.erase(partition); }

 private:
  struct Line {
    LastSeen last;
    std::map<Sequence, std::pair<Epoch, Held>> held;
  };
  std::map<PartitionNo, Line> lines_;
};

}  // namespace windfall::kafka
