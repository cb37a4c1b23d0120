// The seeds of lotteries as the proof opens them: with the master keys, which stand outside of the data directory, so
// they may be missing where only the data was copied.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/vault/key_seals.hpp"
#include "adapters/vault/sealed_seeds.hpp"
#include "domain/kernel/result.hpp"
#include "domain/lottery/seed.hpp"

namespace windfall::proof {

/// Empty: there are no keys.
using OpenSeed = std::function<Result<Seed>(std::string_view promotion, std::string_view sealed)>;

/// Where a server without a setting keeps the keys of a data directory.
[[nodiscard]] std::string default_master_keys(const std::string& directory);

/// Opens seeds with these keys; copies of the function share them. What was sealed under a withdrawn key is opened as
/// `in_force` has it. Failures: unavailable.
Result<OpenSeed> open_seeds_with(const vault::MasterKeys& keys, vault::SealedSeeds::InForce in_force = {});
/// The same with the keys of that file. Failures: not_found, invalid.
Result<OpenSeed> open_seeds_with(const std::string& path, const std::string& directory,
                                 vault::SealedSeeds::InForce in_force = {});

}  // namespace windfall::proof
