// A file system in memory that can run out of room, fail any call, hold a sync, and lose power: after crash() only what
// was synced is certain, and of the rest any part, down to sectors and single bytes, may have reached the disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "adapters/journal/file_system.hpp"

namespace windfall::journal {

enum class Call { write, sync, create, rename, remove, create_directory, sync_directory, allocate };

class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem() = default;

  // FileSystem
  Io<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Io<void> rename(const std::string& from, const std::string& to) override;
  Io<void> remove(const std::string& path) override;
  Io<void> create_directory(const std::string& path) override;
  Io<void> sync_directory(const std::string& path) override;
  Io<std::vector<std::string>> list(const std::string& path) override;
  tl::expected<std::unique_ptr<FileLock>, LockRefused> lock(const std::string& path, LockMode mode) override;

  // What a test sees and sets
  [[nodiscard]] std::string content(const std::string& path) const;
  void set_content(const std::string& path, std::string bytes);  ///< durable at once
  void erase_file(const std::string& path);
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] std::map<std::string, std::string> image() const;
  /// A fresh system with these files, all durable.
  static std::unique_ptr<MemoryFileSystem> from(const std::map<std::string, std::string>& image);

  // Faults
  /// Asked before every changing call; a number is the errno to fail with.
  void fail_when(std::function<std::optional<int>(Call, const std::string& path)> rule);
  void limit_total_bytes(std::uint64_t bytes);
  void shorten_writes_to(std::size_t bytes);
  /// From the k-th changing call on (from 1) nothing works any more.
  void lose_power_at(std::uint64_t k);
  [[nodiscard]] bool lost_power() const;
  [[nodiscard]] std::uint64_t changing_calls() const;
  /// The disk as the next start may find it.
  std::map<std::string, std::string> crash(std::uint32_t seed) const;

  /// Until released, syncs of files whose path contains `part` wait.
  void hold_syncs_of(const std::string& part);
  void wait_until_a_sync_is_held();
  void release_syncs();

 private:
  struct Write {
    std::uint64_t offset;
    std::string bytes;
  };
  struct Inode {
    std::string path;  ///< as last named
    std::string content;
    std::string durable;
    std::vector<Write> unsynced;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  class MemoryFile;
  class MemoryLock;

  std::optional<Errno> begin(Call call, const std::string& path);
  void change_names(const std::function<void(Names&)>& change);
  [[nodiscard]] std::uint64_t total_bytes() const;
  bool has_room_for(const Inode& inode, std::uint64_t size) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Names names_;
  Names durable_names_;
  std::vector<std::function<void(Names&)>> unsynced_names_;
  std::set<std::string> directories_{"/"};
  std::map<std::string, int> locks_;  ///< -1: exclusive
  std::function<std::optional<int>(Call, const std::string&)> rule_;
  std::uint64_t limit_ = UINT64_MAX;
  std::size_t longest_write_ = SIZE_MAX;
  std::uint64_t calls_ = 0;
  std::uint64_t power_until_ = UINT64_MAX;
  std::string hold_part_;
  int held_ = 0;
};

}  // namespace windfall::journal
