// The bytes of the journal: how a frame and the lineage file are laid out, and nothing about where they are kept. Every
// integer is little-endian and written out by hand, so a file moves between machines. docs/journal-format.md tells the
// same to a stranger.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "domain/kernel/ids.hpp"
#include "domain/kernel/result.hpp"

namespace windfall::journal {

/// What this program writes; it also reads the one before, so that an upgrade can be taken back by one step.
inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint32_t kOldestReadableVersion = kFormatVersion > 1 ? kFormatVersion - 1 : kFormatVersion;

inline constexpr std::size_t kFrameHeaderBytes = 64;
inline constexpr std::size_t kFrameTrailerBytes = 4;
inline constexpr std::size_t kFrameOverhead = kFrameHeaderBytes + kFrameTrailerBytes;
/// Reference and length: the part of an identity entry that frame checksum and chain cover.
inline constexpr std::size_t kIdentityCoveredBytes = 17;
/// Covered part and own checksum; the id follows.
inline constexpr std::size_t kIdentityHeaderBytes = 21;
/// The contract allows user ids up to here; a longer length byte is damage.
inline constexpr std::size_t kMaxIdBytes = 128;
inline constexpr std::size_t kLineageFileBytes = 64;

/// 16 random bytes that name one history; a restore starts another.
struct LineageId {
  std::array<unsigned char, 16> bytes{};
  auto operator<=>(const LineageId&) const = default;
};

/// Tells user-hash keys apart without showing them; the caller derives it from the key.
struct KeyFingerprint {
  std::array<unsigned char, 8> bytes{};
  auto operator<=>(const KeyFingerprint&) const = default;
};

/// XXH3-128 of a frame's covered bytes; zero before the first frame.
struct FrameHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const FrameHash&) const = default;
};

enum class FrameKind : unsigned char { data = 1, clean_stop = 2 };

std::string hex(std::span<const unsigned char> bytes);

// ---- identities

/// A user id on its way into the journal: 1 to kMaxIdBytes bytes, the first not NUL.
struct Identity {
  UserRef ref;
  std::string_view id;
};

enum class IdentityState : unsigned char {
  sound,
  erased,   ///< checksum and id are zeros
  unsound,  ///< an erasure that was cut short, or damage; `id` is empty
};

/// An identity as found in a frame; `id` points into the frame's bytes.
struct StoredIdentity {
  UserRef ref;
  std::string_view id;
  IdentityState state = IdentityState::sound;
  std::uint64_t erasable_offset = 0;  ///< of checksum and id, from the start of the frame
  std::size_t erasable_bytes = 0;
};

/// A walk over the identity entries of a frame that parse_frame() accepted.
class StoredIdentities {
 public:
  class Iterator {
   public:
    using value_type = StoredIdentity;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const char* frame, const char* at, std::uint32_t left, bool none_unsound)
        : frame_(frame), at_(at), left_(left), none_unsound_(none_unsound) {}
    StoredIdentity operator*() const;
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    const char* frame_ = nullptr;
    const char* at_ = nullptr;
    std::uint32_t left_ = 0;
    bool none_unsound_ = false;
  };

  StoredIdentities() = default;
  /// `none_unsound`: the checksums of all entries were found right, and are not asked again.
  StoredIdentities(const char* frame, const char* first, std::uint32_t count, bool none_unsound)
      : frame_(frame), first_(first), count_(count), none_unsound_(none_unsound) {}
  [[nodiscard]] Iterator begin() const { return {frame_, first_, count_, none_unsound_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] std::uint32_t size() const { return count_; }

 private:
  const char* frame_ = nullptr;
  const char* first_ = nullptr;
  std::uint32_t count_ = 0;
  bool none_unsound_ = false;
};

// ---- frames

/// A frame as found in a segment; everything points into the caller's buffer.
struct FrameView {
  FrameKind kind = FrameKind::data;
  std::uint64_t sequence = 0;
  FrameHash previous;
  std::string_view body;
  StoredIdentities identities;
  std::string_view bytes;  ///< the whole frame, header to trailer
  bool has_unsound_identity = false;
};

enum class FrameFault : unsigned char {
  none_here,        ///< no frame starts here
  too_long,         ///< it claims more bytes than there are
  checksum,         ///< torn or flipped bytes
  other_lineage,    ///< a whole frame of another history
  unknown_version,  ///< a whole frame of this history that only another version of Windfall understands
};

std::string_view describe(FrameFault fault);

/// Reads the frame at the start of `bytes`, checking everything but its place in the chain.
tl::expected<FrameView, FrameFault> parse_frame(std::string_view bytes, const LineageId& lineage);

/// The length that a header claims; 0 if `bytes` does not start with a frame header. Only a hint until parse_frame()
/// agrees.
std::uint64_t claimed_length(std::string_view bytes);

/// What the next frame has to carry as `previous`.
FrameHash hash_of(const FrameView& frame);

/// Offset of the first whole frame of this lineage at or after `from` whose sequence is at least `least`, or npos.
std::size_t find_frame(std::string_view bytes, std::size_t from, const LineageId& lineage, std::uint64_t least);

/// A frame being put together; its buffers are reused, so a warm one allocates nothing.
class FrameDraft {
 public:
  FrameDraft() { clear(); }

  void add(std::string_view body, std::span<const Identity> identities);
  void clear();
  /// Bytes that the sealed frame will take.
  [[nodiscard]] std::size_t frame_bytes() const { return bytes_.size() + identities_.size() + kFrameTrailerBytes; }
  /// Completes the frame; the view of its bytes and `hash` are valid until the next call of any member.
  std::string_view seal(FrameKind kind, const LineageId& lineage, std::uint64_t sequence, const FrameHash& previous);
  [[nodiscard]] const FrameHash& hash() const { return hash_; }

 private:
  std::string bytes_;  ///< room for the header, then the body
  std::string identities_;
  std::uint32_t identity_count_ = 0;
  FrameHash hash_;
};

/// Bytes that a batch adds to a frame.
std::size_t encoded_bytes(std::string_view body, std::span<const Identity> identities);

// ---- the lineage file

struct LineageRecord {
  std::uint32_t version = kFormatVersion;
  LineageId lineage;
  KeyFingerprint fingerprint;
};

std::string encode_lineage(const LineageRecord& record);
/// damaged: not a lineage file, or flipped bytes; invalid: a version that this program does not read.
Result<LineageRecord> decode_lineage(std::string_view bytes, std::string_view path);

}  // namespace windfall::journal
