// The master keys: a file outside the data directory, so that whoever copies the data alone has no code and no seed.
//
//   windfall master keys 1
//   1 <64 hex digits>
//   2 <64 hex digits>
//
// One line a key, ascending; the last one is what is sealed under from now on, the others open what is older. Made once
// with one random key, mode 600. A rotation adds a key, restarts the server, has everything sealed again and then
// withdraws the old key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "application/port/seals.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::vault {

inline constexpr std::size_t kMasterKeyBytes = 32;
/// More keys than any rotation needs at once, and still a short file.
inline constexpr std::size_t kMostKeys = 16;

struct MasterKey {
  KeyId id;
  std::array<std::uint8_t, kMasterKeyBytes> bytes{};
};
/// Never empty, ascending by id.
using MasterKeys = std::vector<MasterKey>;

/// Reads the file, or makes it if there is none. Failures: invalid (it lies inside the data directory, others may read
/// it, it is no key file), unavailable. No message holds anything of a key.
Result<MasterKeys> load_or_make_master_keys(const std::string& path, const std::string& data_directory);
/// The same of a file that must be there (not_found).
Result<MasterKeys> load_master_keys(const std::string& path, const std::string& data_directory);

/// Adds a random key to the file, the current one from the next start on; its id. invalid: kMostKeys are there.
Result<KeyId> add_master_key(const std::string& path);
/// Takes a key out of the file. What is sealed under it can never be opened again: reseal everything first. conflict:
/// it is the current key. not_found: there is no such key.
Result<bool> withdraw_master_key(const std::string& path, KeyId key);

/// The file's text, and back; invalid if it is none.
[[nodiscard]] std::string encode_master_keys(const MasterKeys& keys);
Result<MasterKeys> decode_master_keys(std::string_view text);

}  // namespace windfall::vault
