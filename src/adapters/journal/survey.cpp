#include "adapters/journal/survey.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

namespace windfall::journal {
namespace {

/// Length without the zeros at the end. Most of a fresh segment is zeros, hence block by block.
std::size_t end_of_content(std::string_view bytes) {
  static constexpr std::array<char, 4096> kZeros{};
  while (bytes.size() >= kZeros.size() &&
         std::memcmp(bytes.data() + bytes.size() - kZeros.size(), kZeros.data(), kZeros.size()) == 0) {
    bytes.remove_suffix(kZeros.size());
  }
  while (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  return bytes.size();
}

class Surveyor {
 public:
  Surveyor(FileSystem& files, const std::string& directory, const LineageId& lineage, const Visitor& visit,
           OnDamage on_damage)
      : files_(files), directory_(directory), lineage_(lineage), visit_(visit), on_damage_(on_damage) {}

  Result<Survey> run() {
    const auto segments = list_segments(files_, directory_);
    if (!segments) return tl::make_unexpected(segments.error());
    for (const std::uint64_t first : *segments) {
      if (auto joined = enter_segment(first); !joined) return tl::make_unexpected(joined.error());
      if (stopped_) break;
      if (auto walked = walk_segment(); !walked) return tl::make_unexpected(walked.error());
      if (stopped_) break;
    }
    if (!segments->empty() && !stopped_) judge_rest();
    return std::move(found_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return image_.bytes().substr(found_.tail.offset); }
  [[nodiscard]] std::string here() const { return segment_path(directory_, found_.tail.segment_first_sequence); }

  void damage(std::string what) {
    found_.damage.push_back({here(), found_.tail.offset, std::move(what)});
    stopped_ = on_damage_ == OnDamage::stop;
  }

  /// The segment before must have ended just where this one starts; what lies behind its last frame is of no interest
  /// then.
  Result<void> enter_segment(std::uint64_t first) {
    if (first != expected_) {
      if (found_.tail.segment_first_sequence == 0) found_.tail.segment_first_sequence = first;
      damage(first < expected_
                 ? fmt::format("frame {} follows, but the next segment starts with frame {} again", expected_, first)
                 : fmt::format("frame {} is missing ({}), but the next segment starts with frame {}", expected_,
                               image_.bytes().empty() ? "nothing precedes it" : fault_here(), first));
      if (stopped_) return {};
      expected_ = first;
      chain_known_ = false;
    }
    found_.tail = Tail{first, 0, 0, 0};
    auto file = files_.open(here(), OpenMode::read);
    if (!file) return io_failure("open", here(), file.error());
    if (auto loaded = image_.load(**file); !loaded) return io_failure("read", here(), loaded.error());
    return {};
  }

  Result<void> walk_segment() {
    while (!stopped_) {
      const auto frame = parse_frame(rest(), lineage_);
      if (frame && frame->sequence == expected_) {
        if (auto taken = take(*frame); !taken) return taken;
      } else if (!skip_to_later_frame()) {
        return {};
      }
    }
    return {};
  }

  Result<void> take(const FrameView& frame) {
    if (chain_known_ && frame.previous != found_.last_hash) {
      damage(fmt::format("frame {} does not follow from the frame before it", frame.sequence));
      if (stopped_) return {};
    }
    Tail& tail = found_.tail;
    if (frame.has_unsound_identity) note_unsound(frame);
    if (visit_) {
      const Position position{frame.sequence, tail.segment_first_sequence, tail.offset};
      if (auto seen = visit_({frame, position}); !seen) return seen;
    }
    ++found_.frames;
    found_.bytes += frame.bytes.size();
    found_.last_sequence = frame.sequence;
    found_.last_hash = hash_of(frame);
    found_.last_kind = frame.kind;
    chain_known_ = true;
    expected_ = frame.sequence + 1;
    tail.last_frame_bytes = frame.bytes.size();
    tail.offset += frame.bytes.size();
    return {};
  }

  void note_unsound(const FrameView& frame) {
    const Tail& tail = found_.tail;
    for (const StoredIdentity identity : frame.identities) {
      if (identity.state != IdentityState::unsound) continue;
      found_.unsound.push_back(
          {identity.ref, tail.segment_first_sequence, tail.offset + identity.erasable_offset, identity.erasable_bytes});
    }
  }

  /// The frame that belongs here is bad or absent. A later one behind it proves that it was acknowledged.
  bool skip_to_later_frame() {
    const std::size_t skip = find_frame(rest(), 0, lineage_, expected_);
    if (skip == std::string_view::npos) return false;
    const auto later = parse_frame(rest().substr(skip), lineage_);
    if (!later) {  // whole, ours, and not to be understood: never to be cut
      damage(std::string{describe(later.error())});
      stopped_ = true;
      return true;
    }
    damage(fmt::format("frame {} is bad ({}), but frame {} follows at offset {}", expected_, fault_here(),
                       later->sequence, found_.tail.offset + skip));
    if (stopped_) return true;
    found_.tail.offset += skip;
    expected_ = later->sequence;
    chain_known_ = false;
    return true;
  }

  [[nodiscard]] std::string fault_here() const {
    const auto frame = parse_frame(rest(), lineage_);
    if (!frame) return std::string{describe(frame.error())};
    return fmt::format("frame {} stands in its place", frame->sequence);
  }

  /// What lies behind the last frame of the last segment.
  void judge_rest() {
    Tail& tail = found_.tail;
    tail.rubbish_end = tail.offset + end_of_content(rest());
    if (tail.rubbish_end == tail.offset) return;
    if (holds_other_history()) return damage("the first segment holds frames of another lineage");
    found_.torn_tail = Finding{here(), tail.offset,
                               fmt::format("frame {} was never completed ({}); {} bytes behind the last whole frame",
                                           expected_, fault_here(), tail.rubbish_end - tail.offset)};
  }

  /// The first segment of a lineage is never a reused file: another lineage's frame at its start means that files were
  /// mixed up, and cutting it would destroy somebody's journal.
  [[nodiscard]] bool holds_other_history() const {
    const auto frame = parse_frame(rest(), lineage_);
    return found_.frames == 0 && found_.tail.segment_first_sequence == 1 && !frame &&
           frame.error() == FrameFault::other_lineage;
  }

  FileSystem& files_;
  const std::string& directory_;
  const LineageId& lineage_;
  const Visitor& visit_;
  OnDamage on_damage_;
  FileImage image_;
  Survey found_;
  std::uint64_t expected_ = 1;
  bool chain_known_ = true;
  bool stopped_ = false;
};

}  // namespace

std::string to_text(const Position& position) {
  return fmt::format("{}:{}:{}", position.frame_sequence, position.segment_first_sequence, position.offset);
}

std::optional<Position> position_from_text(std::string_view text) {
  std::array<std::uint64_t, 3> numbers{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) {
      if (at == end || *at != ':') return std::nullopt;
      ++at;
    }
    const auto [stop, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc{}) return std::nullopt;
    at = stop;
  }
  if (at != end || numbers[0] == 0) return std::nullopt;
  return Position{numbers[0], numbers[1], numbers[2]};
}

std::string to_text(const Finding& finding) {
  return fmt::format("{} at offset {}: {}", finding.file, finding.offset, finding.what);
}

Result<Survey> survey(FileSystem& files, const std::string& directory, const LineageId& lineage, const Visitor& visit,
                      OnDamage on_damage) {
  return Surveyor(files, directory, lineage, visit, on_damage).run();
}

}  // namespace windfall::journal
