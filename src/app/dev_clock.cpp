#include "app/dev_clock.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "adapters/codec/time_text.hpp"

namespace windfall::app {

namespace {

std::string path_of(const std::string& data_directory) { return data_directory + "/dev-clock"; }

tl::unexpected<Failure> trouble(const std::string& path, int error) {
  return fail(FailureCode::unavailable, path + ": " + std::generic_category().message(error));
}

}  // namespace

Result<std::optional<Instant>> kept_dev_clock(const std::string& data_directory) {
  const std::string path = path_of(data_directory);
  std::ifstream file(path);
  if (!file) {
    const int error = errno;
    if (error == ENOENT) return std::nullopt;
    return trouble(path, error);
  }
  std::string line;
  std::getline(file, line);
  const std::optional<Instant> now = codec::parse_instant(line);
  if (!now) {
    return fail(FailureCode::invalid,
                path + " holds no instant such as 2025-06-21T03:00:00.000Z: correct it, or remove it for real time");
  }
  return now;
}

Result<void> keep_dev_clock(const std::string& data_directory, std::optional<Instant> now) {
  const std::string path = path_of(data_directory);
  std::error_code error;
  if (!now) {
    std::filesystem::remove(path, error);
    if (error) return trouble(path, error.value());
    return {};
  }
  const std::string draft = path + ".new";
  std::ofstream file(draft, std::ios::trunc);
  file << codec::to_text(*now) << '\n';
  file.close();
  if (!file) return trouble(draft, errno);
  std::filesystem::rename(draft, path, error);
  if (error) return trouble(path, error.value());
  return {};
}

}  // namespace windfall::app
