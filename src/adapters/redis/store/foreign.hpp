// Guards and looks that a proposal has on other partitions than its own. A script sees one slot only: what is asked of
// the system partition is answered from the mirror, what is asked of another promotion by the claims of claims.hpp, and
// the script gets the rest, in the same order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/kernel/proposal.hpp"

namespace windfall::redis {

/// Guards with a guard of another partition in their midst, judged beforehand.
struct ForeignGuard {
  std::uint32_t index = 0;  ///< among all guards of the proposal
  Guard guard;
};

/// A proposal without what is foreign to its partition.
struct OwnPart {
  std::vector<std::uint32_t> guards;  ///< of each guard that is left: its index in the proposal
  std::vector<ForeignGuard> foreign;
  std::vector<std::uint32_t> looks;  ///< of each look that is left: its index in the proposal
  std::vector<std::pair<std::uint32_t, Look>> foreign_looks;
  std::size_t all_looks = 0;
};

/// Takes them out.
[[nodiscard]] OwnPart take_foreign(Proposal& proposal);

/// A foreign guard does not hold: those behind it are never asked, and in its place stands one that never holds, so
/// that the first that fails is still the one that is named.
void refuse_at(Proposal& proposal, OwnPart& part, std::uint32_t index);

/// Index in the proposal of a guard that failed in the script.
[[nodiscard]] inline std::uint32_t named(const OwnPart& part, std::uint32_t sent) { return part.guards.at(sent); }

/// Looks as the proposal had them: `values` of those that were sent, `of_foreign` of the others.
[[nodiscard]] std::vector<std::int64_t> joined(const OwnPart& part, const std::vector<std::int64_t>& values,
                                               const std::vector<std::int64_t>& of_foreign);

[[nodiscard]] PartitionNo partition_of(const Guard& guard);
[[nodiscard]] PartitionNo partition_of(const Look& look);

}  // namespace windfall::redis
