// `windfall recover --config`: after PostgreSQL was restored from a backup that is older than what Kafka still has.
// What Redis decided since is in no log any more: the promotions concerned go back to where their log ends, and every
// code that was given out since is burned first, so that nobody gets it a second time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "app/proof/recover.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

struct RecoverInstallationOptions {
  /// Redis has lost its counters as well: burns every code that is not assigned.
  bool lost = false;
};

struct RecoveredInstallation {
  struct GoneBack {
    std::string name;        ///< "promotion 7"
    std::uint64_t from = 0;  ///< the last event that Redis knew; 0: it knew nothing any more
    std::uint64_t to = 0;    ///< the last one in the log, before what is burned
  };
  std::vector<GoneBack> gone_back;
  std::vector<proof::Burned> burned;
};

/// Repeated, it burns nothing more. Failures: those of OpenedInstallation::open(); conflict (another process leads);
/// unavailable (also while Kafka holds messages that the ledger has not seen: a listener has to carry them first).
Result<RecoveredInstallation> recover_installation(const Config& config, const RecoverInstallationOptions& options,
                                                   const std::function<void(const std::string& line)>& say);

}  // namespace windfall::app
