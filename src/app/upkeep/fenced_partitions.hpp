// Which partitions of an installation decide nothing, or must not: what Redis has of each beside what the ledger knows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/upkeep/opened_installation.hpp"

namespace windfall::app {

struct PartitionState {
  enum class Kind : std::uint8_t {
    sound,
    missing,      ///< no header
    gone_back,    ///< the header is older than what the ledger has of the same epoch
    epoch_of_old  ///< the ledger is in a later epoch already, and drops what is decided
  };
  Kind kind = Kind::sound;
  PartitionNo partition;
  std::string promotion_id;             ///< empty: the system partition
  std::optional<redis::Header> header;  ///< in force
  Epoch epoch;                          ///< of the ledger
  Sequence sequence;                    ///< its last event in the ledger
};

[[nodiscard]] const char* words_of(PartitionState::Kind kind);
/// "promotion 7", "the system partition".
[[nodiscard]] std::string name_of(const PartitionState& state);

/// All partitions that the ledger has events of, by number. Failures: unavailable.
Task<Result<std::vector<PartitionState>>> look_at_partitions(OpenedInstallation* installation);

/// Takes the partition's header out of force, so that nobody decides in it any more. Failures: unavailable.
Task<Result<bool>> take_out_of_force(OpenedInstallation* installation, PartitionState state);

}  // namespace windfall::app
