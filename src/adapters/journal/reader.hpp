// Follows the journal from any position, beside the running writer or after a restart: how consumers (ledger, effects,
// relay) get what was decided. It reads only frames that the caller knows to be durable, so it never sees one that is
// still being written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/journal/survey.hpp"

namespace windfall::journal {

/// Reads are at least this large, so that a stingy caller does not turn frames into system calls.
inline constexpr std::size_t kLeastReadBytes = 64 * 1024;

struct Chunk {
  std::span<const Frame> frames;  ///< valid until the next read; clean-stop frames included
  Position next;                  ///< where to go on; worth storing
};

/// Belongs to one thread at a time.
class Reader {
 public:
  explicit Reader(std::string directory, const LineageId& lineage, FileSystem& files = real_file_system());

  /// Frames from `from` on, up to and including sequence `up_to` (Writer::durable()), about `max_bytes` of them, at
  /// least one if there is one. A position that is out of date is searched by its sequence. damaged: a frame that must
  /// be there is not, or is bad.
  Result<Chunk> read(Position from, std::size_t max_bytes, std::uint64_t up_to);

 private:
  Result<Position> locate(std::uint64_t sequence);
  Result<void> enter(std::uint64_t segment);
  Result<std::size_t> fill(std::uint64_t offset, std::size_t bytes);
  void parse(Position& at, std::string_view window, std::uint64_t up_to);
  Result<void> look(Position& at, std::size_t bytes, std::uint64_t up_to);

  const std::string directory_;
  const LineageId lineage_;
  FileSystem& files_;
  std::unique_ptr<File> file_;
  std::uint64_t segment_ = 0;  ///< first sequence of the open one; 0: none
  std::vector<char> window_;
  std::vector<Frame> frames_;
};

}  // namespace windfall::journal
