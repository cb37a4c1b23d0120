#include "adapters/journal/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace windfall::journal {
namespace {

/// An erasure that overlaps a read may show half an identity. It is over in microseconds; what stays wrong this long is
/// damage.
constexpr int kErasureLooks = 1000;

}  // namespace

Reader::Reader(std::string directory, const LineageId& lineage, FileSystem& files)
    : directory_(std::move(directory)), lineage_(lineage), files_(files) {}

Result<Chunk> Reader::read(Position from, std::size_t max_bytes, std::uint64_t up_to) {
  frames_.clear();
  if (from.frame_sequence > up_to) return Chunk{{}, from};
  const std::size_t bytes = std::max(max_bytes, kLeastReadBytes);

  Position at = from;
  if (at.segment_first_sequence != 0) {
    if (auto looked = look(at, bytes, up_to); !looked && looked.error().code != FailureCode::not_found) {
      return tl::make_unexpected(looked.error());
    }
  }
  if (frames_.empty()) {  // the end of a segment, or a position from before a restore
    auto found = locate(from.frame_sequence);
    if (!found) return tl::make_unexpected(found.error());
    at = *found;
    if (auto looked = look(at, bytes, up_to); !looked) return tl::make_unexpected(looked.error());
  }
  if (frames_.empty()) {
    const Finding place{segment_path(directory_, at.segment_first_sequence), at.offset,
                        fmt::format("frame {} should be here", at.frame_sequence)};
    return fail(FailureCode::damaged, to_text(place));
  }
  return Chunk{frames_, at};
}

/// Reads and parses at a position, again while an erasure is under way, and more if the first frame is larger than
/// asked for.
Result<void> Reader::look(Position& at, std::size_t bytes, std::uint64_t up_to) {
  if (auto entered = enter(at.segment_first_sequence); !entered) return entered;
  const Position start = at;
  for (int looks = 0;; ++looks) {
    at = start;
    auto filled = fill(start.offset, bytes);
    if (!filled) return tl::make_unexpected(filled.error());
    const std::string_view window(window_.data(), *filled);
    // A full window may cut the first frame. A short one is the end of the file: what is claimed beyond it is nonsense.
    if (const std::uint64_t claimed = claimed_length(window); claimed > bytes && window.size() == bytes && looks == 0) {
      const auto size = file_->size();
      if (!size) return io_failure("measure", segment_path(directory_, segment_), size.error());
      bytes = std::min<std::uint64_t>(claimed, *size - std::min(*size, start.offset));
      continue;
    }
    frames_.clear();
    parse(at, window, up_to);
    const auto unsound = std::find_if(frames_.begin(), frames_.end(),
                                      [](const Frame& frame) { return frame.view.has_unsound_identity; });
    if (unsound == frames_.end()) return {};
    if (looks == kErasureLooks) {
      const Finding place{segment_path(directory_, at.segment_first_sequence), unsound->position.offset,
                          fmt::format("an identity of frame {} is bad", unsound->view.sequence)};
      return fail(FailureCode::damaged, to_text(place));
    }
    std::this_thread::yield();
  }
}

void Reader::parse(Position& at, std::string_view window, std::uint64_t up_to) {
  while (at.frame_sequence <= up_to) {
    const auto frame = parse_frame(window, lineage_);
    if (!frame || frame->sequence != at.frame_sequence) return;
    frames_.push_back({*frame, at});
    at.offset += frame->bytes.size();
    ++at.frame_sequence;
    window.remove_prefix(frame->bytes.size());
  }
}

/// The last segment that starts at or before the sequence holds it; how far in, only a walk can tell.
Result<Position> Reader::locate(std::uint64_t sequence) {
  const auto segments = list_segments(files_, directory_);
  if (!segments) return tl::make_unexpected(segments.error());
  const auto after = std::upper_bound(segments->begin(), segments->end(), sequence);
  if (after == segments->begin()) {
    return fail(FailureCode::damaged, fmt::format("{}: no segment holds frame {}", journal_path(directory_), sequence));
  }
  Position at{*std::prev(after), *std::prev(after), 0};
  if (at.frame_sequence == sequence) return at;

  if (auto entered = enter(at.segment_first_sequence); !entered) return tl::make_unexpected(entered.error());
  FileImage image;
  if (auto loaded = image.load(*file_); !loaded) {
    return io_failure("read", segment_path(directory_, at.segment_first_sequence), loaded.error());
  }
  while (at.frame_sequence < sequence) {
    const auto frame = parse_frame(image.bytes().substr(at.offset), lineage_);
    if (!frame || frame->sequence != at.frame_sequence) break;  // read() reports that nothing is there
    at.offset += frame->bytes.size();
    ++at.frame_sequence;
  }
  return at;
}

Result<void> Reader::enter(std::uint64_t segment) {
  if (segment == segment_) return {};
  const std::string path = segment_path(directory_, segment);
  auto file = files_.open(path, OpenMode::read);
  if (!file) return io_failure("open", path, file.error());
  file_ = std::move(*file);
  segment_ = segment;
  return {};
}

Result<std::size_t> Reader::fill(std::uint64_t offset, std::size_t bytes) {
  if (window_.size() < bytes) window_.resize(bytes);
  auto count = read_fully(*file_, {window_.data(), bytes}, offset);
  if (!count) return io_failure("read", segment_path(directory_, segment_), count.error());
  return *count;
}

}  // namespace windfall::journal
