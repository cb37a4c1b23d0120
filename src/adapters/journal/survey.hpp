// Walks the whole journal once, from the first frame to the last, and says what it found. It changes nothing: recovery
// decides what to do with the answer, fsck prints it. The rule, with n the sequence that is expected next:
//   zeros up to the end of the last segment              the journal ends here
//   anything else there, and no frame >= n behind it     a torn tail: frame n was never acknowledged, since frame n+1
//   is only written
//                                                        once frame n is durable
//   a frame >= n behind it, or a segment that starts     damage: frame n was acknowledged and is gone
//   with a later frame
// Frames of another lineage or of a lower sequence are what a reused file held before: they count as "anything else".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/journal/data_directory.hpp"
#include "adapters/journal/format.hpp"

namespace windfall::journal {

/// Where a frame starts. As text "<frame sequence>:<first sequence of its segment>:<offset>", all decimal. The frame
/// sequence alone is enough to find it again: the rest may be 0 and saves a search.
struct Position {
  std::uint64_t frame_sequence = 1;
  std::uint64_t segment_first_sequence = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

std::string to_text(const Position& position);
std::optional<Position> position_from_text(std::string_view text);

/// A frame and where it is; valid only during the call or until the next read.
struct Frame {
  FrameView view;
  Position position;
};

/// May refuse: then the walk stops with that failure.
using Visitor = std::function<Result<void>(const Frame&)>;

struct Finding {
  std::string file;
  std::uint64_t offset = 0;
  std::string what;
};

std::string to_text(const Finding& finding);

/// Where the erasable part of an identity stands.
struct IdentityPlace {
  UserRef ref;
  std::uint64_t segment_first_sequence = 0;
  std::uint64_t offset = 0;  ///< in the file
  std::size_t bytes = 0;
};

/// The end of the journal, where the next frame goes.
struct Tail {
  std::uint64_t segment_first_sequence = 0;  ///< 0: there is no segment at all
  std::uint64_t offset = 0;
  std::uint64_t last_frame_bytes = 0;  ///< length of the frame that ends at `offset`; 0 if the segment holds none
  std::uint64_t rubbish_end = 0;       ///< bytes from `offset` to here are not all zero; == offset if there are none
};

struct Survey {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;          ///< of frames
  std::uint64_t last_sequence = 0;  ///< 0: no frame
  FrameHash last_hash;
  FrameKind last_kind = FrameKind::data;
  Tail tail;
  std::optional<Finding> torn_tail;
  std::vector<Finding> damage;
  std::vector<IdentityPlace>
      unsound;  ///< the checksum is wrong though the frame is whole: an erasure cut short, or damage
};

enum class OnDamage : unsigned char {
  stop,      ///< at the first finding; the rest of the survey is then void
  carry_on,  ///< with the next whole frame
};

/// damaged is never a failure here but a finding; failures are those of the operating system and of the visitor.
Result<Survey> survey(FileSystem& files, const std::string& directory, const LineageId& lineage, const Visitor& visit,
                      OnDamage on_damage);

}  // namespace windfall::journal
