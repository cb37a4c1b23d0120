#include "adapters/journal/format.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL  // the state may then live on the stack, and short inputs cost no call
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "adapters/journal/crc32c.hpp"

namespace windfall::journal {
namespace {

constexpr std::string_view kFrameMagic{"WFJF", 4};
constexpr std::string_view kLineageMagic{"WINDFALL", 8};

// Offsets in a frame.
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kChecksumAt = 8;
constexpr std::size_t kKindAt = 12;
constexpr std::size_t kVersionAt = 13;
constexpr std::size_t kReservedAt = 14;
constexpr std::size_t kLineageAt = 16;
constexpr std::size_t kSequenceAt = 32;
constexpr std::size_t kPreviousAt = 40;
constexpr std::size_t kBodyLengthAt = 56;
constexpr std::size_t kIdentityCountAt = 60;
static_assert(kIdentityCountAt + 4 == kFrameHeaderBytes);

// Offsets in an identity entry.
constexpr std::size_t kIdLengthAt = 16;
constexpr std::size_t kIdChecksumAt = 17;
static_assert(kIdLengthAt + 1 == kIdentityCoveredBytes && kIdChecksumAt + 4 == kIdentityHeaderBytes);

template <class T>
T get(const char* at) {
  unsigned char raw[sizeof(T)];
  std::memcpy(raw, at, sizeof raw);
  T value = 0;
  for (std::size_t i = 0; i < sizeof raw; ++i) value = static_cast<T>(value | static_cast<T>(T{raw[i]} << (8 * i)));
  return value;
}

template <class T>
void put(char* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
}

std::size_t id_length(const char* entry) { return static_cast<unsigned char>(entry[kIdLengthAt]); }

/// Covers the id's owner too, so that ids cannot change places.
std::uint32_t identity_checksum(const char* entry) {
  return crc32c({entry + kIdentityHeaderBytes, id_length(entry)}, crc32c({entry, kIdentityCoveredBytes}));
}

bool is_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

bool is_erased(const char* entry) { return is_zero({entry + kIdChecksumAt, 4 + id_length(entry)}); }

bool is_sound(const char* entry) {
  return get<std::uint32_t>(entry + kIdChecksumAt) == identity_checksum(entry) || is_erased(entry);
}

/// Covers all that never changes: not itself, not the erasable parts of identities, not the trailer (a copy of it).
std::uint32_t frame_checksum(std::string_view frame, std::size_t body_end, std::uint32_t identities) {
  std::uint32_t crc = crc32c(frame.substr(0, kChecksumAt));
  crc = crc32c(frame.substr(kKindAt, body_end - kKindAt), crc);
  const char* entry = frame.data() + body_end;
  for (std::uint32_t i = 0; i < identities; ++i, entry += kIdentityHeaderBytes + id_length(entry)) {
    crc = crc32c({entry, kIdentityCoveredBytes}, crc);
  }
  return crc;
}

FrameHash frame_hash(std::string_view frame, std::size_t body_end, std::uint32_t identities) {
  if (identities == 0) {
    const XXH128_hash_t hash = XXH3_128bits(frame.data(), body_end);
    return {hash.low64, hash.high64};
  }
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, frame.data(), body_end);
  const char* entry = frame.data() + body_end;
  for (std::uint32_t i = 0; i < identities; ++i, entry += kIdentityHeaderBytes + id_length(entry)) {
    XXH3_128bits_update(&state, entry, kIdentityCoveredBytes);
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.low64, hash.high64};
}

/// True if exactly `count` entries with legal lengths fill the bytes from `at` to `end`.
bool entries_fit(const char* at, const char* end, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (static_cast<std::size_t>(end - at) < kIdentityHeaderBytes) return false;
    const std::size_t length = id_length(at);
    if (length == 0 || length > kMaxIdBytes) return false;
    if (static_cast<std::size_t>(end - at) < kIdentityHeaderBytes + length) return false;
    at += kIdentityHeaderBytes + length;
  }
  return at == end;
}

}  // namespace

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

StoredIdentity StoredIdentities::Iterator::operator*() const {
  StoredIdentity found;
  found.ref = {get<std::uint64_t>(at_), get<std::uint64_t>(at_ + 8)};
  found.erasable_offset = static_cast<std::uint64_t>(at_ + kIdChecksumAt - frame_);
  found.erasable_bytes = kIdentityHeaderBytes - kIdChecksumAt + id_length(at_);
  if (is_erased(at_)) {
    found.state = IdentityState::erased;
  } else if (!none_unsound_ && !is_sound(at_)) {
    found.state = IdentityState::unsound;
  } else {
    found.id = {at_ + kIdentityHeaderBytes, id_length(at_)};
  }
  return found;
}

StoredIdentities::Iterator& StoredIdentities::Iterator::operator++() {
  at_ += kIdentityHeaderBytes + id_length(at_);
  --left_;
  return *this;
}

std::string_view describe(FrameFault fault) {
  switch (fault) {
    case FrameFault::none_here:
      return "no frame starts here";
    case FrameFault::too_long:
      return "the frame claims more bytes than there are";
    case FrameFault::checksum:
      return "the frame's checksum does not match";
    case FrameFault::other_lineage:
      return "the frame belongs to another lineage";
    case FrameFault::unknown_version:
      return "the frame was written by another version of Windfall";
  }
  return "unknown fault";
}

std::uint64_t claimed_length(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes || !bytes.starts_with(kFrameMagic)) return 0;
  const std::uint64_t length = get<std::uint32_t>(bytes.data() + kLengthAt);
  return length < kFrameOverhead ? 0 : length;
}

tl::expected<FrameView, FrameFault> parse_frame(std::string_view bytes, const LineageId& lineage) {
  const std::uint64_t length = claimed_length(bytes);
  if (length == 0) return tl::make_unexpected(FrameFault::none_here);
  if (length > bytes.size()) return tl::make_unexpected(FrameFault::too_long);

  const char* const frame = bytes.data();
  const std::size_t body_length = get<std::uint32_t>(frame + kBodyLengthAt);
  const auto identities = get<std::uint32_t>(frame + kIdentityCountAt);
  const std::size_t entries_end = length - kFrameTrailerBytes;
  if (body_length > entries_end - kFrameHeaderBytes) return tl::make_unexpected(FrameFault::checksum);
  const std::size_t body_end = kFrameHeaderBytes + body_length;
  if (!entries_fit(frame + body_end, frame + entries_end, identities)) return tl::make_unexpected(FrameFault::checksum);

  const auto checksum = get<std::uint32_t>(frame + kChecksumAt);
  if (checksum != get<std::uint32_t>(frame + entries_end) ||
      checksum != frame_checksum({frame, length}, body_end, identities)) {
    return tl::make_unexpected(FrameFault::checksum);
  }
  if (std::memcmp(frame + kLineageAt, lineage.bytes.data(), lineage.bytes.size()) != 0) {
    return tl::make_unexpected(FrameFault::other_lineage);
  }
  const auto version = static_cast<unsigned char>(frame[kVersionAt]);
  const auto kind = static_cast<unsigned char>(frame[kKindAt]);
  if (version < kOldestReadableVersion || version > kFormatVersion || get<std::uint16_t>(frame + kReservedAt) != 0 ||
      (kind != static_cast<unsigned char>(FrameKind::data) &&
       kind != static_cast<unsigned char>(FrameKind::clean_stop))) {
    return tl::make_unexpected(FrameFault::unknown_version);
  }

  FrameView view;
  view.kind = static_cast<FrameKind>(kind);
  view.sequence = get<std::uint64_t>(frame + kSequenceAt);
  view.previous = {get<std::uint64_t>(frame + kPreviousAt), get<std::uint64_t>(frame + kPreviousAt + 8)};
  view.body = bytes.substr(kFrameHeaderBytes, body_length);
  view.bytes = bytes.substr(0, length);
  const char* entry = frame + body_end;
  for (std::uint32_t i = 0; i < identities; ++i, entry += kIdentityHeaderBytes + id_length(entry)) {
    view.has_unsound_identity |= !is_sound(entry);
  }
  view.identities = {frame, frame + body_end, identities, !view.has_unsound_identity};
  return view;
}

FrameHash hash_of(const FrameView& frame) {
  return frame_hash(frame.bytes, kFrameHeaderBytes + frame.body.size(), frame.identities.size());
}

std::size_t find_frame(std::string_view bytes, std::size_t from, const LineageId& lineage, std::uint64_t least) {
  for (std::size_t at = bytes.find(kFrameMagic, from); at != std::string_view::npos;
       at = bytes.find(kFrameMagic, at + 1)) {
    const auto frame = parse_frame(bytes.substr(at), lineage);
    if (frame && frame->sequence >= least) return at;
    if (!frame && frame.error() == FrameFault::unknown_version) return at;
  }
  return std::string_view::npos;
}

std::size_t encoded_bytes(std::string_view body, std::span<const Identity> identities) {
  std::size_t bytes = body.size();
  for (const Identity& identity : identities) bytes += kIdentityHeaderBytes + identity.id.size();
  return bytes;
}

void FrameDraft::clear() {
  bytes_.assign(kFrameHeaderBytes, '\0');
  identities_.clear();
  identity_count_ = 0;
}

void FrameDraft::add(std::string_view body, std::span<const Identity> identities) {
  bytes_ += body;
  for (const Identity& identity : identities) {
    assert(!identity.id.empty() && identity.id.size() <= kMaxIdBytes && identity.id.front() != '\0');
    std::array<char, kIdentityHeaderBytes> entry{};
    put(entry.data(), identity.ref.hi);
    put(entry.data() + 8, identity.ref.lo);
    entry[kIdLengthAt] = static_cast<char>(identity.id.size());
    identities_.append(entry.data(), entry.size());  // its checksum is left to seal(), off the caller's thread
    identities_ += identity.id;
  }
  identity_count_ += static_cast<std::uint32_t>(identities.size());
}

std::string_view FrameDraft::seal(FrameKind kind, const LineageId& lineage, std::uint64_t sequence,
                                  const FrameHash& previous) {
  const std::size_t body_end = bytes_.size();
  bytes_ += identities_;
  char* entry = bytes_.data() + body_end;
  for (std::uint32_t i = 0; i < identity_count_; ++i, entry += kIdentityHeaderBytes + id_length(entry)) {
    put(entry + kIdChecksumAt, identity_checksum(entry));
  }
  bytes_.append(kFrameTrailerBytes, '\0');

  char* const frame = bytes_.data();
  std::memcpy(frame, kFrameMagic.data(), kFrameMagic.size());
  put(frame + kLengthAt, static_cast<std::uint32_t>(bytes_.size()));
  frame[kKindAt] = static_cast<char>(kind);
  frame[kVersionAt] = static_cast<char>(kFormatVersion);
  put(frame + kReservedAt, std::uint16_t{0});
  std::memcpy(frame + kLineageAt, lineage.bytes.data(), lineage.bytes.size());
  put(frame + kSequenceAt, sequence);
  put(frame + kPreviousAt, previous.low);
  put(frame + kPreviousAt + 8, previous.high);
  put(frame + kBodyLengthAt, static_cast<std::uint32_t>(body_end - kFrameHeaderBytes));
  put(frame + kIdentityCountAt, identity_count_);
  const std::uint32_t checksum = frame_checksum(bytes_, body_end, identity_count_);
  put(frame + kChecksumAt, checksum);
  put(frame + bytes_.size() - kFrameTrailerBytes, checksum);
  hash_ = frame_hash(bytes_, body_end, identity_count_);
  return bytes_;
}

// The lineage file: magic 8, version u32, checksum u32 of all the rest, lineage 16, fingerprint 8, zeros.
std::string encode_lineage(const LineageRecord& record) {
  std::string bytes(kLineageFileBytes, '\0');
  std::memcpy(bytes.data(), kLineageMagic.data(), kLineageMagic.size());
  put(bytes.data() + 8, record.version);
  std::memcpy(bytes.data() + 16, record.lineage.bytes.data(), record.lineage.bytes.size());
  std::memcpy(bytes.data() + 32, record.fingerprint.bytes.data(), record.fingerprint.bytes.size());
  put(bytes.data() + 12, crc32c(std::string_view{bytes}.substr(16), crc32c(std::string_view{bytes}.substr(0, 12))));
  return bytes;
}

Result<LineageRecord> decode_lineage(std::string_view bytes, std::string_view path) {
  if (bytes.size() < kLineageFileBytes || !bytes.starts_with(kLineageMagic)) {
    return fail(FailureCode::damaged, fmt::format("{}: this is not the lineage file of a Windfall journal", path));
  }
  // The version comes before the checksum: another version may check other bytes.
  LineageRecord record;
  record.version = get<std::uint32_t>(bytes.data() + 8);
  if (record.version < kOldestReadableVersion || record.version > kFormatVersion) {
    return fail(FailureCode::invalid,
                fmt::format("{}: journal format version {} is unknown; this program reads {} to {}", path,
                            record.version, kOldestReadableVersion, kFormatVersion));
  }
  const std::uint32_t checksum = crc32c(bytes.substr(16), crc32c(bytes.substr(0, 12)));
  if (bytes.size() != kLineageFileBytes || get<std::uint32_t>(bytes.data() + 12) != checksum) {
    return fail(FailureCode::damaged, fmt::format("{}: the checksum of the lineage file does not match", path));
  }
  std::memcpy(record.lineage.bytes.data(), bytes.data() + 16, record.lineage.bytes.size());
  std::memcpy(record.fingerprint.bytes.data(), bytes.data() + 32, record.fingerprint.bytes.size());
  return record;
}

}  // namespace windfall::journal
