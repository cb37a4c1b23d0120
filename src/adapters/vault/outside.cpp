#include "adapters/vault/outside.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace windfall::vault {

namespace fs = std::filesystem;

Result<bool> require_outside(const std::string& path, const std::string& data_directory, std::string_view why) {
  if (data_directory.empty()) return true;
  std::error_code error;
  const fs::path file = fs::weakly_canonical(fs::absolute(path), error);
  const fs::path data = error ? fs::path{} : fs::weakly_canonical(fs::absolute(data_directory), error);
  if (error) return fail(FailureCode::unavailable, path + ": " + error.message());
  const fs::path within = file.lexically_relative(data / "");
  if (!within.empty() && *within.begin() != "..") {
    return fail(FailureCode::invalid,
                fmt::format("{}: does not belong into the data directory {}: {}", path, data_directory, why));
  }
  return true;
}

Result<bool> sync_folder_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  const int folder = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) close(folder);
  if (!synced) return fail(FailureCode::unavailable, fmt::format("folder of {}: {}", path, std::strerror(error)));
  return true;
}

}  // namespace windfall::vault
