// What the journal asks of an operating system, and no more: so that tests can put a system under it that runs out of
// room, fails a sync, or loses power between any two calls. Calls map one to one to system calls; short counts and
// EINTR are left to the helpers below.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "domain/kernel/result.hpp"

namespace windfall::journal {

/// What errno said.
struct Errno {
  int value = 0;
};

template <class T>
using Io = tl::expected<T, Errno>;

/// True for the errors that go away when somebody makes room: no space, quota, file size limit.
bool is_no_room(Errno error);

/// An open file. Reads and writes name their offset, so one handle may be used by several threads; closing is the
/// destructor.
class File {
 public:
  virtual ~File() = default;
  virtual Io<std::size_t> read_at(std::span<char> into, std::uint64_t offset) = 0;
  virtual Io<std::size_t> write_at(std::string_view bytes, std::uint64_t offset) = 0;
  /// Reserves room for an empty file, and takes none from others if there is not enough; a file system that cannot is
  /// no error, the zeros written afterwards do the same.
  virtual Io<void> allocate(std::uint64_t bytes) = 0;
  /// Returns once everything written through any handle of this file is durable, its length included.
  virtual Io<void> sync() = 0;
  virtual Io<std::uint64_t> size() = 0;
};

/// Held until destroyed, also by a crash of the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : unsigned char {
  read,
  write,    ///< reads and writes a file that exists
  replace,  ///< reads and writes a file that is made, or emptied
};

enum class LockMode : unsigned char {
  exclusive,  ///< makes the lock file and writes this process's id into it
  shared,     ///< writes nothing; the lock file must exist
};

struct LockRefused {
  Errno error;            ///< EWOULDBLOCK: somebody holds it
  std::string holder_id;  ///< the holder's process id, as far as it is known
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Io<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Io<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Io<void> remove(const std::string& path) = 0;
  /// An existing directory is no error.
  virtual Io<void> create_directory(const std::string& path) = 0;
  /// Makes creations, renames and removals in this directory durable.
  virtual Io<void> sync_directory(const std::string& path) = 0;
  virtual Io<std::vector<std::string>> list(const std::string& path) = 0;
  virtual tl::expected<std::unique_ptr<FileLock>, LockRefused> lock(const std::string& path, LockMode mode) = 0;
};

/// The one of the operating system.
FileSystem& real_file_system();

/// Repeats after short counts and EINTR. ENOSPC may leave a part written.
Io<void> write_fully(File& file, std::string_view bytes, std::uint64_t offset);
/// Returns fewer bytes than asked for only at the end of the file.
Io<std::size_t> read_fully(File& file, std::span<char> into, std::uint64_t offset);
/// Zeros a region in pieces.
Io<void> write_zeros(File& file, std::uint64_t offset, std::uint64_t bytes);

/// A failure that names what was tried, on what, and why it did not work.
tl::unexpected<Failure> io_failure(std::string_view what, std::string_view path, Errno error);

}  // namespace windfall::journal
