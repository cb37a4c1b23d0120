// `windfall restore`: a backup becomes a data directory of a new lineage, in which everything is paused.
//
// The new lineage keeps what the old server did after the backup apart from what the new one will do: the ids of new
// events never repeat old ones, and old files cannot be mixed in. What happened before the backup keeps its ids: they
// stand in the ledger, and an `Audited` record in the journal says where the old lineage ends (eras.hpp). Whatever had
// no final answer from the partner is UNKNOWN, so it is asked for, under its old id, before anything is sent.
#pragma once

#include <cstdint>
#include <string>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

struct RestoreOptions {
  std::string archive;
  std::string directory;  ///< does not exist yet, or is empty
  std::string keys;       ///< file with the user-hash key; empty: the operator puts it there before the start
  Instant now;            ///< of the restore's own records, unless the journal is ahead
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
};

/// All or nothing: the directory gets its name at the end. Failures: conflict (the directory is in use or not empty, or
/// another user-hash key), not_found, invalid, damaged (the backup's bytes are not those that were written),
/// unavailable, disk_full.
Result<Restored> restore(const RestoreOptions& options);

}  // namespace windfall::proof
