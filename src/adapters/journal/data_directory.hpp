// The data directory as a whole: who may use it, which history it holds, where its segments are.
//   DATA/lock      held while a process uses the directory; holds its process id
//   DATA/lineage   format version, lineage id, fingerprint of the user-hash key
//   DATA/journal/  <sequence of its first frame, 16 hex digits>.seg, and `spare`, the next segment, prewritten
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/journal/file_system.hpp"
#include "adapters/journal/format.hpp"

namespace windfall::journal {

std::string journal_path(const std::string& directory);
std::string segment_path(const std::string& directory, std::uint64_t first_sequence);
std::string spare_path(const std::string& directory);
/// A spare being written; whatever carries this name is thrown away.
std::string unfinished_spare_path(const std::string& directory);

/// First sequences of all segments, ascending. not_found: there is no journal directory.
Result<std::vector<std::uint64_t>> list_segments(FileSystem& files, const std::string& directory);

/// A whole file in memory; the buffer grows as needed and is kept between loads.
class FileImage {
 public:
  Io<void> load(File& file);
  [[nodiscard]] std::string_view bytes() const { return {buffer_.get(), size_}; }

 private:
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

struct DirectoryExpectation {
  KeyFingerprint fingerprint;
  std::optional<LineageId> lineage;  ///< the only one accepted, and the one a new directory gets
};

struct OpenDirectory {
  std::unique_ptr<FileLock> lock;
  LineageRecord record;
};

/// Locks the directory for writing and makes it if it is new; a new lineage is durable before this returns.
/// conflict: in use (the message names the process), another lineage, or another user-hash key. damaged, invalid: the
/// lineage file.
Result<OpenDirectory> open_for_writing(FileSystem& files, const std::string& directory,
                                       const DirectoryExpectation& expectation);

/// Locks the directory against writers and writes nothing. conflict: a writer uses it. not_found: no data directory.
Result<OpenDirectory> open_for_reading(FileSystem& files, const std::string& directory);

}  // namespace windfall::journal
