// `windfall restore`: a backup becomes a data directory of a new lineage, in which everything is paused.
//
// The new lineage keeps what the old server did after the backup apart from what the new one will do: the ids of new
// events never repeat old ones, and old files cannot be mixed in. What happened before the backup keeps its ids: they
// stand in the ledger, and an `Audited` record in the journal says where the old lineage ends
// (adapters/codec/eras.hpp). Whatever had no final answer from the partner is UNKNOWN, so it is asked for, under its
// old id, before anything is sent. Codes that were given out since are not known: no server starts beside what may
// give codes before `windfall recover` has burned them (recover_first.hpp).
#pragma once

#include <cstdint>
#include <string>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

struct RestoreOptions {
  std::string archive;
  std::string directory;  ///< does not exist yet, or is empty
  std::string keys;       ///< made by the backup; empty: the operator puts them in place before the start
  /// File of the master keys, outside of `directory`: made of what `keys` holds of them, or in its place already if
  /// they are not among those. Empty: not written.
  std::string master_keys_to;
  Instant now;  ///< of the restore's own records, unless the journal is ahead
};

struct Restored {
  std::string old_lineage;  ///< hex
  std::string new_lineage;
  std::uint64_t frames_read = 0;
  std::int64_t events = 0;
  std::int64_t participations = 0;
  std::int64_t effects_unknown = 0;  ///< to be asked for at the start
  bool ledger_rebuilt = false;       ///< the backup's ledger was missing or unsound: all effects are UNKNOWN
  bool has_key = false;
  bool has_codes = false;        ///< the vault of codes was in the backup
  bool gives_codes = false;      ///< a lottery has gifticons, so no server starts before `windfall recover`
  bool has_master_keys = false;  ///< and what opens it is in its place
};

/// All or nothing: the directory gets its name at the end. Failures: conflict (the directory is in use or not empty, or
/// other keys than the backup was made with), not_found (also: keys that draws need), invalid, damaged (the backup's
/// bytes are not those that were written), unavailable, disk_full.
Result<Restored> restore(const RestoreOptions& options);

}  // namespace windfall::proof
