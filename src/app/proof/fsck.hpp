// `windfall fsck`: judges a stopped data directory and writes nothing.
#pragma once

#include <string>

#include "app/proof/report.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::proof {

struct FsckOptions {
  std::string directory;
  std::string book;         ///< file with the partner's `GET /book`; empty: none
  std::string master_keys;  ///< file that opens the seeds; empty: where a server keeps it by default, if it is there
};

/// Failures are reasons not to judge at all: conflict (a server uses the directory), not_found (no data directory, no
/// such book, no such
/// keys), invalid (a format of another version, a book that is none, keys that are none), unavailable. Everything else
/// is in the report.
Result<Report> fsck(const FsckOptions& options);

}  // namespace windfall::proof
