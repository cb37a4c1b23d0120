// Brings a journal into the state in which it can be continued: shows every frame to the caller, cuts what was never
// acknowledged, repeats torn erasures, and makes durable what the last process may have left in the system's memory.
// Refuses damage untouched.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "adapters/journal/survey.hpp"

namespace windfall::journal {

/// Asked after every frame has been visited, for identities whose checksum is wrong.
using IsErased = std::function<bool(UserRef)>;

struct RecoverySettings {
  std::uint64_t covered = 0;  ///< somebody outside (the ledger) has seen this frame, so it must be there
  Visitor visit;              ///< may be empty
  IsErased is_erased;         ///< may be empty: nobody is erased
};

struct RecoveredTail {
  Survey survey;               ///< torn_tail, if set, has been cut
  std::unique_ptr<File> file;  ///< of the last segment; null if the journal is new
  std::uint64_t capacity = 0;  ///< of that segment
};

/// damaged: the message names file and offset, and nothing was written. disk_full, unavailable: the operating system
/// refused.
Result<RecoveredTail> recover(FileSystem& files, const std::string& directory, const LineageId& lineage,
                              const RecoverySettings& settings);

}  // namespace windfall::journal
