// The sign in a restored data directory that `windfall recover` has not run there yet: `restore` puts it up, `recover`
// takes it down, and no server gives out codes beside it. The marks alone do not tell: after a crash, too, they are up
// to a wave ahead of the data.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "adapters/vault/outside.hpp"
#include "domain/kernel/result.hpp"
#include "domain/promotion/promotion.hpp"

namespace windfall::proof {

/// Its text is for whoever looks into the directory.
inline constexpr std::string_view kRecoverFirstFile = "recover-first";
inline constexpr std::string_view kRecoverFirstText =
    "Restored from a backup: which codes were given out since is not known here.\n"
    "Run `windfall recover` before the server; it removes this file.\n";

[[nodiscard]] inline std::string recover_first_path(const std::string& directory) {
  return directory + "/" + std::string(kRecoverFirstFile);
}

/// Also where that cannot be found out.
[[nodiscard]] inline bool must_recover_first(const std::string& directory) {
  std::error_code error;
  return std::filesystem::status(recover_first_path(directory), error).type() != std::filesystem::file_type::not_found;
}

/// Durably; it need not be there.
inline Result<bool> recovered_from_restore(const std::string& directory) {
  const std::string path = recover_first_path(directory);
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return true;
    return fail(FailureCode::unavailable, path + ": " + std::strerror(errno));
  }
  return vault::sync_folder_of(path);
}

[[nodiscard]] inline bool gives_codes(const Promotion& promotion) {
  if (!promotion.lottery) return false;
  for (const Prize& prize : promotion.lottery->prizes) {
    if (prize.kind == PrizeKind::gifticon) return true;
  }
  return false;
}

}  // namespace windfall::proof
