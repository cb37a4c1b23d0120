// `windfall recover`: after a restore, every code that may have been given out since the backup is burned. The marks
// outside of the data directory say how far that went; where they are lost, every code that is not assigned is burned.
// Servers start in a restored directory only when this has run there (recover_first.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "application/port/high_water.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

struct RecoverOptions {
  std::string directory;
  std::string high_water;   ///< file of marks; empty: `directory` with ".high-water" at its end
  bool lost = false;        ///< there is no such file any more
  std::string master_keys;  ///< empty: `directory` with ".keys" at its end
  Instant now;
};

struct Burned {
  std::string promotion_id;
  std::string prize_id;
  std::int64_t count = 0;  ///< codes that are never given out
  std::int64_t left = 0;   ///< that still can be
};

struct Recovered {
  std::vector<Burned> burned;
  std::vector<HighWater::Mark> unknown;  ///< of prizes that this data does not have: made since the backup
  std::vector<HighWater::Mark> behind;   ///< that end below what this data gave out: of another server, perhaps
};

/// Repeated, it burns nothing more. Failures: not_found (no data directory; no file of marks where a lottery has
/// gifticons), conflict (a server uses the directory), damaged, unavailable, disk_full.
Result<Recovered> recover(const RecoverOptions& options);

}  // namespace windfall::proof
