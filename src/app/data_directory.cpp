#include "app/data_directory.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace windfall::app {

Result<bool> prepare_data_directory(std::string& data, bool dev) {
  if (data.empty() && dev) {
    std::string pattern = (std::filesystem::temp_directory_path() / "windfall-dev-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return fail(FailureCode::unavailable, pattern + ": cannot make a temporary folder: " + std::strerror(errno));
    }
    data = pattern;
    return true;
  }
  if (data.empty()) data = kUsualData;
  if (mkdir(data.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(FailureCode::unavailable, data + ": cannot make the data directory: " + std::strerror(errno));
  }
  return false;
}

}  // namespace windfall::app
