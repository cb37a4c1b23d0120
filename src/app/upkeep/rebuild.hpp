// `windfall rebuild`: fenced promotions of the distributed mode, folded anew from the log because somebody asks for it.
// The leader of the batch role does the same by itself, by the same code (wiring/rebuilding.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

struct RebuildOptions {
  std::vector<std::string> promotions;  ///< ids
  bool system = false;                  ///< the system partition as well
  bool all = false;                     ///< whatever is fenced
  bool force = false;                   ///< takes out of force first what is not fenced
  bool dry_run = false;
};

/// What was done about one partition.
struct RebuildOutcome {
  std::string name;       ///< "promotion 7"
  std::string state;      ///< as it was found
  std::uint64_t log = 0;  ///< events that the ledger had of it when it was found
  bool rebuilt = false;
  std::uint32_t epoch = 0;    ///< in force afterwards
  std::uint64_t events = 0;   ///< folded
  std::uint64_t lost = 0;     ///< decided and in no log
  bool at_least = false;      ///< a process that may have known of more has died since
  std::int64_t after_ms = 0;  ///< when it served again, from the beginning of the rebuild
};

/// Failures: not_found (no such promotion; nothing is fenced, or none of those that are asked for), conflict (another
/// process leads, and rebuilds by itself; the settings contradict the installation), invalid (the configuration),
/// unavailable. `say` is told of progress, a line at a time.
Result<std::vector<RebuildOutcome>> rebuild_by_hand(const Config& config, const RebuildOptions& options,
                                                    const std::function<void(const std::string& line)>& say);

}  // namespace windfall::app
