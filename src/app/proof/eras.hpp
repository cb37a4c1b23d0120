// Under which lineage an event got its public ids. A restore starts a new lineage, but what happened before keeps the
// ids that clients and the partner know: an `Audited` record of the restore stands in the journal where the old lineage
// ends, and names it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/kernel/event.hpp"

namespace windfall::proof {

using Lineage = std::array<std::uint8_t, 16>;

/// The restore's record: action of its audit, and start of its subject; the old lineage follows as 32 hex digits.
inline constexpr std::string_view kRestoreAction = "restore";
inline constexpr std::string_view kRestoreSubject = "lineage ";

[[nodiscard]] std::string restore_subject(const Lineage& old_lineage);
/// The lineage that ends with this event, if it is a restore's record.
[[nodiscard]] std::optional<Lineage> ended_lineage(const Recorded& recorded);

class Eras {
 public:
  explicit Eras(const Lineage& current) : current_(current) {}

  /// Everything up to these sequences ([partition]) got its ids under `lineage`; called in the order of the journal.
  void end(const Lineage& lineage, std::vector<std::uint64_t> last_sequences) {
    ended_.push_back({.lineage = lineage, .last_sequences = std::move(last_sequences)});
  }
  [[nodiscard]] const Lineage& of(PartitionNo partition, Sequence sequence) const {
    for (const Era& era : ended_) {
      if (partition.value < era.last_sequences.size() && sequence.value <= era.last_sequences[partition.value]) {
        return era.lineage;
      }
    }
    return current_;
  }
  [[nodiscard]] std::size_t restores() const { return ended_.size(); }

 private:
  struct Era {
    Lineage lineage;
    std::vector<std::uint64_t> last_sequences;
  };
  Lineage current_;
  std::vector<Era> ended_;
};

}  // namespace windfall::proof
