// What fsck found: one line per invariant, findings with their places, and what to do about them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"

namespace windfall::proof {

/// The numbering of docs/reliability.
enum class Invariant : std::uint8_t { i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15, i16 };
inline constexpr std::size_t kInvariants = 16;

/// "I4".
[[nodiscard]] std::string name_of(Invariant invariant);

/// An event's place: enough to find it again.
struct Place {
  std::uint64_t frame = 0;  ///< of the journal; 0: there is none
  PartitionNo partition;
  Sequence sequence;
};
/// "frame 12, partition 1, sequence 5".
[[nodiscard]] std::string to_text(const Place& place);

struct ProofFinding {
  Invariant invariant;
  std::string where;
  std::string what;
};

class Report {
 public:
  /// One mistake in a rule can spoil millions of events; all are counted, so many of each invariant are told.
  static constexpr std::int64_t kToldPerInvariant = 50;

  void checked(Invariant invariant, std::int64_t count = 1) { line(invariant).checked += count; }
  void violation(Invariant invariant, std::string where, std::string what);
  void violation(Invariant invariant, const Place& place, std::string what) {
    violation(invariant, to_text(place), std::move(what));
  }
  /// It could not be looked at as a whole: neither held nor violated. `why` is told as a note.
  void not_judged(Invariant invariant, std::string why) {
    line(invariant).judged = false;
    note(invariant, std::move(why));
  }
  void note(Invariant invariant, std::string text) { line(invariant).notes.push_back(std::move(text)); }

  /// Every invariant was judged and holds.
  [[nodiscard]] bool ok() const;
  [[nodiscard]] bool judged(Invariant invariant) const { return line(invariant).judged; }
  [[nodiscard]] std::int64_t checks_of(Invariant invariant) const { return line(invariant).checked; }
  [[nodiscard]] std::int64_t violations_of(Invariant invariant) const { return line(invariant).violations; }
  [[nodiscard]] const std::vector<std::string>& notes_of(Invariant invariant) const { return line(invariant).notes; }
  [[nodiscard]] const std::vector<ProofFinding>& findings() const { return findings_; }

  /// For people.
  [[nodiscard]] std::string as_text() const;
  /// {ok, invariants:[{id,checked,violations,state,notes}], findings:[{id,where,what}]}; a state is HOLDS, VIOLATED or
  /// NOT_JUDGED.
  [[nodiscard]] std::string as_json() const;

 private:
  struct Line {
    std::int64_t checked = 0;
    std::int64_t violations = 0;
    bool judged = true;  ///< without violations: whether that means anything
    std::vector<std::string> notes;
  };
  [[nodiscard]] const Line& line(Invariant invariant) const { return lines_[static_cast<std::size_t>(invariant)]; }
  Line& line(Invariant invariant) { return lines_[static_cast<std::size_t>(invariant)]; }
  [[nodiscard]] std::string advice_on(Invariant invariant) const;

  std::array<Line, kInvariants> lines_;
  std::vector<ProofFinding> findings_;
};

}  // namespace windfall::proof
