// Master keys of a test's own, and a folder that goes with everything in it when the test ends.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT: mkdtemp is POSIX

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "adapters/vault/master_keys.hpp"

namespace windfall::vault {

/// Keys of ids `first`.. made of the letters given, one each.
inline MasterKeys keys_of(std::string_view letters, std::uint32_t first = 1) {
  MasterKeys keys;
  for (const char letter : letters) {
    keys.push_back({.id = {first++}});
    std::ranges::fill(keys.back().bytes, static_cast<std::uint8_t>(letter));
  }
  return keys;
}

class VaultFolder {
 public:
  VaultFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "windfall-vault-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  VaultFolder(const VaultFolder&) = delete;
  VaultFolder& operator=(const VaultFolder&) = delete;
  ~VaultFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string bytes_in(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace windfall::vault
