// The part of `windfall fsck` that concerns the journal: reads a stopped data directory and writes nothing.
#pragma once

#include <string>
#include <vector>

#include "adapters/journal/recovery.hpp"
#include "adapters/journal/survey.hpp"

namespace windfall::journal {

struct Verdict {
  LineageRecord lineage;
  Survey survey;
  bool clean_stop = false;        ///< the last frame says that the server was stopped in order
  std::vector<Finding> notes;     ///< what the next start puts right by itself: a torn tail, torn erasures
  std::vector<Finding> findings;  ///< damage; empty = good
};

/// Shows every readable frame to `visit`, also behind damage. conflict: a server uses the directory. damaged, invalid:
/// lineage file.
Result<Verdict> verify(const std::string& directory, const RecoverySettings& settings,
                       FileSystem& files = real_file_system());

}  // namespace windfall::journal
