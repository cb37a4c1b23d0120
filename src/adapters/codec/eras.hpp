// Under which lineage an event got its public ids. A restore starts a new lineage, but what happened before keeps the
// ids that clients and the partner know: an `Audited` record of the restore stands in the journal where the old lineage
// ends, and names it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/codec/encoding.hpp"
#include "adapters/codec/event_ids.hpp"
#include "domain/kernel/event.hpp"

namespace windfall::codec {

using Lineage = Uuid;

/// The restore's record: action of its audit, and start of its subject; the old lineage follows as 32 hex digits.
inline constexpr std::string_view kRestoreAction = "restore";
inline constexpr std::string_view kRestoreSubject = "lineage ";

[[nodiscard]] std::string restore_subject(const Lineage& old_lineage);
/// The lineage that ends with this event, if it is a restore's record.
[[nodiscard]] std::optional<Lineage> ended_lineage(const Recorded& recorded);

class Eras {
 public:
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  /// By promotion: a promotion has one partition for ever, and whoever asks for ids knows its name.
  using LastSequences = std::unordered_map<std::string, Sequence, HashOfText, std::equal_to<>>;

  Eras() = default;
  explicit Eras(const Lineage& current) : current_(current) {}

  /// What no restore has ended belongs to this lineage.
  void set_current(const Lineage& lineage) { current_ = lineage; }
  /// Everything up to these sequences got its ids under `lineage`, unless an earlier era has it; called in the order of
  /// the journal.
  void end(const Lineage& lineage, LastSequences last_sequences) {
    ended_.push_back({.lineage = lineage, .last_sequences = std::move(last_sequences)});
  }

  [[nodiscard]] const Lineage& current() const { return current_; }
  [[nodiscard]] const Lineage& of(std::string_view promotion, Sequence sequence) const;
  /// The ids that the event, and its effect with that index, got when it was decided.
  [[nodiscard]] EventIds ids(std::string_view promotion, Epoch epoch, Sequence sequence,
                             std::uint32_t effect = 0) const {
    return event_ids({.lineage = of(promotion, sequence),
                      .promotion = promotion,
                      .epoch = epoch,
                      .sequence = sequence,
                      .index = effect});
  }
  [[nodiscard]] std::size_t restores() const { return ended_.size(); }

 private:
  struct Era {
    Lineage lineage;
    LastSequences last_sequences;
  };
  Lineage current_{};
  std::vector<Era> ended_;
};

}  // namespace windfall::codec
