#include "adapters/journal/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace windfall::journal {
namespace {

/// Zeros are written in pieces of this size: large enough that calls cost nothing, small enough for any stack-free
/// buffer.
constexpr std::size_t kZeroPieceBytes = 256 * 1024;

tl::unexpected<Errno> last_error() { return tl::make_unexpected(Errno{errno}); }

Io<void> done_if(int result) {
  if (result != 0) return last_error();
  return {};
}

/// EINTR says nothing about the data; every other error of the call is final.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

class RealFile final : public File {
 public:
  explicit RealFile(int descriptor) : descriptor_(descriptor) {}

  Io<std::size_t> read_at(std::span<char> into, std::uint64_t offset) override {
    const ssize_t count = ::pread(descriptor_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0) return last_error();
    return static_cast<std::size_t>(count);
  }
  Io<std::size_t> write_at(std::string_view bytes, std::uint64_t offset) override {
    const ssize_t count = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0) return last_error();
    return static_cast<std::size_t>(count);
  }
  Io<void> allocate(std::uint64_t bytes) override {
    // Systems find out that there is no room by taking all there is and giving it back. Whoever writes meanwhile, the
    // ledger above all, would find the disk full, again with every attempt. Without blocks there is no limit.
    struct statvfs room{};
    if (::fstatvfs(descriptor_.get(), &room) == 0 && room.f_blocks != 0 && room.f_bavail < bytes / room.f_frsize) {
      return tl::make_unexpected(Errno{ENOSPC});
    }
    const int result = uninterrupted([&] { return ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(bytes)); });
    if (result != 0 && errno == EOPNOTSUPP) return {};
    return done_if(result);
  }
  Io<void> sync() override {
    return done_if(uninterrupted([&] { return ::fdatasync(descriptor_.get()); }));
  }
  Io<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(descriptor_.get(), &status) != 0) return last_error();
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Descriptor descriptor_;
};

class RealLock final : public FileLock {
 public:
  explicit RealLock(std::unique_ptr<Descriptor> descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  std::unique_ptr<Descriptor> descriptor_;
};

std::string read_holder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  std::string holder(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  holder.erase(std::find_if(holder.begin(), holder.end(), [](char c) { return c < '0' || c > '9'; }), holder.end());
  return holder;
}

class RealFileSystem final : public FileSystem {
 public:
  Io<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::read) flags |= O_RDONLY;
    if (mode == OpenMode::write) flags |= O_RDWR;
    if (mode == OpenMode::replace) flags |= O_RDWR | O_CREAT | O_TRUNC;
    const int descriptor = uninterrupted([&] { return ::open(path.c_str(), flags, 0600); });
    if (descriptor < 0) return last_error();
    return std::make_unique<RealFile>(descriptor);
  }
  Io<void> rename(const std::string& from, const std::string& to) override {
    return done_if(::rename(from.c_str(), to.c_str()));
  }
  Io<void> remove(const std::string& path) override { return done_if(::unlink(path.c_str())); }
  Io<void> create_directory(const std::string& path) override {
    const int result = ::mkdir(path.c_str(), 0700);
    if (result != 0 && errno == EEXIST) return {};
    return done_if(result);
  }
  Io<void> sync_directory(const std::string& path) override {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) return last_error();
    return done_if(uninterrupted([&] { return ::fsync(directory.get()); }));
  }
  Io<std::vector<std::string>> list(const std::string& path) override {
    DIR* const directory = ::opendir(path.c_str());
    if (directory == nullptr) return last_error();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) names.emplace_back(entry->d_name);
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return tl::make_unexpected(Errno{error});
    return names;
  }
  tl::expected<std::unique_ptr<FileLock>, LockRefused> lock(const std::string& path, LockMode mode) override {
    const bool exclusive = mode == LockMode::exclusive;
    const int flags = (exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC;
    auto descriptor = std::make_unique<Descriptor>(::open(path.c_str(), flags, 0600));
    if (descriptor->get() < 0) return tl::make_unexpected(LockRefused{Errno{errno}, ""});
    const int operation = (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
    if (uninterrupted([&] { return ::flock(descriptor->get(), operation); }) != 0) {
      const Errno error{errno};
      return tl::make_unexpected(LockRefused{error, read_holder(descriptor->get())});
    }
    if (exclusive) {
      const std::string holder = fmt::format("{}\n", ::getpid());
      // The number only serves the message of whoever is refused; a full disk must not keep the server from starting.
      if (::ftruncate(descriptor->get(), 0) == 0) {
        [[maybe_unused]] const ssize_t written = ::pwrite(descriptor->get(), holder.data(), holder.size(), 0);
      }
    }
    return std::make_unique<RealLock>(std::move(descriptor));
  }
};

}  // namespace

bool is_no_room(Errno error) { return error.value == ENOSPC || error.value == EDQUOT || error.value == EFBIG; }

FileSystem& real_file_system() {
  static RealFileSystem system;
  return system;
}

Io<void> write_fully(File& file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto count = file.write_at(bytes, offset);
    if (!count) {
      if (count.error().value == EINTR) continue;
      return tl::make_unexpected(count.error());
    }
    if (*count == 0) return tl::make_unexpected(Errno{EIO});
    bytes.remove_prefix(*count);
    offset += *count;
  }
  return {};
}

Io<std::size_t> read_fully(File& file, std::span<char> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto count = file.read_at(into.subspan(done), offset + done);
    if (!count) {
      if (count.error().value == EINTR) continue;
      return tl::make_unexpected(count.error());
    }
    if (*count == 0) break;
    done += *count;
  }
  return done;
}

Io<void> write_zeros(File& file, std::uint64_t offset, std::uint64_t bytes) {
  static const std::string kZeros(kZeroPieceBytes, '\0');
  while (bytes > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(bytes, kZeros.size());
    if (auto written = write_fully(file, std::string_view{kZeros}.substr(0, piece), offset); !written) return written;
    offset += piece;
    bytes -= piece;
  }
  return {};
}

tl::unexpected<Failure> io_failure(std::string_view what, std::string_view path, Errno error) {
  const std::string message = fmt::format("{} {}: {}", what, path, std::generic_category().message(error.value));
  if (is_no_room(error)) return fail(FailureCode::disk_full, message);
  if (error.value == ENOENT) return fail(FailureCode::not_found, message);
  return fail(FailureCode::unavailable, message);
}

}  // namespace windfall::journal
