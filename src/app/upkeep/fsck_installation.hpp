// `windfall fsck --config`: what has to hold across Redis, the log, the ledger and the vault of an installation of
// several machines. Reads only, beside whatever runs.
#pragma once

#include <cstdint>
#include <string>

#include "app/config.hpp"
#include "app/proof/report.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::app {

struct FsckInstallationOptions {
  /// The ledger follows within a second or two; after a quarter of a minute it is behind for another reason.
  static constexpr std::int64_t kPatienceMs = 15'000;

  std::string book;  ///< file with the partner's `GET /book`; empty: none
  std::int64_t patience_ms = kPatienceMs;
};

/// Failures are reasons not to judge at all: those of OpenedInstallation::open(); not_found (no such book). Everything
/// else is in the report.
Result<proof::Report> fsck_installation(const Config& config, const FsckInstallationOptions& options);

}  // namespace windfall::app
