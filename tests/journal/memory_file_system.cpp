#include "journal/memory_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace windfall::journal {
namespace {

constexpr std::size_t kSectorBytes = 512;

void apply(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

}  // namespace

class MemoryFileSystem::MemoryFile final : public File {
 public:
  MemoryFile(MemoryFileSystem& system, std::shared_ptr<Inode> inode) : system_(system), inode_(std::move(inode)) {}

  Io<std::size_t> read_at(std::span<char> into, std::uint64_t offset) override {
    const std::lock_guard lock(system_.mutex_);
    const std::string& content = inode_->content;
    if (offset >= content.size()) return std::size_t{0};
    return content.copy(into.data(), into.size(), offset);
  }

  Io<std::size_t> write_at(std::string_view bytes, std::uint64_t offset) override {
    const std::lock_guard lock(system_.mutex_);
    if (auto error = system_.begin(Call::write, inode_->path)) return tl::make_unexpected(*error);
    bytes = bytes.substr(0, system_.longest_write_);
    if (!system_.has_room_for(*inode_, offset + bytes.size())) return tl::make_unexpected(Errno{ENOSPC});
    apply(inode_->content, offset, bytes);
    inode_->unsynced.push_back({offset, std::string(bytes)});
    return bytes.size();
  }

  Io<void> allocate(std::uint64_t bytes) override {
    const std::lock_guard lock(system_.mutex_);
    if (auto error = system_.begin(Call::allocate, inode_->path)) return tl::make_unexpected(*error);
    if (!system_.has_room_for(*inode_, bytes)) return tl::make_unexpected(Errno{ENOSPC});
    const std::size_t before = inode_->content.size();
    if (before < bytes) {
      inode_->content.resize(bytes, '\0');
      inode_->unsynced.push_back({before, std::string(bytes - before, '\0')});
    }
    return {};
  }

  Io<void> sync() override {
    std::unique_lock lock(system_.mutex_);
    if (!system_.hold_part_.empty() && inode_->path.find(system_.hold_part_) != std::string::npos) {
      ++system_.held_;
      system_.changed_.notify_all();
      system_.changed_.wait(lock, [&] { return system_.hold_part_.empty(); });
      --system_.held_;
    }
    if (auto error = system_.begin(Call::sync, inode_->path)) {
      // As Linux does: what could not be written stays visible, but counts as written.
      if (system_.calls_ < system_.power_until_) inode_->unsynced.clear();
      return tl::make_unexpected(*error);
    }
    for (const Write& write : inode_->unsynced) apply(inode_->durable, write.offset, write.bytes);
    inode_->unsynced.clear();
    return {};
  }

  Io<std::uint64_t> size() override {
    const std::lock_guard lock(system_.mutex_);
    return inode_->content.size();
  }

 private:
  MemoryFileSystem& system_;
  std::shared_ptr<Inode> inode_;
};

class MemoryFileSystem::MemoryLock final : public FileLock {
 public:
  MemoryLock(MemoryFileSystem& system, std::string path, LockMode mode)
      : system_(system), path_(std::move(path)), mode_(mode) {}
  ~MemoryLock() override {
    const std::lock_guard lock(system_.mutex_);
    system_.locks_[path_] += mode_ == LockMode::exclusive ? 1 : -1;
  }
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;

 private:
  MemoryFileSystem& system_;
  std::string path_;
  LockMode mode_;
};

std::optional<Errno> MemoryFileSystem::begin(Call call, const std::string& path) {
  ++calls_;
  if (calls_ >= power_until_) return Errno{EIO};
  if (rule_) {
    if (const auto error = rule_(call, path)) return Errno{*error};
  }
  return std::nullopt;
}

void MemoryFileSystem::change_names(const std::function<void(Names&)>& change) {
  change(names_);
  unsynced_names_.push_back(change);
}

std::uint64_t MemoryFileSystem::total_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, inode] : names_) total += inode->content.size();
  return total;
}

bool MemoryFileSystem::has_room_for(const Inode& inode, std::uint64_t size) const {
  return size <= inode.content.size() || total_bytes() + (size - inode.content.size()) <= limit_;
}

Io<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  if (mode == OpenMode::replace) {
    if (auto error = begin(Call::create, path)) return tl::make_unexpected(*error);
    auto inode = std::make_shared<Inode>();
    inode->path = path;
    change_names([path, inode](Names& names) { names[path] = inode; });
    return std::make_unique<MemoryFile>(*this, inode);
  }
  const auto found = names_.find(path);
  if (found == names_.end()) return tl::make_unexpected(Errno{ENOENT});
  return std::make_unique<MemoryFile>(*this, found->second);
}

Io<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (auto error = begin(Call::rename, to)) return tl::make_unexpected(*error);
  if (!names_.contains(from)) return tl::make_unexpected(Errno{ENOENT});
  names_.at(from)->path = to;
  change_names([from, to](Names& names) {
    names[to] = names[from];
    names.erase(from);
  });
  return {};
}

Io<void> MemoryFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = begin(Call::remove, path)) return tl::make_unexpected(*error);
  if (!names_.contains(path)) return tl::make_unexpected(Errno{ENOENT});
  change_names([path](Names& names) { names.erase(path); });
  return {};
}

Io<void> MemoryFileSystem::create_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = begin(Call::create_directory, path)) return tl::make_unexpected(*error);
  directories_.insert(path);
  return {};
}

/// As a journalling file system does: one directory's sync takes every earlier change of names with it.
Io<void> MemoryFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = begin(Call::sync_directory, path)) return tl::make_unexpected(*error);
  durable_names_ = names_;
  unsynced_names_.clear();
  return {};
}

Io<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [name, inode] : names_) {
    if (name.starts_with(path + "/")) found.push_back(name.substr(path.size() + 1));
  }
  if (found.empty() && !directories_.contains(path)) return tl::make_unexpected(Errno{ENOENT});
  return found;
}

tl::expected<std::unique_ptr<FileLock>, LockRefused> MemoryFileSystem::lock(const std::string& path, LockMode mode) {
  const std::lock_guard lock(mutex_);
  int& holders = locks_[path];
  if (holders < 0 || (holders > 0 && mode == LockMode::exclusive)) {
    return tl::make_unexpected(LockRefused{Errno{EWOULDBLOCK}, "4711"});
  }
  holders += mode == LockMode::exclusive ? -1 : 1;
  return std::make_unique<MemoryLock>(*this, path, mode);
}

std::string MemoryFileSystem::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return names_.at(path)->content;
}

void MemoryFileSystem::set_content(const std::string& path, std::string bytes) {
  const std::lock_guard lock(mutex_);
  auto inode = std::make_shared<Inode>();
  inode->path = path;
  inode->durable = bytes;
  inode->content = std::move(bytes);
  names_[path] = inode;
  durable_names_[path] = inode;
}

void MemoryFileSystem::erase_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  names_.erase(path);
  durable_names_.erase(path);
}

std::vector<std::string> MemoryFileSystem::paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, inode] : names_) found.push_back(path);
  return found;
}

std::map<std::string, std::string> MemoryFileSystem::image() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> files;
  for (const auto& [path, inode] : names_) files[path] = inode->content;
  return files;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::from(const std::map<std::string, std::string>& image) {
  auto system = std::make_unique<MemoryFileSystem>();
  for (const auto& [path, bytes] : image) system->set_content(path, bytes);
  return system;
}

void MemoryFileSystem::fail_when(std::function<std::optional<int>(Call, const std::string&)> rule) {
  const std::lock_guard lock(mutex_);
  rule_ = std::move(rule);
}

void MemoryFileSystem::limit_total_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
}

void MemoryFileSystem::shorten_writes_to(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  longest_write_ = bytes;
}

void MemoryFileSystem::lose_power_at(std::uint64_t k) {
  const std::lock_guard lock(mutex_);
  calls_ = 0;
  power_until_ = k;
}

bool MemoryFileSystem::lost_power() const {
  const std::lock_guard lock(mutex_);
  return calls_ >= power_until_;
}

std::uint64_t MemoryFileSystem::changing_calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::map<std::string, std::string> MemoryFileSystem::crash(std::uint32_t seed) const {
  const std::lock_guard lock(mutex_);
  std::mt19937 random(seed);
  Names names = durable_names_;
  const std::size_t kept_names = random() % (unsynced_names_.size() + 1);
  for (std::size_t i = 0; i < kept_names; ++i) unsynced_names_[i](names);

  std::map<std::string, std::string> files;
  for (const auto& [path, inode] : names) {
    std::string content = inode->durable;
    for (const Write& write : inode->unsynced) {
      switch (random() % 4) {
        case 0:
          break;
        case 1:
          apply(content, write.offset, write.bytes);
          break;
        case 2:
          apply(content, write.offset, std::string_view{write.bytes}.substr(0, random() % write.bytes.size()));
          break;
        default:  // any of its sectors
          for (std::uint64_t at = 0; at < write.bytes.size();) {
            const std::uint64_t left = kSectorBytes - (write.offset + at) % kSectorBytes;
            const std::string_view sector = std::string_view{write.bytes}.substr(at, left);
            if (random() % 2 == 0) apply(content, write.offset + at, sector);
            at += sector.size();
          }
      }
    }
    files[path] = content;
  }
  return files;
}

void MemoryFileSystem::hold_syncs_of(const std::string& part) {
  const std::lock_guard lock(mutex_);
  hold_part_ = part;
}

void MemoryFileSystem::wait_until_a_sync_is_held() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return held_ > 0; });
}

void MemoryFileSystem::release_syncs() {
  const std::lock_guard lock(mutex_);
  hold_part_.clear();
  changed_.notify_all();
}

}  // namespace windfall::journal
