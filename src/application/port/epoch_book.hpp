// Who leads, which epoch a partition may enter next, and what each process still knew of the one before. It stands
// where effects stand, so that no loss of the hot state forgets it, and it is the same whichever database is the
// ledger.
//
// A lease bounds time, not truth: its holder may be stopped for longer than it lasts, or the server that keeps it may
// be emptied. So every leader begins a term here, and whatever it writes for good names the term or an epoch that was
// granted in it.
//
// Blocking and thread-safe; call it through Blocking. Failures: unavailable; conflict (a later term has begun: whoever
// gets this leads no more).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall {

/// Grows with every leader that there ever was; never 0.
struct Term {
  std::uint64_t value = 0;
  auto operator<=>(const Term&) const = default;
};

class EpochBook {
 public:
  struct Entry {
    PartitionNo partition;
    Epoch epoch;
    auto operator<=>(const Entry&) const = default;
  };

  virtual ~EpochBook() = default;

  // Of the leader

  /// Every earlier term is over from now on, whatever its leader believes, and what was granted in it is void.
  virtual Result<Term> begin_term() = 0;
  /// Fails as conflict once a later term has begun.
  virtual Result<bool> still(Term term) = 0;
  /// Gives each of these partitions an epoch of its own: above the one named, and above all that it was ever given.
  /// From now on every process is asked to confirm that nothing of an earlier epoch is under way.
  virtual Result<std::vector<Entry>> grant(Term term, const std::vector<Entry>& above) = 0;
  /// Processes that have not confirmed all of these. One that does not even ask for `patience_ms` after the grant
  /// counts as ended: by then the stream has given up whatever it had sent.
  virtual Result<std::size_t> awaited(Term term, const std::vector<Entry>& granted, std::int64_t patience_ms) = 0;
  struct Ended {
    std::uint64_t lost = 0;  ///< events that some process saw confirmed, and that no log has
    bool at_least = false;   ///< a process that may have known of more has died since
  };
  /// The partition has entered the epoch, behind the event `last` of before, which was decided at `last_at`.
  virtual Result<Ended> conclude(Term term, Entry entered, Sequence last, Instant last_at) = 0;

  // Of every process, this one

  /// What this process has not confirmed yet. Makes it known the first time; an earlier process of the same name has
  /// ended.
  virtual Result<std::vector<Entry>> asked() = 0;
  /// Nothing of an earlier epoch is under way here any more, and nothing will be; this was the last that was confirmed.
  virtual Result<bool> confirm(Entry asked, Epoch known_epoch, Sequence known) = 0;
  /// This process ends. `orderly`: nothing is under way in it.
  virtual Result<bool> leave(bool orderly) = 0;
};

}  // namespace windfall
