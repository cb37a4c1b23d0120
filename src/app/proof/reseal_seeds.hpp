// Part of `windfall keys reseal`: the seeds of lotteries are sealed under the newest master key, each by an audited
// change of its promotion's definition.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/vault/master_keys.hpp"
#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

/// How many seeds were sealed anew; repeated, none. Failures: conflict (a server uses the directory; a seed is under a
/// key that is not there), not_found, damaged, unavailable, disk_full.
Result<std::int64_t> reseal_seeds(const std::string& directory, const vault::MasterKeys& keys, Instant now);

}  // namespace windfall::proof
