// Forgets a person: the id and its checksum become zeros where they stand; reference, frame checksum and chain stay
// valid. An erasure that a crash cut short leaves a wrong checksum, so recovery repeats it for those whom the caller
// knows to be erased.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "adapters/journal/survey.hpp"

namespace windfall::journal {

/// Who is forgotten, and up to which frame: whoever came back later keeps the new identity.
struct Erasure {
  UserRef ref;
  std::uint64_t last_frame = UINT64_MAX;
};

/// Where the ids of these users stand, not yet erased, in the frames up to `durable`; sorted by segment. Frames may be
/// appended meanwhile. damaged: a frame that should be there cannot be read.
Result<std::vector<IdentityPlace>> find_identities(FileSystem& files, const std::string& directory,
                                                   const LineageId& lineage, std::uint64_t durable,
                                                   std::span<const Erasure> erasures);

/// Zeros identities at these places, sorted by segment, durably. A failed write can be repeated; a failed sync is told
/// to `on_fatal` too.
Result<void> erase_at(FileSystem& files, const std::string& directory, std::span<const IdentityPlace> places,
                      const std::function<void(const std::string&)>& on_fatal);

}  // namespace windfall::journal
