// `windfall backup`: one archive of a data directory, also beside a running server: a prefix of the journal that ends
// with a whole frame, a copy of the ledger (what is known about effects stands nowhere else), the sandbox partner's
// book if there is one, the vault of codes if there is one. Keys go into a file of their own, or nowhere.
//
//   lineage                     as in the data directory
//   ledger.db                   only if there is one
//   journal/<16 hex>.seg        without the prewritten zeros
//   codes.db                    only if there is one; what stands in it is sealed under the master keys
//   sandbox-book.ndjson         whole lines; only of a sandbox
//   manifest.json               the last member: see Manifest
//
// The ledger is copied before the journal, and the journal before the vault and the book: each speaks only of what the
// next one holds (rows of codes are there before `CodesImported` is). Like any partner's, the book may then hold
// bookings of acceptances that were decided after the backup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/proof/archive.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

inline constexpr int kBackupFormat = 1;
inline constexpr const char* kManifestName = "manifest.json";

/// {"format","lineage","lastFrame","events","participations","members":[{name,bytes,sha256}]}
struct Manifest {
  std::string lineage;  ///< hex
  std::uint64_t last_frame = 0;
  std::int64_t events = 0;
  std::int64_t participations = 0;
  std::vector<Member> members;  ///< all but the manifest itself
};

[[nodiscard]] std::string encode_manifest(const Manifest& manifest);
/// Failures: damaged (no manifest), invalid (a format that this program does not read).
Result<Manifest> decode_manifest(std::string_view text);

struct BackupOptions {
  std::string directory;
  std::string to;
  std::string keys_to;      ///< empty: no keys
  std::string master_keys;  ///< file of the master keys, which lies elsewhere; empty: they are not copied
};

/// The file of keys: the line of the user-hash key, then, if they are in it, the file of the master keys as it is.
struct BackedUpKeys {
  std::string user_hash;    ///< 32 hex digits
  std::string master_keys;  ///< text of their file; empty: not in it
};
[[nodiscard]] BackedUpKeys split_keys(std::string_view text);

/// Failures: not_found (no data directory, no file of keys), conflict (a target exists), damaged (the journal),
/// unavailable, disk_full.
Result<Manifest> backup(const BackupOptions& options);

}  // namespace windfall::proof
